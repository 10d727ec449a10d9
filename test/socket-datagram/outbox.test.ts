/** What waits to be sent: bounded, in order, counted; names that are resolved once, and again after a failure. */
import t from 'tap'
import { BoundedTable } from '../../patterns/socket/datagram/bounded-table.js'
import { DatagramOutbox, type OutDestination, type Target } from '../../patterns/socket/datagram/datagram-outbox.js'
import { Destination } from '../../patterns/socket/datagram/destination.js'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { parseUdpEndpoint } from '../../src/net/index.js'
import { Outgoing } from '../../src/stream/index.js'
import { codesOf, first, turn, until } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const Count = defineSchema('long')

/** A system that calls back when the test says. */
function slowSystem() {
  const sent: { bytes: Buffer; done: (error: Error | null) => void }[] = []
  const target: Target = { send: (bytes, done) => void sent.push({ bytes, done }) }
  const failures: [string, number][] = []
  const destination: OutDestination = {
    target,
    resolve() {},
    failed: (error, messages) => failures.push([error.message, messages]),
  }
  return { sent, destination, failures }
}

const datagram = (destination: OutDestination, number: number) => ({
  bytes: Buffer.alloc(100, number),
  messages: 1,
  destination,
})

t.test('the system has a bounded number, and the rest waits for its callbacks, in order', async (t) => {
  const { sent, destination, failures } = slowSystem()
  const outbox = new DatagramOutbox(10_000)
  for (let number = 0; number < 200; number++) outbox.add(datagram(destination, number))
  t.equal(sent.length, 64)
  t.ok(outbox.isFull())
  t.strictSame(outbox.pending(), { messages: 200, bytes: 20_000 })
  let hasRoom = false
  void outbox.whenRoom().then(() => {
    hasRoom = true
  })
  for (let number = 0; number < 100; number++) sent[number]?.done(null)
  await turn()
  t.equal(hasRoom, false)
  t.equal(outbox.sent, 100)
  sent[100]?.done(null)
  await turn()
  t.equal(hasRoom, true)
  sent[101]?.done(new Error('the system says no'))
  t.strictSame(failures, [['the system says no', 1]])
  const empty = outbox.whenEmpty()
  for (let number = 102; number < 200; number++) {
    await until(() => sent.length > number)
    sent[number]?.done(null)
  }
  await empty
  t.equal(outbox.sent, 199)
  t.strictSame(
    sent.map(({ bytes }) => bytes[0]),
    Array.from({ length: 200 }, (_, number) => number % 256),
  )
})

t.test('the oldest are dropped but for those that the system has; closing counts all', async (t) => {
  const { sent, destination } = slowSystem()
  const outbox = new DatagramOutbox(7000)
  for (let number = 0; number < 80; number++) outbox.add(datagram(destination, number))
  t.equal(outbox.dropOldest(), 11)
  t.strictSame(outbox.pending(), { messages: 69, bytes: 6900 })
  sent[0]?.done(null)
  t.equal(sent.at(-1)?.bytes[0], 75, 'eleven that waited are gone')
  t.equal(outbox.stop(), 68)
  sent[1]?.done(null)
  t.equal(outbox.sent, 1)
})

t.test('a name is resolved once, again after a failure, and holds back nobody else', async (t) => {
  const { sent, destination: other } = slowSystem()
  const outbox = new DatagramOutbox(100_000)
  const outgoing = new Outgoing({
    overflow: 'block',
    queue: () => outbox,
    name: () => 'test',
    isOpen: () => true,
    onClosing: () => () => {},
    report() {},
  })
  const lookUps: ((answer: Target | Error) => void)[] = []
  const lost: [string, number][] = []
  const named = new Destination<number>(parseUdpEndpoint('udp://sensor.example:9', 'send'), {
    codec: codecOf(Count) as Codec<number, unknown>,
    isRaw: true,
    maxPayloadBytes: 1200,
    batch: false,
    clock: new VirtualClock(),
    outgoing,
    outbox,
    route: () =>
      new Promise((resolve, reject) => {
        lookUps.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)))
      }),
    lost: (error, messages) => lost.push([error.message, messages]),
  })
  const answers: { bytes: Buffer; done: (error: Error | null) => void }[] = []
  const target: Target = { send: (bytes, done) => void answers.push({ bytes, done }) }
  for (let number = 0; number < 3; number++) await named.sink.send(number)
  outbox.add(datagram(other, 1))
  t.equal(lookUps.length, 1)
  t.equal(sent.length, 1, 'others leave meanwhile')
  lookUps[0]?.(new Error('no such name'))
  await turn()
  t.strictSame(lost, [['no such name', 3]])
  await named.sink.send(3)
  lookUps[1]?.(target)
  await turn()
  for (const { done } of answers) done(null)
  await named.sink.send(4)
  t.equal(lookUps.length, 2, 'it is known now')
  t.equal(answers.length, 2)
  answers[1]?.done(new Error('no route to host'))
  t.strictSame(lost[1], ['no route to host', 1])
  await named.sink.send(5)
  t.equal(lookUps.length, 3, 'the name may stand for another address')
  lookUps[2]?.(target)
  await turn()
  t.strictSame(
    answers.map(({ bytes }) => Count.decode(bytes)),
    [3, 4, 5],
  )
  t.strictSame(outbox.pending().messages, 2)
})

t.test('datagrams for a name that wait behind others are resolved together, in order', async (t) => {
  const { sent, destination: other } = slowSystem()
  const outbox = new DatagramOutbox(1_000_000)
  for (let number = 0; number < 64; number++) outbox.add(datagram(other, 200))
  let lookUps = 0
  let target: Target | undefined
  const named: OutDestination = {
    get target() {
      return target
    },
    resolve: () => {
      lookUps += 1
    },
    failed() {},
  }
  for (let number = 0; number < 3; number++) outbox.add(datagram(named, number))
  outbox.add(datagram(other, 201))
  t.equal(lookUps, 0, 'the system has its number')
  sent[0]?.done(null)
  t.equal(lookUps, 1)
  t.equal(sent.at(-1)?.bytes[0], 201, 'another destination does not wait')
  outbox.add(datagram(named, 3))
  target = { send: (bytes, done) => void sent.push({ bytes, done }) }
  outbox.resolved(named)
  const empty = outbox.whenEmpty()
  for (let number = 1; number < 69; number++) {
    await until(() => sent.length > number)
    sent[number]?.done(null)
  }
  await empty
  t.strictSame(
    sent.slice(65).map(({ bytes }) => bytes[0]),
    [0, 1, 2, 3],
  )
  t.equal(outbox.sent, 69)
  t.strictSame(outbox.pending(), { messages: 0, bytes: 0 })

  target = undefined
  for (let number = 0; number < 64; number++) outbox.add(datagram(other, 200))
  for (let number = 0; number < 3; number++) outbox.add(datagram(named, number))
  sent[69]?.done(null)
  t.equal(outbox.unresolvable(named), 3, 'all of them are lost with the name')
  t.equal(outbox.pending().messages, 63)
})

t.test('names of this machine are found, others are reported, and sizes of buffers are read back', async (t) => {
  const receiver = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', receiveBufferBytes: 65_536 })
  const sender = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', sendBufferBytes: 65_536 })
  for (const socket of [receiver, sender]) t.teardown(() => socket.close({ drain: false }))
  const arrived = first(receiver.messages)
  await sender.sendTo(receiver.endpoint.replace('127.0.0.1', 'localhost'), 7)
  t.equal(await arrived, 7)
  const codes = codesOf(sender)
  // no label is so long, so nobody is asked
  await sender.sendTo(`udp://${'x'.repeat(70)}.invalid:9`, 1)
  await until(() => sender.stats().outgoing.dropped.transport === 1)
  t.strictSame(codes, ['RIVULET_NAME_NOT_FOUND'])
  // Linux doubles what it gives, others do not
  t.ok([65_536, 131_072].includes(receiver.stats().receiveBufferBytes))
  t.ok([65_536, 131_072].includes(sender.stats().sendBufferBytes))
  const large = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*', receiveBufferBytes: 2 ** 30 })
  const given = large.stats().receiveBufferBytes
  t.ok(given > 0 && given < 2 ** 30, `the system gave ${given}`)
  await large.close()
})

t.test('overflow policies hold at a full outbox', async (t) => {
  const receiver = await createDatagram({ schema: Count, bind: 'udp://127.0.0.1:*' })
  const sender = await createDatagram({ schema: Count, to: receiver.endpoint, outboxBytes: 1000, overflow: 'error' })
  for (const socket of [receiver, sender]) t.teardown(() => socket.close({ drain: false }))
  const codes = codesOf(sender)
  for (let number = 0; number < 500; number++) sender.next(number)
  const { accepted, refused } = sender.stats().outgoing
  t.ok(accepted >= 20 && accepted < 40, `${accepted} are taken`)
  t.strictSame(refused, { full: 500 - accepted })
  await until(() => codes.length > 0)
  t.strictSame(codes, ['RIVULET_OUTBOX_FULL'])
  await until(() => receiver.stats().incoming.received === accepted)
  t.strictSame(sender.stats().outgoing.pending, 0)
})

t.test('a flood of new entries leaves those alone that are used again', async (t) => {
  const forgotten: number[] = []
  const make = (id: number) => ({ id, isEstablished: false, isRecent: false })
  const table = new BoundedTable<ReturnType<typeof make>>(16, ({ id }) => forgotten.push(id))
  for (let id = 0; id < 8; id++) table.add(`${id}`, make(id))
  for (let id = 0; id < 8; id++) table.use(`${id}`)
  for (let id = 100; id < 1100; id++) table.add(`${id}`, make(id))
  t.equal(table.size, 16)
  t.ok(forgotten.every((id) => id >= 100))
  // when all are established, those go that were not used since
  for (let id = 2000; id < 2100; id++) {
    table.add(`${id}`, make(id))
    table.use(`${id}`)
    table.use('3')
  }
  t.equal(table.size, 16)
  t.ok(table.use('3') !== undefined)
  t.equal(table.use('4'), undefined)
})
