/** Buffers of typed streams that are used again: never while somebody may still read them. */
import { createHash, randomBytes } from 'node:crypto'
import { map, toArray } from 'rxjs'
import t from 'tap'
import { connectStream, createStreamListener } from '../../patterns/socket/index.js'
import { SharedBuffer } from '../../patterns/socket/stream/shared-buffer.js'
import { StreamOutbox } from '../../patterns/socket/stream/stream-outbox.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { spareBuffers } from '../../src/memory/index.js'
import { first } from '../support/events.js'
import { TypedSide } from './typed-side.js'

const Piece = defineSchema(record('Piece', { bytes: 'bytes', number: 'int' }))
const sides = { outgoing: Piece, incoming: Piece } as const
const bytes = 100_000

/** Overwrites every buffer of the size of these frames that may be used again. */
function overwrite(): void {
  const buffers: Buffer[] = []
  for (;;) {
    const before = spareBuffers.bytes
    const buffer = spareBuffers.take(bytes + 1000)
    if (spareBuffers.bytes === before) break
    buffers.push(buffer.fill(0xee))
  }
  for (const buffer of buffers) spareBuffers.give(buffer)
}

/** Two sides that have agreed; the supplies of what the second receives are for the test to take. */
function agreed() {
  const dialer = new TypedSide('connect', sides)
  const acceptor = new TypedSide('bind', sides)
  acceptor.receive(dialer.taken())
  dialer.receive(acceptor.taken())
  return { dialer, reader: acceptor.reader }
}

t.test(
  'a frame waits unchanged until its messages are taken; then its buffer is free, and they keep their bytes',
  async (t) => {
    const { dialer, reader } = agreed()
    const sent = [1, 2, 3].map((number) => ({ bytes: Buffer.alloc(bytes, number), number }))
    const supplies = sent.flatMap((piece) => {
      const written = dialer.write(piece)
      // in two chunks, so that the frame is put together
      return [...reader.receive(written.subarray(0, 60_000)), ...reader.receive(written.subarray(60_000))]
    })
    t.equal(supplies.length, 3)
    const taken = supplies.map((supply, at) => {
      const before = spareBuffers.bytes
      const value = supply.take()
      t.equal(spareBuffers.bytes, before, 'not before its end is looked at')
      t.equal(supply.trailing(), undefined)
      t.ok(spareBuffers.bytes > before, `frame ${at} is given back`)
      const after = spareBuffers.bytes
      supply.trailing()
      supply.discard()
      t.equal(spareBuffers.bytes, after, 'once')
      overwrite()
      return value
    })
    t.strictSame(taken, sent)
  },
)

t.test('what nobody wants is given back, too', async (t) => {
  const { dialer, reader } = agreed()
  const written = dialer.write({ bytes: Buffer.alloc(bytes), number: 1 })
  reader.receive(written.subarray(0, 60_000))
  const [supply] = reader.receive(written.subarray(60_000))
  const before = spareBuffers.bytes
  t.equal(supply?.discard(), 1)
  t.ok(spareBuffers.bytes > before)
})

t.test('a shared buffer is given back when all of its frames are taken, and it is left', async (t) => {
  for (const isLeftFirst of [true, false]) {
    const shared = new SharedBuffer(spareBuffers.take(bytes))
    const before = spareBuffers.bytes
    const taken = [shared.hold(), shared.hold()]
    if (isLeftFirst) shared.leave()
    for (const take of taken) {
      t.equal(spareBuffers.bytes, before)
      take()
    }
    if (!isLeftFirst) {
      t.equal(spareBuffers.bytes, before, 'more may be written to it')
      shared.leave()
    }
    t.equal(spareBuffers.bytes, before + shared.buffer.length)
  }
})

t.test('frames are taken when the system has them, when they are copied or dropped, and not after a cut', async (t) => {
  const taken: string[] = []
  let written = () => {}
  const outbox = new StreamOutbox(10_000, undefined, {
    write: (_, done) => {
      written = done
    },
    progress() {},
  })
  const add = (name: string, size: number) =>
    outbox.add([{ parts: [Buffer.alloc(size)], bytes: size, messages: 1, taken: () => taken.push(name) }])
  add('first', 5000)
  t.strictSame(taken, [], 'the system has not taken it')
  add('small', 100)
  t.strictSame(taken, ['small'])
  add('dropped', 6000)
  add('last', 4500)
  t.equal(outbox.dropOldest(), 2)
  t.strictSame(taken, ['small', 'dropped'])
  written()
  t.strictSame(taken, ['small', 'dropped', 'first'])
  t.equal(outbox.stop(), 1)
  written()
  t.strictSame(taken, ['small', 'dropped', 'first'], 'what the system has may still be read')
})

t.test('pieces of any size arrive as they were sent, in both directions, to a consumer that lags behind', async (t) => {
  await using listener = await createStreamListener({ schema: Piece, bind: 'tcp://127.0.0.1:*' })
  listener.connections.subscribe((connection) => {
    // several are in work at a time, and answered later
    const echo = connection.messages.process(
      async (piece) => {
        await new Promise((resolve) => setImmediate(resolve))
        return piece
      },
      { concurrency: 3 },
    )
    echo.subscribe(connection)
  })
  await using connection = await connectStream({ schema: Piece, connect: listener.endpoint })
  const digest = (piece: Uint8Array) => createHash('sha256').update(piece).digest('hex')
  const received = first(
    connection.messages.pipe(
      map((piece) => `${piece.number} ${digest(piece.bytes)}`),
      toArray(),
    ),
  )
  const sent: string[] = []
  for (let number = 0; number < 300; number++) {
    const piece = { bytes: randomBytes((number * 7919) % 200_000), number }
    sent.push(`${number} ${digest(piece.bytes)}`)
    await connection.send(piece)
  }
  connection.complete()
  t.strictSame((await received).toSorted(), sent.toSorted())
})
