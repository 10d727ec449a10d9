/** Datagrams from end to end: over both versions of IP, with and without a header, one by one and in batches. */
import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import { createDatagram, type Datagram } from '../../patterns/socket/datagram/index.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { codesOf, first, firstFew, total, until } from '../support/events.js'
import type { Scope } from '../support/scope.js'

const Reading = defineSchema(record('Reading', { sensor: 'string', celsius: 'double' }))
type Reading = { sensor: string; celsius: number }

const open = async (
  t: Scope,
  options: Partial<Parameters<typeof createDatagram<Reading, Reading>>[0]> = {},
): Promise<Datagram<Reading, Reading>> => {
  const socket = await createDatagram<Reading, Reading>({ schema: Reading, ...options } as never)
  t.teardown(() => socket.close({ drain: false }))
  return socket
}

const readings = (count: number): Reading[] =>
  Array.from({ length: count }, (_, at) => ({ sensor: `s${at}`, celsius: at / 2 }))

const addsUp = (t: Test, socket: Datagram<never, unknown>) => {
  const { outgoing, incoming } = socket.stats()
  t.equal(outgoing.sent + total(outgoing.dropped) + outgoing.pending, outgoing.accepted)
  t.equal(incoming.delivered + total(incoming.dropped) + incoming.pending, incoming.received)
}

for (const host of ['127.0.0.1', '[::1]']) {
  t.test(`messages over ${host}, in both directions`, async (t) => {
    const receiver = await open(t, { bind: `udp://${host}:*` })
    const sender = await open(t, { bind: `udp://${host}:*`, to: receiver.endpoint })
    const deliveries = firstFew(receiver.deliveries, 3)
    for (const reading of readings(3)) await sender.send(reading)
    t.strictSame(
      await deliveries,
      readings(3).map((value, at) => ({ value, from: sender.endpoint, sequence: at + 1, lost: 0 })),
    )
    const answer = first(sender.messages)
    await receiver.sendTo(sender.endpoint, { sensor: 'answer', celsius: 1 })
    t.strictSame(await answer, { sensor: 'answer', celsius: 1 })
    const { sources, received, lost } = receiver.stats()
    t.match({ sources, received, lost }, { received: 3, lost: 0, sources: [{ from: sender.endpoint, received: 3 }] })
    for (const socket of [receiver, sender]) addsUp(t, socket)
    await sender.whenConnected()
  })
}

t.test('with batches the messages of one turn to one destination share datagrams', async (t) => {
  const receivers = [await open(t, { bind: 'udp://127.0.0.1:*' }), await open(t, { bind: 'udp://127.0.0.1:*' })]
  const plain = createSocket('udp4')
  t.teardown(() => plain.close())
  await new Promise<void>((resolve) => plain.bind(0, '127.0.0.1', resolve))
  const sizes: number[] = []
  plain.on('message', (bytes) => sizes.push(bytes.length))
  const sender = await open(t, { batch: true })
  const arrived = receivers.map((receiver) => firstFew(receiver.deliveries, 100))
  const other = `udp://127.0.0.1:${plain.address().port}`
  for (const reading of readings(100)) {
    for (const receiver of receivers) void sender.sendTo(receiver.endpoint, reading)
    void sender.sendTo(other, reading)
  }
  for (const deliveries of await Promise.all(arrived)) {
    t.strictSame(
      deliveries.map(({ value, sequence, lost }) => ({ value, sequence, lost })),
      readings(100).map((value, at) => ({ value, sequence: at + 1, lost: 0 })),
    )
  }
  await until(() => sizes.length >= 3)
  // an announcement, and 100 messages of 11 bytes in two datagrams
  t.equal(sizes.length, 3)
  t.ok(sizes.every((bytes) => bytes <= 1200))
  addsUp(t, sender)
})

t.test('a message that does not fit is refused before it has a number', async (t) => {
  const receiver = await open(t, { bind: 'udp://127.0.0.1:*' })
  for (const [maxPayloadBytes, batch] of [
    [1200, false],
    [1200, true],
    [65_507, false],
    [128, true],
  ] as const) {
    const sender = await open(t, { maxPayloadBytes, batch })
    const values = firstFew(receiver.deliveries, 2)
    const text = (length: number) => ({ sensor: 'x'.repeat(length), celsius: 0 })
    const lengthBytes = maxPayloadBytes > 8192 ? 3 : 2
    // 38 bytes of header, one of the end, the length of the text and the double; nothing is wasted
    const longest = maxPayloadBytes - 37 - lengthBytes - 8
    await t.rejects(sender.sendTo(receiver.endpoint, text(longest + 1)), {
      code: 'RIVULET_MESSAGE_TOO_LARGE',
      message: new RegExp(`maxPayloadBytes, ${maxPayloadBytes} `),
    })
    await sender.sendTo(receiver.endpoint, text(longest))
    await sender.sendTo(receiver.endpoint, text(1))
    t.strictSame(
      (await values).map(({ value, sequence, lost }) => [value.sensor.length, sequence, lost]),
      [
        [longest, 1, 0],
        [1, 2, 0],
      ],
    )
    t.match(sender.stats().outgoing, { accepted: 2, refused: { 'too-large': 1 } })
  }
  await t.rejects(open(t, { maxPayloadBytes: 65_508 }), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('bytes and bare Avro for peers that are not Rivulet', async (t) => {
  const bytes = await createDatagram({ raw: true, bind: 'udp://127.0.0.1:*' })
  const bare = await createDatagram({ raw: { schema: Reading }, bind: 'udp://127.0.0.1:*' })
  for (const socket of [bytes, bare]) t.teardown(() => socket.close({ drain: false }))
  const codes = codesOf(bare)
  const seen = firstFew(bytes.deliveries, 3)
  await bytes.sendTo(bytes.endpoint, Buffer.from('hello'))
  await bytes.sendTo(bytes.endpoint, new Uint8Array(0))
  await bare.sendTo(bytes.endpoint, { sensor: 'a', celsius: 0 })
  const encoded = Reading.encode({ sensor: 'a', celsius: 0 })
  t.strictSame(
    (await seen).map(({ value, from, sequence, lost }) => [Buffer.from(value), from, sequence, lost]),
    [
      [Buffer.from('hello'), bytes.endpoint, 0, 0],
      [Buffer.alloc(0), bytes.endpoint, 0, 0],
      [encoded, bare.endpoint, 0, 0],
    ],
  )
  const value = first(bare.messages)
  await bytes.sendTo(bare.endpoint, encoded.subarray(1))
  await bytes.sendTo(bare.endpoint, Buffer.concat([encoded, encoded]))
  await bytes.sendTo(bare.endpoint, encoded)
  t.strictSame(await value, { sensor: 'a', celsius: 0 })
  t.match(bare.stats().incoming, { received: 3, delivered: 1, dropped: { undecodable: 2 } })
  t.strictSame(codes, ['RIVULET_DECODE_FAILED', 'RIVULET_DECODE_FAILED'])
  await t.rejects(bytes.sendTo(bytes.endpoint, 'text' as never), { code: 'RIVULET_INVALID_MESSAGE' })
  for (const socket of [bytes, bare]) addsUp(t, socket as Datagram<never, unknown>)
})

t.test('what waits is bounded in bytes, and closing counts the rest', async (t) => {
  const receiver = await open(t, { bind: 'udp://127.0.0.1:*', inboxBytes: 8192 })
  const sender = await open(t, { to: receiver.endpoint })
  for (const reading of readings(50)) await sender.send(reading)
  await until(() => receiver.stats().incoming.received === 50)
  const { incoming } = receiver.stats()
  t.ok(incoming.pending >= 8 && incoming.pending <= 16, `${incoming.pending} wait`)
  t.equal(incoming.dropped.overflow, 50 - incoming.pending)
  const rest = firstFew(receiver.messages, incoming.pending)
  t.strictSame(await rest, readings(incoming.pending))
  for (const reading of readings(5)) await sender.send(reading)
  await until(() => receiver.stats().incoming.received === 55)
  t.equal(receiver.stats().incoming.pending, 5)
  const { undelivered } = await receiver.close()
  t.equal(undelivered, 5)
  addsUp(t, receiver)
})

t.test('mistakes are refused with their codes', async (t) => {
  const rejects = (options: object, code: string, message = /./) =>
    t.rejects(createDatagram(options as never), { code, message })
  await rejects({}, 'RIVULET_INVALID_OPTION', /give either schema or raw/)
  await rejects({ schema: Reading, raw: true }, 'RIVULET_INVALID_OPTION')
  await rejects({ raw: true, batch: true }, 'RIVULET_INVALID_OPTION', /batch/)
  await rejects({ raw: true, bind: 'udp://0.0.0.0:*' }, 'RIVULET_INSECURE_BIND')
  await rejects({ raw: true, bind: 'tcp://127.0.0.1:*' }, 'RIVULET_INVALID_ENDPOINT')
  await rejects({ raw: true, bind: 'udp://name:9' }, 'RIVULET_INVALID_ENDPOINT')
  await rejects({ raw: true, bind: 'udp://239.0.0.1:9' }, 'RIVULET_INVALID_ENDPOINT')
  await rejects({ raw: true, to: 'udp://127.0.0.1:*' }, 'RIVULET_INVALID_ENDPOINT')
  await rejects({ raw: true, multicast: { group: 'udp://127.0.0.1:9' } }, 'RIVULET_INVALID_ENDPOINT', /no group/)
  await rejects({ raw: true, multicast: { grup: 'udp://239.0.0.1:9' } }, 'RIVULET_INVALID_OPTION', /group/)
  const socket = await open(t, { bind: 'udp://127.0.0.1:*' })
  await rejects({ raw: true, bind: socket.endpoint }, 'RIVULET_BIND_FAILED')
  const reading = { sensor: 'a', celsius: 0 }
  await t.rejects(socket.send(reading), { code: 'RIVULET_INVALID_OPTION' })
  await t.rejects(socket.sendTo('udp://[::1]:9', reading), { code: 'RIVULET_INVALID_ENDPOINT', message: /IPv6/ })
  await t.rejects(socket.sendTo('127.0.0.1:9', reading), { code: 'RIVULET_INVALID_ENDPOINT' })
  const codes = codesOf(socket)
  socket.next(reading)
  socket.error(new Error('a source'))
  t.strictSame(codes, ['RIVULET_INVALID_OPTION', 'RIVULET_SOURCE_FAILED'])
  await socket.close()
  await t.rejects(socket.sendTo('udp://127.0.0.1:9', reading), { code: 'RIVULET_CLOSED' })
  await t.rejects(socket.send(reading), { code: /RIVULET_CLOSED|RIVULET_INVALID_OPTION/ })
})

t.test('the system refuses: counted, reported, and the next message leaves', async (t) => {
  const receiver = await open(t, { bind: 'udp://127.0.0.1:*' })
  const sender = await open(t)
  const codes = codesOf(sender)
  // all hosts of a network need the option
  for (const reading of readings(3)) await sender.sendTo('udp://255.255.255.255:9', reading)
  await until(() => (sender.stats().outgoing.dropped.transport ?? 0) === 3)
  t.strictSame(codes, ['RIVULET_TRANSPORT_FAILED'])
  const next = first(receiver.messages)
  await sender.sendTo(receiver.endpoint, { sensor: 'a', celsius: 0 })
  await next
  addsUp(t, sender)
})
