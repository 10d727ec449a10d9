/** An outbox with messages of several schemas in one order, and one that begins again with another host. */
import t from 'tap'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { Extras } from '../../src/reliable-send/protocol.js'
import { SendOutbox } from '../../src/reliable-send/send-outbox.js'
import type { Owner } from '../../src/reliable-send/sent-batch.js'
import { schemasPerStream } from '../../src/reliable-send/sent-schemas.js'

const schemaOf = (name: string) =>
  codecOf(defineSchema({ type: 'record', name, fields: [{ name: 'id', type: 'int' }] })) as Codec<unknown, unknown>
const [A, B] = [schemaOf('A'), schemaOf('B')]

function open() {
  const lost: { reason: string; messages: number; unreported: number }[] = []
  const outbox = new SendOutbox<unknown, unknown, Extras>(A, 1_000_000, {
    opening: undefined,
    costOf: () => 0,
    limitBytes: 1_000_000,
    checks: false,
    smallestSlabBytes: 64,
    wake: () => {},
    lost: (reason, messages, unreported) => lost.push({ reason, messages, unreported }),
  })
  const outcomes = new Map<number, string>()
  const send = (codec: Codec<unknown, unknown>, id: number, mayRepeat = false) => {
    const owner: Owner<Extras> = {
      mayRepeat,
      stored: () => outcomes.set(id, 'taken'),
      failed: ({ code, executed }) => outcomes.set(id, `${code} ${executed}`),
    }
    return outbox.appendAs(codec, { id }, owner)
  }
  const begin = (expected?: number) => {
    outbox.open()
    outbox.answer({ opened: { maxMessageBytes: 1_000_000, expected } })
  }
  /** What leaves: sequence, count, whether the text is with it, and the id of the first message. */
  const leave = () => {
    const sent = []
    for (let batch = outbox.take()?.batch; batch; batch = outbox.take()?.batch) {
      const codec = [A, B].find(({ schemaId }) => schemaId.equals(batch.schemaId as Buffer))
      const value = codec?.read(Buffer.from(batch.bodies), viewOf(batch.bodies), { position: 0 }, batch.bodies.length)
      const text = batch.schema == null ? '' : batch.schema === codec?.text ? 'text' : 'another text'
      sent.push(
        `${batch.sequence}+${batch.lengths.length} ${codec === A ? 'A' : 'B'}${(value as { id: number }).id} ${text}`,
      )
    }
    return sent
  }
  begin()
  return { outbox, outcomes, lost, send, begin, leave }
}

function viewOf(bytes: Uint8Array): DataView {
  const copy = Buffer.from(bytes)
  return new DataView(copy.buffer, copy.byteOffset, copy.length)
}

t.test('a batch ends where the schema changes, and a text is sent once for each stream', async (t) => {
  const { send, leave, begin, outbox } = open()
  for (const [codec, id] of [
    [A, 1],
    [A, 2],
    [B, 3],
    [A, 4],
    [B, 5],
    [B, 6],
  ] as const)
    send(codec, id)
  t.strictSame(leave(), ['1+2 A1 text', '3+1 B3 text', '4+1 A4 ', '5+2 B5 '])
  outbox.down()
  begin()
  t.strictSame(leave(), ['1+2 A1 text', '3+1 B3 text', '4+1 A4 ', '5+2 B5 '], 'the next stream has the texts again')
})

t.test('the text of a schema that the host has forgotten is sent again', async (t) => {
  const { send, leave, outbox } = open()
  send(A, 1)
  leave()
  for (let i = 0; i < schemasPerStream - 1; i++) send(schemaOf(`Other${i}`), i)
  while (outbox.take()?.batch);
  send(A, 2)
  t.match(leave(), [/A2 $/], 'remembered')
  send(B, 3)
  leave() // one too many: the host forgets A
  send(A, 4)
  t.match(leave(), [/A4 text$/])
})

t.test('a getter of a value cannot put a message of another schema in its place', async (t) => {
  const { send, outbox, leave } = open()
  let within: unknown
  const value = {
    get id() {
      within ??= send(B, 7)
      return 1
    },
  }
  outbox.appendAs(A, value)
  t.match(within, { code: 'RIVULET_INVALID_MESSAGE' })
  t.strictSame(leave(), ['1+1 A1 text'])
})

t.test('another host: what had left fails or is repeated, what had not goes there, numbered from 1', async (t) => {
  const { send, leave, outbox, outcomes, begin, lost } = open()
  send(A, 1)
  leave()
  outbox.answer({ stored: [{ number: 1, repeated: 0, position: 0, duplicates: [] }] })
  t.equal(outcomes.get(1), 'taken')
  send(A, 2)
  send(A, 3, true)
  outbox.appendAs(A, { id: 4 })
  leave()
  send(B, 5)
  outbox.down()
  const error = new RivuletError('RIVULET_UNKNOWN_OUTCOME', 'it was restarted', { executed: 'maybe' })
  t.equal(outbox.restart(error), 2)
  t.strictSame(
    [...outcomes],
    [
      [1, 'taken'],
      [2, 'RIVULET_UNKNOWN_OUTCOME maybe'],
    ],
  )
  t.strictSame(lost, [{ reason: 'unknown-outcome', messages: 2, unreported: 1 }])
  begin(1)
  t.strictSame(leave(), ['1+1 A3 text', '2+1 B5 text'])
  outbox.flush()
  t.equal(outbox.pending().messages, 2)
})

t.test('the same host, after what had left was given up: numbers continue where it is', async (t) => {
  const { send, leave, outbox, outcomes, begin } = open()
  send(A, 1, true)
  send(A, 2)
  send(A, 3)
  t.strictSame(leave(), ['1+1 A1 text', '2+2 A2 '])
  outbox.down()
  outbox.abandon(new RivuletError('RIVULET_UNKNOWN_OUTCOME', 'it is away', { executed: 'maybe' }))
  send(A, 4)
  begin(4) // it had taken all
  t.strictSame(leave(), ['1+1 A1 text', '4+1 A4 '], 'a number is not used twice')
  outbox.answer({
    stored: [
      { number: 3, position: 0 },
      { number: 4, position: 0 },
    ],
  })
  outbox.down()
  send(A, 5)
  begin(3) // it has forgotten some
  t.strictSame(leave(), ['3+1 A5 text'])
  t.strictSame([...outcomes.keys()].sort(), [1, 2, 3, 4])
})

t.test('a message that may be repeated is, also when a getter of its value takes another one back', async (t) => {
  const { outbox, outcomes, begin, leave } = open()
  const ownerOf = (id: number): Owner<Extras> => ({
    mayRepeat: true,
    mayWithdraw: true,
    stored: () => outcomes.set(id, 'taken'),
    failed: ({ code, executed }) => outcomes.set(id, `${code} ${executed}`),
  })
  const [one, two] = [ownerOf(1), ownerOf(2)]
  outbox.appendAs(A, { id: 1 }, one)
  const value = {
    get id() {
      t.equal(outbox.withdraw(one), true)
      return 2
    },
  }
  outbox.appendAs(A, value, two)
  t.strictSame(leave(), ['1+1 A2 text'])
  outbox.down()
  outbox.restart(new RivuletError('RIVULET_UNKNOWN_OUTCOME', 'started again', { executed: 'maybe' }))
  begin(1)
  t.strictSame(leave(), ['1+1 A2 text'])
  t.strictSame([...outcomes], [])
})

t.test('a large message that is written again for want of room, whose getter takes others back', async (t) => {
  const { outbox } = open()
  const fields = [
    { name: 'id', type: 'int' },
    { name: 'text', type: 'string' },
  ] as const
  const Long = codecOf(defineSchema({ type: 'record', name: 'Long', fields })) as Codec<unknown, unknown>
  const read = (bytes: Buffer) => Long.read(bytes, viewOf(bytes), { position: 0 }, bytes.length)
  const owner: Owner<Extras> = { mayWithdraw: true, stored() {}, failed() {} }
  outbox.appendAs(Long, { id: 1, text: '' }, owner)
  let reads = 0
  const value = {
    get id() {
      reads += 1
      outbox.withdraw(owner)
      return 2
    },
    text: 'x'.repeat(1000),
  }
  t.equal(outbox.appendAs(Long, value), undefined)
  t.ok(reads > 1, 'it was written more than once')
  outbox.appendAs(Long, { id: 3, text: '' })
  const batch = outbox.take()?.batch
  const [length = 0] = batch?.lengths ?? []
  const bodies = Buffer.from(batch?.bodies ?? [])
  t.equal(batch?.lengths.length, 2)
  t.strictSame(read(bodies.subarray(0, length)), { id: 2, text: value.text })
  t.strictSame(read(bodies.subarray(length)), { id: 3, text: '' })
  t.equal(outbox.take(), undefined)
})
