/** How long a peer may take, on the clock of the runtime: for its first frame, for each frame, in silence, at the end. */
import t, { type Test } from 'tap'
import { bytes, type Framing, lengthPrefixed, type StreamListenerOptions } from '../../patterns/socket/index.js'
import { codesOf, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { connect, take, takeAll } from './ends.js'

type Options = Partial<StreamListenerOptions<Uint8Array, Buffer>>

/** A server that reads frames, and a client that sends bytes. */
async function open(t: Test, options: Options, framing: Framing<Uint8Array, Buffer> = lengthPrefixed({ width: 1 })) {
  const clock = new VirtualClock()
  const { client, server } = await connect(place(t, 'tcp', { clock }), framing, options, { framing: bytes() })
  const errors = codesOf(server)
  codesOf(client)
  let sent = 0
  /** Sends bytes, and waits until they have arrived. */
  const send = async (...values: number[]) => {
    await client.send(Buffer.from(values))
    sent += values.length
    await until(() => server.stats().receivedBytes === sent)
  }
  return { clock, client, server, errors, send }
}

t.test('a peer that does not complete its first frame in time is cut', async (t) => {
  const { clock, server, errors, send } = await open(t, { firstFrameTimeoutMs: 1000 })
  const taken = takeAll(server)
  clock.advance(600)
  await send(2, 65)
  clock.advance(399)
  t.equal(server.connected, 1)
  clock.advance(1)
  t.match(await server.whenEnded, { code: 'RIVULET_TIMEOUT', message: /first frame did not come within 1000 ms/ })
  t.strictSame(await taken, [])
  t.strictSame(errors, ['RIVULET_TIMEOUT'])
})

t.test('a peer that sends a byte a second is cut by the time of a frame, and an honest one is not', async (t) => {
  const { clock, server, send } = await open(t, { frameTimeoutMs: 5000 })
  const taken = takeAll(server)
  await send(1, 65)
  for (let second = 0; second < 20; second++) {
    clock.advance(1000)
    await send(3, 65)
    clock.advance(1000)
    await send(66)
    clock.advance(1000)
    await send(67)
  }
  t.equal(server.connected, 1, 'frames of three seconds each')
  await send(200)
  for (let second = 1; second < 5; second++) {
    clock.advance(1000)
    await send(65)
  }
  clock.advance(999)
  t.equal(server.connected, 1)
  clock.advance(1)
  t.match(await server.whenEnded, { code: 'RIVULET_TIMEOUT', message: /a frame did not end within 5000 ms/ })
  t.equal((await taken).length, 21)
})

t.test('a silent connection is cut, and one with bytes in any direction is not', async (t) => {
  const { clock, client, server, send } = await open(t, { idleTimeoutMs: 1000 })
  const taken = takeAll(server)
  const arrived = client.messages[Symbol.asyncIterator]()
  for (let round = 0; round < 5; round++) {
    clock.advance(900)
    await send(1, 65)
    clock.advance(900)
    await server.send(Buffer.from('answer'))
    await arrived.next()
    await until(() => server.stats().outgoing.pending === 0)
  }
  clock.advance(999)
  t.equal(server.connected, 1)
  clock.advance(1)
  t.match(await server.whenEnded, { code: 'RIVULET_TIMEOUT', message: /no byte came or left within 1000 ms/ })
  t.equal((await taken).length, 5)
})

t.test('a peer that takes no bytes is cut when it is silent for too long', async (t) => {
  const { clock, server } = await open(t, { idleTimeoutMs: 1000 })
  // the client consumes nothing, so its window is closed before long
  const piece = Buffer.alloc(200, 7)
  while (server.stats().outgoing.pending < 100) {
    for (let at = 0; at < 1000; at++) server.next(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  let sent = -1
  for (; sent !== server.stats().sentBytes; await new Promise((resolve) => setImmediate(resolve))) {
    sent = server.stats().sentBytes
  }
  clock.advance(1000)
  t.match(await server.whenEnded, { code: 'RIVULET_TIMEOUT' })
})

t.test('the time in which this side does not read is not that of its peer', async (t) => {
  const { clock, server, send } = await open(t, {
    idleTimeoutMs: 1000,
    frameTimeoutMs: 1000,
    firstFrameTimeoutMs: 1000,
  })
  clock.advance(600_000)
  t.equal(server.connected, 1, 'nobody consumes')
  await send(1, 65, 2)
  clock.advance(600_000)
  t.equal(server.connected, 1, 'a message waits')
  t.strictSame((await take(server, 1)).map(String), ['A'])
  clock.advance(600_000)
  t.equal(server.connected, 1, 'nobody consumes any more')
  const rest = takeAll(server)
  clock.advance(999)
  t.equal(server.connected, 1)
  clock.advance(1)
  t.match(await server.whenEnded, { code: 'RIVULET_TIMEOUT' })
  t.strictSame(await rest, [])
})

t.test('this side closes its half if it is silent for long after the peer has closed its own', async (t) => {
  const { clock, client, server, errors, send } = await open(t, {})
  await send(1, 65)
  client.complete()
  const answers = takeAll(client)
  t.strictSame((await takeAll(server)).map(String), ['A'])
  clock.advance(29_000)
  await server.send(Buffer.from('late'))
  await until(() => server.stats().outgoing.pending === 0)
  clock.advance(29_999)
  t.equal(server.connected, 1)
  clock.advance(1)
  t.equal(await server.whenEnded, undefined, 'in an orderly way')
  t.strictSame(Buffer.concat(await answers).toString('latin1'), '\u0004late')
  t.strictSame(errors, [])
})

t.test('messages that are worked on keep a connection open whose peer has closed its half', async (t) => {
  const { clock, client, server, send } = await open(t, { halfOpenTimeoutMs: 1000 })
  const release: (() => void)[] = []
  const done: string[] = []
  const work = server.messages.process((message) =>
    new Promise<void>((resolve) => release.push(resolve)).then(() => String(message)),
  )
  const ended = new Promise<void>((resolve) => work.subscribe({ next: (text) => done.push(text), complete: resolve }))
  await send(1, 65, 1, 66)
  client.complete()
  await until(() => release.length === 1)
  for (let round = 0; round < 10; round++) clock.advance(1000)
  t.equal(server.connected, 1, 'a message waits for its turn')
  release[0]?.()
  await until(() => release.length === 2)
  clock.advance(999)
  t.equal(server.connected, 1)
  release[1]?.()
  await ended
  t.strictSame(done, ['A', 'B'])
})

t.test('messages that nobody consumes do not keep a connection that has ended on one side', async (t) => {
  const { clock, client, server, send } = await open(t, { halfOpenTimeoutMs: 1000 })
  await send(1, 65, 1, 66)
  t.strictSame((await take(server, 1)).map(String), ['A'])
  clock.advance(10_000)
  t.equal(server.status, 'open', 'nothing has ended yet')
  server.complete()
  clock.advance(999)
  t.equal(server.status, 'open')
  const again = take(server, 1)
  t.strictSame((await again).map(String), ['B'])
  clock.advance(10_000)
  t.equal(server.status, 'open', 'everything is consumed')
  await send(1, 67)
  clock.advance(999)
  t.equal(server.status, 'open')
  clock.advance(1)
  await server.whenClosed
  t.strictSame(server.stats().incoming.dropped, { closed: 1 })
  client.complete()
  await client.whenClosed
})

t.test('nor one that is cut', async (t) => {
  const { clock, client, server, send } = await open(t, { halfOpenTimeoutMs: 1000 })
  await send(1, 65, 1, 66)
  t.strictSame((await take(server, 1)).map(String), ['A'])
  client.error(new Error('gone'))
  await until(() => {
    server.next(Buffer.from('x')) // a message waits, so that nothing is read: only writing shows the reset
    return server.connected === 0
  })
  clock.advance(999)
  t.equal(server.status, 'open')
  clock.advance(1)
  await server.whenClosed
  t.strictSame(server.stats().incoming.dropped, { closed: 1 })
})

t.test('no timer is left behind', async (t) => {
  const clock = new VirtualClock()
  const limits = { idleTimeoutMs: 1000, frameTimeoutMs: 1000, firstFrameTimeoutMs: 1000 }
  const { client, server, listener } = await connect(place(t, 'tcp', { clock }), bytes(), limits, limits)
  const both = [takeAll(client), takeAll(server)]
  await client.send(Buffer.from('x'))
  client.complete()
  server.complete()
  await Promise.all([...both, client.whenClosed, server.whenClosed])
  await listener.close({ drain: false })
  t.equal(clock.timers, 0)
})
