/** Frames of a typed stream: exact however the bytes are cut, bounded, and refused where they are not what they should be. */
import fc from 'fast-check'
import t from 'tap'
import { defineSchema, record } from '../../src/avro/index.js'
import { agreed, Note, notes, TypedSide } from './typed-side.js'

const turns = fc.array(fc.array(fc.record({ number: fc.maxSafeInteger(), text: fc.string() }), { maxLength: 30 }), {
  maxLength: 8,
})
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 })

/** Goes round the sizes. */
function round(pieces: readonly number[]): (left: number) => number {
  let next = 0
  return (left) => Math.min(left, pieces[next++ % pieces.length] as number)
}

t.test('messages come as they were sent, however the bytes are cut', async (t) => {
  fc.assert(
    fc.property(turns, sizes, (sent, pieces) => {
      for (const pieceBytes of [round([1]), round(pieces)]) {
        const { dialer, acceptor } = agreed()
        const written = Buffer.concat([...sent.map((values) => dialer.write(...values)), dialer.ended()])
        acceptor.receive(written, pieceBytes)
        t.same(acceptor.values, sent.flat())
        t.equal(acceptor.code, undefined)
        t.equal(acceptor.reader.end(), undefined)
        t.equal(acceptor.reader.buffered, 0, 'nothing is kept')
      }
    }),
    { numRuns: 60 },
  )
})

t.test(
  'a changed byte ends the connection or changes nothing, and the outcome does not depend on the cuts',
  async (t) => {
    const codes = new Set<string | undefined>()
    fc.assert(
      fc.property(turns, sizes, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, pieces, place, change) => {
        const { dialer } = agreed()
        const written = Buffer.concat([...sent.map((values) => dialer.write(...values)), dialer.ended()])
        const at = place % written.length
        written[at] = (written[at] as number) ^ change
        const outcomes = [round([1]), round(pieces), (left: number) => left].map((pieceBytes) => {
          const { acceptor } = agreed()
          acceptor.receive(written, pieceBytes)
          const code = acceptor.code ?? acceptor.reader.end()?.code
          return { code, values: acceptor.values, errors: acceptor.errors.length }
        })
        const [first, ...others] = outcomes
        for (const other of others) t.same(other, first)
        t.not(first?.code, undefined)
        t.equal(first?.errors, 0)
        codes.add(first?.code)
        const values = first?.values ?? []
        t.same(values, sent.flat().slice(0, values.length), 'what comes before the change is as it was sent')
      }),
      { numRuns: 150 },
    )
    for (const code of ['RIVULET_CORRUPT_FRAME', 'RIVULET_FRAME_TOO_LARGE', 'RIVULET_BAD_FRAME'])
      t.ok(codes.has(code), code)
  },
)

t.test('what one turn sends is one frame; much is several frames of bounded size', async (t) => {
  const { dialer, acceptor } = agreed()
  for (const value of notes(100)) dialer.writer.write(value)
  const frames = dialer.writer.take()
  t.equal(frames.length, 1)
  t.equal(frames[0]?.messages, 100)
  for (const value of notes(5000, 'x'.repeat(100))) dialer.writer.write(value)
  t.ok(dialer.writer.bytes > 500_000)
  const many = dialer.writer.take()
  t.ok(many.length >= 8)
  for (const { bytes, parts } of many) {
    t.ok(bytes <= 65_536 + 4)
    t.equal(parts.length, 1)
  }
  acceptor.receive(Buffer.concat(many.flatMap(({ parts }) => parts)))
  t.equal(acceptor.values.length, 5000)
  t.equal(dialer.writer.take().length, 0)
})

t.test('batches are decoded when they are wanted', async (t) => {
  const { dialer, acceptor } = agreed()
  let read = 0
  const supplies = acceptor.reader.receive(dialer.write(...notes(3000)))
  t.equal(supplies.length, 1)
  const [batch] = supplies
  t.equal(batch?.remaining, 3000)
  for (; read < 10; read++) t.same(batch?.take(), { number: read + 1, text: '' })
  t.equal(batch?.remaining, 2990)
})

t.test('a length beyond the limit is refused with its fourth byte, and nothing is kept', async (t) => {
  for (const [maxMessageBytes, length] of [
    [1_048_576, 0xffffffff],
    [1_048_576, 1_048_576 + 131_072 + 1],
    [1000, 1000 + 131_072 + 1],
  ] as const) {
    const { acceptor } = agreed({ maxMessageBytes })
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(length)
    acceptor.receive(bytes.subarray(0, 3), () => 1)
    t.equal(acceptor.code, undefined)
    acceptor.receive(bytes.subarray(3))
    t.equal(acceptor.code, 'RIVULET_FRAME_TOO_LARGE')
    t.equal(acceptor.reader.buffered, 0)
  }
  const { acceptor } = agreed()
  acceptor.receive(Buffer.from('0012000052760202', 'hex'))
  t.equal(acceptor.code, undefined, '1,179,648 bytes are not too many')
  const { acceptor: other } = agreed()
  other.receive(Buffer.from('00000007', 'hex'))
  t.equal(other.code, 'RIVULET_BAD_FRAME', 'no frame has seven bytes')
})

t.test('an incomplete frame takes memory for what has come, not for what is declared', async (t) => {
  const { dialer, acceptor } = agreed()
  const written = dialer.write({ number: 1, text: 'x'.repeat(1_000_000) })
  for (let at = 0; at < 100_000; at += 1000) {
    acceptor.receive(written.subarray(at, at + 1000))
    t.ok(acceptor.reader.buffered <= 4 * (at + 1000), `${acceptor.reader.buffered} after ${at + 1000}`)
  }
  acceptor.receive(written.subarray(100_000))
  t.equal(acceptor.reader.buffered, 0)
  t.equal(acceptor.values.length, 1)
})

t.test('the sender obeys the limit, and the rest continues', async (t) => {
  const { dialer, acceptor } = agreed({ maxMessageBytes: 1000 })
  dialer.writer.write({ number: 1, text: '' })
  t.throws(() => dialer.writer.write({ number: 2, text: 'x'.repeat(1000) }), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
  t.throws(() => dialer.writer.write({ number: 3, text: 3 } as never), { code: 'RIVULET_INVALID_MESSAGE' })
  dialer.writer.write({ number: 4, text: '' })
  acceptor.receive(dialer.taken())
  t.same(
    acceptor.values.map(({ number }) => number),
    [1, 4],
  )
})

t.test('an end is told from a cut', async (t) => {
  const ending = agreed()
  ending.acceptor.receive(ending.dialer.write(...notes(2)))
  t.equal(ending.acceptor.reader.end()?.code, 'RIVULET_CONNECTION_LOST', 'the peer has crashed')
  ending.acceptor.receive(ending.dialer.ended())
  t.equal(ending.acceptor.reader.end(), undefined)
  ending.dialer.writer.end?.()
  t.equal(ending.dialer.taken().length, 0, 'an end is sent once')
  ending.acceptor.receive(agreed().dialer.write(...notes(1)))
  t.equal(ending.acceptor.code, 'RIVULET_BAD_FRAME', 'nothing follows an end')

  const cut = agreed()
  cut.acceptor.receive(cut.dialer.write(...notes(2)).subarray(0, 30))
  t.equal(cut.acceptor.reader.end()?.code, 'RIVULET_TRUNCATED_FRAME')
  const silent = new TypedSide('bind', { outgoing: Note, incoming: Note })
  t.equal(silent.reader.end()?.code, 'RIVULET_HANDSHAKE_FAILED')
})

t.test('what is written before an end leaves before it', async (t) => {
  const { dialer, acceptor } = agreed()
  dialer.writer.write({ number: 1, text: '' })
  acceptor.receive(dialer.ended())
  t.equal(acceptor.values.length, 1)
  t.equal(acceptor.reader.end(), undefined)
})

t.test('a frame of another schema than that of the opening is refused', async (t) => {
  const Other = defineSchema(record('Other', { number: 'long' }))
  const { acceptor } = agreed()
  const other = new TypedSide('connect', { outgoing: Other, incoming: Note })
  other.taken()
  acceptor.receive(other.write({ number: 1 }))
  t.equal(acceptor.code, 'RIVULET_BAD_FRAME')
  t.equal(acceptor.values.length, 0)
})
