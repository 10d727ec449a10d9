/** Mailboxes: their bounds and policies, slow receivers, schemas that nobody consumes, and messages that cannot be read. */
import t from 'tap'
import { createPeer, type PeerOptions } from '../../patterns/messaging/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { first, turn, until } from '../support/events.js'
import { eachTransport, type Place } from '../support/transports.js'
import { failure, inbox, Order, Report, sees } from './peers.js'

async function open({ bind, runtime }: Place, options: Partial<PeerOptions> = {}) {
  const receiver = await createPeer({ name: 'receiver', bind, runtime, ...options })
  const sender = await createPeer({ name: 'sender', connect: receiver.endpoint, runtime })
  await sees(sender, 'receiver')
  return { receiver, sender }
}

eachTransport(t, 'a full mailbox holds its senders back, and nobody else', async (t, place) => {
  const { receiver, sender } = await open(place, { mailboxMessages: 10 })
  const other = await createPeer({ name: 'other', over: receiver })
  const gotOther = inbox(other)
  const slow = receiver.messages(Report)[Symbol.asyncIterator]()
  const firstOne = slow.next() // it is consumed from now on, one at a time
  const settled: number[] = []
  const sends = Array.from({ length: 100 }, (_, id) =>
    sender.send('receiver', Report, { id }).then(() => settled.push(id)),
  )
  t.strictSame((await firstOne).value, { id: 0 })
  await sender.send('other', Report, { id: 1 })
  t.strictSame(gotOther, ['sender/Report 1'])
  const { incoming } = receiver.stats()
  t.ok(incoming.received <= 11, `${incoming.received} of 100 were taken`)
  t.match(incoming, { refused: {}, dropped: {} })
  t.equal(
    await failure(sender.send('receiver', Report, { id: -1 }, { timeoutMs: 20 })),
    'RIVULET_UNKNOWN_OUTCOME maybe',
  )
  for (let id = 1; id < 100; id++) t.strictSame((await slow.next()).value, { id })
  await Promise.all(sends)
  t.equal(settled.length, 100)
})

eachTransport(t, 'a full mailbox refuses, if it is to: what was taken is exact', async (t, place) => {
  const { receiver, sender } = await open(place, { mailboxMessages: 10, mailboxOverflow: 'error' })
  const slow = receiver.messages(Report)[Symbol.asyncIterator]()
  const firstOne = slow.next()
  await sender.send('receiver', Report, { id: 0 })
  await firstOne
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, at) => failure(sender.send('receiver', Report, { id: at + 1 }))),
  )
  const taken = outcomes.flatMap((outcome, at) => (outcome === 'none' ? [at + 1] : []))
  t.ok(outcomes.every((outcome) => outcome === 'none' || outcome === 'RIVULET_MAILBOX_FULL no'))
  t.equal(taken.length, 10)
  t.match(receiver.stats().incoming, { received: 11, pending: 10, refused: { 'mailbox-full': 20 } })
  for (const id of taken) t.strictSame((await slow.next()).value, { id })
  const next = slow.next()
  await sender.send('receiver', Report, { id: 99 })
  t.strictSame((await next).value, { id: 99 })
})

eachTransport(t, 'a message larger than the bytes of a mailbox finds room in an empty one', async (t, place) => {
  const Text = defineSchema({ type: 'record', name: 'Text', fields: [{ name: 'text', type: 'string' }] })
  const { receiver, sender } = await open(place, { mailboxBytes: 1000 })
  const sizes: number[] = []
  receiver.messages(Text).subscribe(({ text }) => sizes.push(text.length))
  for (const size of [10, 200_000, 5000]) await sender.send('receiver', Text, { text: 'x'.repeat(size) })
  await until(() => sizes.length === 3)
  t.strictSame(sizes, [10, 200_000, 5000])
})

eachTransport(
  t,
  'messages of a schema that nobody consumes: some are kept, the others refused, and no other schema waits',
  async (t, place) => {
    const { receiver, sender } = await open(place)
    const codes: string[] = []
    receiver.errors.subscribe(({ code }) => codes.push(code))
    const outcomes = await Promise.all(
      Array.from({ length: 1030 }, (_, id) => failure(sender.send('receiver', Report, { id }))),
    )
    t.strictSame(
      outcomes
        .map((outcome, id) =>
          outcome === (id < 1024 ? 'none' : 'RIVULET_MESSAGE_REFUSED no') ? '' : `${id}: ${outcome}`,
        )
        .join(''),
      '',
    )
    const got = inbox(receiver, { Order })
    await sender.send('receiver', Order, { id: 7 })
    t.strictSame(got, ['sender/Order 7'])
    t.match(receiver.stats().incoming, { received: 1025, pending: 1024, refused: { unclaimed: 6 } })
    t.ok(codes.includes('RIVULET_MESSAGE_REFUSED'))
    const late: number[] = []
    receiver.messages(Report).subscribe(({ id }) => late.push(id))
    await until(() => late.length === 1024)
    t.strictSame(
      late,
      Array.from({ length: 1024 }, (_, id) => id),
    )
    await sender.send('receiver', Report, { id: 2000 })
    t.equal(late.at(-1), 2000)
  },
)

eachTransport(t, 'what has lost its consumer counts as unclaimed, and waits for the next', async (t, place) => {
  const { receiver, sender } = await open(place)
  const one = first(receiver.messages(Report))
  await sender.send('receiver', Report, { id: 1 })
  t.strictSame(await one, { id: 1 })
  await sender.send('receiver', Report, { id: 2 })
  await sender.send('receiver', Report, { id: 3 })
  t.strictSame(await first(receiver.messages(Report)), { id: 2 })
  t.strictSame(await first(receiver.messages(Report)), { id: 3 })
})

eachTransport(t, 'the order over schemas holds among subscribers, also of very many messages', async (t, place) => {
  const { receiver, sender } = await open(place)
  const got = inbox(receiver)
  const expected: string[] = []
  const sends: Promise<void>[] = []
  for (let id = 0; id < 20_000; id++) {
    const schema = id % 5000 < 4000 ? Report : Order
    expected.push(`sender/${schema === Report ? 'Report' : 'Order'} ${id}`)
    sends.push(sender.send('receiver', schema, { id }))
    if (id % 4096 === 0) await turn()
  }
  await Promise.all(sends)
  await until(() => got.length === 20_000)
  t.ok(got.every((one, at) => one === expected[at]))
})

eachTransport(t, 'versions of a schema, one that cannot be read, and a value without a place', async (t, place) => {
  const version = (fields: readonly object[], name = 'Versioned') =>
    defineSchema({ type: 'record', name, fields } as never) as typeof Report
  const old = version([{ name: 'id', type: 'int' }])
  const newer = version([
    { name: 'id', type: 'long' },
    { name: 'note', type: 'string', default: 'none' },
  ])
  const other = version([{ name: 'id', type: 'string' }])
  const Kind = (symbols: string[]) =>
    defineSchema({
      type: 'record',
      name: 'Kinds',
      fields: [{ name: 'kind', type: { type: 'enum', name: 'Kind', symbols } }],
    } as never)
  const { receiver, sender } = await open(place)
  const codes: string[] = []
  receiver.errors.subscribe(({ code }) => codes.push(code))
  const got: unknown[] = []
  receiver.messages(newer).subscribe((value) => got.push(value))
  receiver.messages(Kind(['A'])).subscribe((value) => got.push(value))
  await sender.send('receiver', old, { id: 1 })
  await sender.send('receiver', newer, { id: 2, note: 'two' } as never)
  t.equal(await failure(sender.send('receiver', other, { id: 'x' } as never)), 'RIVULET_MESSAGE_REFUSED no')
  const wide = Kind(['A', 'B'])
  await Promise.all(['A', 'B', 'A'].map((kind) => sender.send('receiver', wide, { kind } as never)))
  await until(() => got.length === 4)
  t.strictSame(got, [{ id: 1, note: 'none' }, { id: 2, note: 'two' }, { kind: 'A' }, { kind: 'A' }])
  t.match(receiver.stats().incoming, {
    received: 5,
    delivered: 4,
    dropped: { undecodable: 1 },
    pending: 0,
    refused: { 'incompatible-schema': 1 },
  })
  t.strictSame(codes, ['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INCOMPATIBLE_SCHEMA'], 'a schema, and a value')
})
