/** Schemas between peers that have different ones: announced, asked for, checked, and no help for an attacker. */
import { createHash, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import t from 'tap'
import { createDatagram } from '../../patterns/socket/datagram/index.js'
import { DatagramRequest, DatagramSchema } from '../../patterns/socket/datagram/schemas.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { frameKind, writeRecordFrame } from '../../src/wire/index.js'
import { codesOf, first, firstFew, turn, until } from '../support/events.js'
import type { Scope } from '../support/scope.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { placeOf } from './relay.js'

const Old = defineSchema(record('Reading', { sensor: 'string', celsius: 'double' }))
const New = defineSchema(
  record('Reading', { sensor: 'string', celsius: 'double', unit: { schema: 'string', default: '°C' } }),
)
/** Its text is larger than two datagrams. */
const Large = defineSchema({
  ...record('Reading', { sensor: 'string', celsius: 'double' }),
  doc: 'x'.repeat(2500),
})
const Other = defineSchema(record('Reading', { count: 'long' }))
const value = { sensor: 'roof', celsius: 20 }

async function plain(t: Scope): Promise<{ socket: Socket; port: number; endpoint: string; datagrams: Buffer[] }> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const datagrams: Buffer[] = []
  socket.on('message', (bytes) => datagrams.push(bytes))
  const { port } = socket.address()
  return { socket, port, endpoint: `udp://127.0.0.1:${port}`, datagrams }
}

const portOf = (endpoint: string): number => Number(endpoint.split(':').at(-1))

for (const [name, schema] of Object.entries({ 'an older': Old, 'a large': Large })) {
  t.test(`messages of ${name} version are read`, async (t) => {
    const receiver = await createDatagram({ schema: New, bind: 'udp://127.0.0.1:*' })
    const sender = await createDatagram({ schema, to: receiver.endpoint })
    for (const one of [receiver, sender]) t.teardown(() => one.close({ drain: false }))
    const values = firstFew(receiver.messages, 2)
    await sender.send(value)
    await sender.send(value)
    t.strictSame(await values, [
      { ...value, unit: '°C' },
      { ...value, unit: '°C' },
    ])
  })
}

t.test('who comes later asks, and the messages that wait are delivered in order', async (t) => {
  const relay = await plain(t)
  const sender = await createDatagram({ schema: Old, to: relay.endpoint })
  const receiver = await createDatagram({ schema: New, bind: 'udp://127.0.0.1:*' })
  for (const one of [receiver, sender]) t.teardown(() => one.close({ drain: false }))
  for (let at = 0; at < 3; at++) await sender.send({ ...value, celsius: at })
  await until(() => relay.datagrams.length === 4)
  const [announcement, ...messages] = relay.datagrams as [Buffer, ...Buffer[]]
  t.equal(announcement[3], frameKind.datagramSchema << 1)
  const values = firstFew(receiver.deliveries, 3)
  for (const bytes of messages) relay.socket.send(bytes, portOf(receiver.endpoint), '127.0.0.1')
  // the receiver asks the address that the messages came from, once
  await until(() => relay.datagrams.length === 5)
  const request = relay.datagrams[4] as Buffer
  t.equal(request[3], frameKind.datagramRequest << 1)
  t.ok(
    messages.every((bytes) => bytes.length >= request.length),
    'a request is no larger than what led to it',
  )
  t.equal(receiver.stats().incoming.pending, 3)
  relay.socket.send(request, portOf(sender.endpoint), '127.0.0.1')
  // within 200 ms after an announcement there is no other
  await until(() => {
    if (relay.datagrams.length === 5) relay.socket.send(request, portOf(sender.endpoint), '127.0.0.1')
    return relay.datagrams.length > 5
  })
  relay.socket.send(relay.datagrams[5] as Buffer, portOf(receiver.endpoint), '127.0.0.1')
  t.strictSame(
    (await values).map((one) => [one.value.celsius, one.value.unit, one.sequence, one.lost]),
    [
      [0, '°C', 1, 0],
      [1, '°C', 2, 0],
      [2, '°C', 3, 0],
    ],
  )
})

t.test('announcements come each second while messages do, and once after them', async (t) => {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close())
  const peer = await plain(t)
  const sender = await createDatagram({ schema: Old, to: peer.endpoint, runtime })
  const send = async (datagrams: number) => {
    await sender.send(value)
    await until(() => peer.datagrams.length === datagrams)
  }
  await send(2)
  await send(3)
  clock.advance(1000)
  await until(() => peer.datagrams.length === 4)
  t.strictSame({ ...placeOf(peer.datagrams[3] as Buffer), source: '' }, { sequence: 3, count: 0, source: '' })
  clock.advance(5000)
  await send(5)
  clock.advance(999)
  await send(6)
  clock.advance(1)
  await until(() => peer.datagrams.length === 7)
  t.equal(placeOf(peer.datagrams[6] as Buffer).sequence, 5)
  t.equal(clock.timers, 1)
  clock.advance(1000)
  t.equal(clock.timers, 0, 'then it is silent')
  await send(8 - 0)
  await sender.close()
  await until(() => peer.datagrams.length === 9)
  t.equal(placeOf(peer.datagrams[8] as Buffer).sequence, 6, 'who closes says which number was the last')
})

t.test('an announcement reveals the loss of the last messages', async (t) => {
  const relay = await plain(t)
  const receiver = await createDatagram({ schema: Old, bind: 'udp://127.0.0.1:*' })
  t.teardown(() => receiver.close({ drain: false }))
  const sender = await createDatagram({ schema: Old, to: relay.endpoint })
  for (let at = 0; at < 5; at++) await sender.send(value)
  await sender.close()
  await until(() => relay.datagrams.length === 7)
  const [, one, two, , , , last] = relay.datagrams as Buffer[]
  const delivered = firstFew(receiver.deliveries, 2)
  for (const bytes of [one, two, last]) relay.socket.send(bytes as Buffer, portOf(receiver.endpoint), '127.0.0.1')
  await delivered
  await until(() => receiver.stats().lost === 3)
  t.match(receiver.stats(), { received: 2, lost: 3, late: 0 })
})

t.test('a request leads to nothing but an announcement to where the messages go', async (t) => {
  const [receiver, attacker] = [await plain(t), await plain(t)]
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close())
  const sender = await createDatagram({ schema: Large, to: receiver.endpoint, bind: 'udp://127.0.0.1:*', runtime })
  await sender.send(value)
  await until(() => receiver.datagrams.length === 4)
  const { source, schemaId } = DatagramSchema.decode((receiver.datagrams[0] as Buffer).subarray(8))
  clock.advance(5000)
  await until(() => receiver.datagrams.length === 7)
  const ask = (asked: { source: Buffer; schemaId: Buffer }) => {
    const bytes = writeRecordFrame(DatagramRequest, asked, frameKind.datagramRequest, undefined)
    attacker.socket.send(bytes, portOf(sender.endpoint), '127.0.0.1')
  }
  for (let times = 0; times < 50; times++) {
    ask({ source, schemaId })
    ask({ source: randomBytes(8), schemaId })
    ask({ source, schemaId: randomBytes(16) })
  }
  // behind them comes what is counted, so all were read
  attacker.socket.send('end', portOf(sender.endpoint), '127.0.0.1')
  await until(() => sender.stats().incoming.rejectedFrames['bad-frame'] === 1)
  clock.advance(200)
  ask({ source, schemaId })
  await until(() => receiver.datagrams.length === 13)
  t.equal(attacker.datagrams.length, 0)
  await turn()
  t.equal(receiver.datagrams.length, 13, 'three pieces for fifty requests, and three for the one that came later')
})

t.test('an announcement of another text changes nothing for anybody', async (t) => {
  const attacker = await plain(t)
  // what may be learned in a time does not depend on the speed of the machine
  const runtime = createRuntime({ clock: new VirtualClock() })
  t.teardown(() => runtime.close())
  const receiver = await createDatagram({ schema: New, bind: 'udp://127.0.0.1:*', runtime })
  const codes = codesOf(receiver)
  const announce = (
    schemaId: Buffer,
    text: Buffer,
    source = randomBytes(8),
    piece = { size: text.length, offset: 0 },
  ) => {
    const announcement = { source, schemaId, sequence: 1, text, ...piece }
    const bytes = writeRecordFrame(DatagramSchema, announcement, frameKind.datagramSchema, undefined)
    attacker.socket.send(bytes, portOf(receiver.endpoint), '127.0.0.1')
  }
  const idOf = (text: string | Buffer) => createHash('sha256').update(text).digest().subarray(0, 16)
  const oldText = Buffer.from(JSON.stringify(Old.json))
  const oldId = idOf(oldText)
  const sender = await createDatagram({ schema: Old, to: receiver.endpoint })
  t.teardown(() => sender.close({ drain: false }))
  // the text of another schema under the id of an honest one, whole and in pieces
  announce(oldId, Buffer.from(JSON.stringify(Other.json)))
  const source = randomBytes(8)
  announce(oldId, Buffer.alloc(500, 'x'), source, { size: 1000, offset: 0 })
  announce(oldId, Buffer.alloc(500, 'x'), source, { size: 1000, offset: 500 })
  for (const [size, offset] of [
    [0, 0],
    [70_000, 0],
    [10, 5],
    [-1, 0],
    [1000, -8],
  ] as const) {
    announce(oldId, Buffer.alloc(8, 'x'), randomBytes(8), { size, offset })
  }
  await until(() => (receiver.stats().incoming.rejectedFrames['bad-frame'] ?? 0) === 7)
  t.ok(codes.every((code) => code === 'RIVULET_BAD_FRAME'))
  const read = first(receiver.messages)
  await sender.send(value)
  t.strictSame(await read, { ...value, unit: '°C' })
  // many that are what they say, and useless
  for (let at = 0; at < 200; at++) {
    const text = Buffer.from(JSON.stringify({ ...(Other.json as object), doc: `${at}` }))
    announce(idOf(text), text)
  }
  await until(() => receiver.stats().sources.length + receiver.stats().refusedSchemas > 100)
  await until(() => receiver.stats().refusedSchemas > 100)
  const again = first(receiver.messages)
  await sender.send(value)
  t.strictSame(await again, { ...value, unit: '°C' })
})

t.test(
  'messages that cannot be read are counted: of an incompatible schema, and of one that nobody announces',
  async (t) => {
    const clock = new VirtualClock()
    const runtime = createRuntime({ clock })
    t.teardown(() => runtime.close())
    const relay = await plain(t)
    const receiver = await createDatagram({ schema: New, bind: 'udp://127.0.0.1:*', runtime })
    const codes = codesOf(receiver)
    const other = await createDatagram({ schema: Other, to: receiver.endpoint })
    const silent = await createDatagram({ schema: Old, to: relay.endpoint })
    for (const one of [other, silent]) t.teardown(() => one.close({ drain: false }))
    receiver.messages.subscribe()
    for (let at = 0; at < 3; at++) await other.send({ count: at })
    await until(() => receiver.stats().incoming.dropped['incompatible-schema'] === 3)
    for (let at = 0; at < 3; at++) await silent.send(value)
    await until(() => relay.datagrams.length === 4)
    for (const bytes of relay.datagrams.slice(1)) relay.socket.send(bytes, portOf(receiver.endpoint), '127.0.0.1')
    await until(() => receiver.stats().incoming.pending === 3)
    clock.advance(5000)
    t.match(receiver.stats().incoming, { received: 6, pending: 0, dropped: { 'unknown-schema': 3 } })
    t.strictSame(codes, ['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_UNKNOWN_SCHEMA'])
  },
)
