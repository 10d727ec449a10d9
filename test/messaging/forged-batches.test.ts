/** What a wrong peer may send on a stream to another: gaps, repeated and stale numbers, sizes that do not add up, unknown schemas. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { DeliverSession } from '../../patterns/messaging/deliver-session.js'
import { Mailbox } from '../../patterns/messaging/mailbox.js'
import { ReceivedFromPeers } from '../../patterns/messaging/received-from.js'
import { SchemaTexts } from '../../patterns/messaging/schema-texts.js'
import type { DeliverAnswer, MessageBatch } from '../../patterns/messaging/wire.js'
import { codecOf } from '../../src/avro/codec.js'
import { turn } from '../support/events.js'
import { Report } from './peers.js'
import { incarnation } from './roster-lab.js'

const from = { name: 'sender', incarnation: incarnation(1), identity: undefined }
const { text, schemaId } = codecOf(Report)

/** A batch of messages whose ids are their sequence, below 64. */
function batchOf(number: number, sequence: number, count = 1, more: Partial<MessageBatch> = {}): MessageBatch {
  const bodies = Buffer.from(Array.from({ length: count }, (_, at) => 2 * (sequence + at)))
  return { number, sequence, schemaId, schema: text, lengths: Array(count).fill(1), bodies, ...more }
}

function receiver() {
  const bounds = { mailboxMessages: 100, mailboxBytes: 1000, unclaimedMessages: 100, unclaimedBytes: 1000 }
  const ports = { name: () => 'receiver', report: () => {}, wallNow: () => 0, handedOut: () => {} }
  const mailbox = new Mailbox({ ...bounds, mailboxOverflow: 'block' }, ports)
  const received = new ReceivedFromPeers(() => true)
  const ids: number[] = []
  mailbox.laneOf(Report).messages.subscribe(({ id }) => ids.push(id))
  const to = { mailbox, maxMessageBytes: 100, receivedFrom: (ref: typeof from) => received.of(ref) }
  const schemas = new SchemaTexts()
  const open = (attempt: number) => {
    const answers: DeliverAnswer[] = []
    const session = new DeliverSession({
      schemas,
      source: 'one',
      admit: () => ({ from, to, isCurrent: () => true }),
      stream: { answer: (answer) => answers.push(answer), room: () => {}, superseded: () => {} },
    })
    const receive = (batch: MessageBatch) => session.receive({ batch }, () => {})
    const begin = () =>
      session.receive(
        { open: { attempt, from: { ...from, epoch: 1 }, to: { name: 'receiver', incarnation: incarnation(2) } } },
        () => {},
      )
    return { answers, begin, receive }
  }
  return { ids, open, mailbox }
}

t.test('gaps are refused with the number that is expected, and what was taken is not taken again', async (t) => {
  const { ids, open } = receiver()
  const stream = open(1)
  stream.begin()
  stream.receive(batchOf(1, 1, 3))
  stream.receive(batchOf(2, 5))
  stream.receive(batchOf(3, 2, 4)) // two of them are known
  stream.receive(batchOf(4, 1, 5))
  await turn()
  t.strictSame(ids, [1, 2, 3, 4, 5])
  t.match(stream.answers, [
    { opened: { expected: 1 } },
    { taken: [{ number: 1 }, { number: 3 }, { number: 4 }], refused: [{ number: 2, expected: 4 }] },
  ])
  const next = open(2)
  next.begin()
  next.receive(batchOf(1, 4, 3))
  await turn()
  t.strictSame(ids, [1, 2, 3, 4, 5, 6], 'over all streams')
  t.match(next.answers, [{ opened: { expected: 6 } }, { taken: [{ number: 1 }] }])
})

t.test('a stream that is older than the last one is not opened', async (t) => {
  const { ids, open } = receiver()
  open(5).begin()
  for (const attempt of [5, 4, 0, -1]) t.throws(() => open(attempt).begin(), { code: 'RIVULET_UNAVAILABLE' })
  const stream = open(6)
  t.throws(() => stream.receive(batchOf(1, 1)), { code: 'RIVULET_INVALID_REQUEST' }, 'a batch before it opens')
  stream.begin()
  t.throws(() => stream.begin(), { code: 'RIVULET_INVALID_REQUEST' }, 'twice')
  stream.receive(batchOf(1, 1))
  t.strictSame(ids, [1])
})

t.test('batches that no peer makes end the stream, and take nothing', async (t) => {
  const { ids, open, mailbox } = receiver()
  const wrong: readonly (readonly [string, MessageBatch])[] = [
    ['no message', batchOf(1, 1, 0)],
    ['number 0', batchOf(0, 1)],
    ['sequence 0', batchOf(1, 0)],
    ['sequence -1', batchOf(1, -1)],
    ['the last sequence', batchOf(1, Number.MAX_SAFE_INTEGER)],
    ['a negative length', batchOf(1, 1, 2, { lengths: [3, -1] })],
    ['too few bytes', batchOf(1, 1, 2, { lengths: [1, 2] })],
    ['too many bytes', batchOf(1, 1, 1, { bodies: Buffer.alloc(3) })],
    ['an id of 15 bytes', batchOf(1, 1, 1, { schemaId: schemaId.subarray(1) })],
    ['a text of another id', batchOf(1, 1, 1, { schemaId: Buffer.alloc(16) })],
    ['more messages than a batch has', batchOf(1, 1, 1, { lengths: Array(65_537).fill(0), bodies: Buffer.alloc(0) })],
  ]
  let attempt = 0
  for (const [what, batch] of wrong) {
    const stream = open(++attempt)
    stream.begin()
    t.throws(() => stream.receive(batch), { code: 'RIVULET_INVALID_REQUEST' }, what)
  }
  const large = open(++attempt)
  large.begin()
  const body = Buffer.alloc(101)
  t.throws(() => large.receive(batchOf(1, 1, 1, { lengths: [101], bodies: body })), {
    code: 'RIVULET_MESSAGE_TOO_LARGE',
  })
  const unknown = open(++attempt)
  unknown.begin()
  const other = createHash('sha256').update('another').digest().subarray(0, 16)
  const batch = batchOf(1, 1, 1, { schemaId: other, schema: null })
  t.throws(() => unknown.receive(batch), { code: 'RIVULET_UNAVAILABLE' }, 'a schema that nobody has sent')
  t.strictSame([ids, mailbox.stats().received], [[], 0])
})

t.test('a message that is no value of its schema is lost alone', async (t) => {
  const { ids, open, mailbox } = receiver()
  const stream = open(1)
  stream.begin()
  stream.receive(batchOf(1, 1, 3, { lengths: [1, 2, 1], bodies: Buffer.from([2, 4, 4, 6]) }))
  await turn()
  t.strictSame(ids, [1, 3])
  t.match(mailbox.stats(), { received: 3, delivered: 2, dropped: { undecodable: 1 } })
})
