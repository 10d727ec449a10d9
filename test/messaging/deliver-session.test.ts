/** The receiving side of a stream between two peers, fed by hand. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { DeliverSession } from '../../patterns/messaging/deliver-session.js'
import { Mailbox } from '../../patterns/messaging/mailbox.js'
import { ReceivedFromPeers } from '../../patterns/messaging/received-from.js'
import { SchemaTexts } from '../../patterns/messaging/schema-texts.js'
import type { DeliverRequest } from '../../patterns/messaging/wire.js'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { incarnation } from './roster-lab.js'

const Tick = defineSchema({ type: 'record', name: 'Tick', fields: [{ name: 'number', type: 'int' }] })
const from = { name: 'sender', incarnation: incarnation(1), identity: undefined }

/** A batch of as many messages, each of one byte: the numbers of their sequence. */
function batchOf(number: number, sequence: number, count: number): DeliverRequest {
  const schema = codecOf(Tick).text
  const schemaId = createHash('sha256').update(schema).digest().subarray(0, 16)
  const bodies = Buffer.from(Array.from({ length: count }, (_, at) => 2 * (sequence + at)))
  return { batch: { number, sequence, schemaId, schema, lengths: Array(count).fill(1), bodies } }
}

const open = (attempt: number): DeliverRequest => ({
  open: { attempt, from: { ...from, epoch: 1 }, to: { name: 'receiver', incarnation: incarnation(2) } },
})

/** A receiver with room for two messages. */
function receiver() {
  const settings = { mailboxMessages: 2, mailboxBytes: 100, unclaimedMessages: 2, unclaimedBytes: 100 }
  const ports = { name: () => 'receiver', report: () => {}, wallNow: () => 0, handedOut: () => {} }
  const mailbox = new Mailbox({ ...settings, mailboxOverflow: 'block' }, ports)
  const received = new ReceivedFromPeers(() => true)
  const state = { isCurrent: true, superseded: 0 }
  const to = { mailbox, maxMessageBytes: 100, receivedFrom: (ref: typeof from) => received.of(ref) }
  const streamOf = () =>
    new DeliverSession({
      schemas: new SchemaTexts(),
      source: 'one',
      admit: () => ({ from, to, isCurrent: () => state.isCurrent }),
      stream: {
        answer: () => {},
        room: () => {},
        superseded() {
          state.superseded += 1
        },
      },
    })
  const session = streamOf()
  const values: number[] = []
  let release = () => {}
  const work = ({ number }: { number: number }) => {
    values.push(number)
    return new Promise<void>((resolve) => {
      release = resolve
    })
  }
  mailbox.laneOf(Tick).messages.process(work).subscribe()
  return { state, mailbox, streamOf, session, values, next: () => release() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('what waits for room is taken when there is some', async (t) => {
  const { session, values, next } = receiver()
  session.receive(open(1), () => {})
  session.receive(batchOf(1, 1, 4), () => {})
  t.ok(session.isBusy())
  for (let time = 0; time < 4; time++) {
    next()
    await turn()
  }
  t.strictSame(values, [1, 2, 3, 4])
  t.notOk(session.isBusy())
})

t.test('rule 6: what waits for room is not taken behind the report that its sender has left', async (t) => {
  const { state, session, values, next } = receiver()
  session.receive(open(1), () => {})
  session.receive(batchOf(1, 1, 4), () => {})
  state.isCurrent = false
  for (let time = 0; time < 4; time++) {
    next()
    await turn()
  }
  t.strictSame(values, [1, 2])
  t.equal(state.superseded, 1, 'the stream ends, and its sender opens another if it is back')
})

t.test('streams that are opened one after the other while there is no room leave nothing behind', async (t) => {
  const { mailbox, streamOf } = receiver()
  for (let attempt = 1; attempt <= 100; attempt++) {
    const session = streamOf()
    session.receive(open(attempt), () => {})
    session.receive(batchOf(1, 1, 5), () => {})
    t.ok(session.isBusy())
    if (attempt < 100) session.end()
  }
  t.equal(mailbox.waiting, 1)
})

t.test('of too many senders, those are remembered that are present', async (t) => {
  const received = new ReceivedFromPeers((one) => one === from.incarnation)
  received.of(from).expected = 7
  for (let number = 2; number < 70_000; number++) received.of({ ...from, incarnation: incarnation(number) })
  t.equal(received.of(from).expected, 7)
  t.equal(received.of({ ...from, incarnation: incarnation(69_999) }).expected, 1)
})

t.test('what is remembered of a sender is that of its key', async (t) => {
  const received = new ReceivedFromPeers(() => true)
  const identity = (publicKey: string) => ({ name: publicKey, publicKey })
  received.of({ ...from, identity: identity('LIAR') }).expected = 1000
  t.equal(received.of({ ...from, identity: identity('TRUE') }).expected, 1)
  t.equal(received.of({ ...from, identity: identity('LIAR') }).expected, 1000)
})
