/** A dealer's connection: told when it is up and when it is gone, and always back by itself. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createRuntime } from '../../src/runtime/index.js'
import { createNative } from '../../src/socket/native.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { DealerEnd, maxFrameBytes, RouterEnd } from './link-ends.js'

/** `up` and `gone` by turns. */
const turns = (ups: number): string[] =>
  Array.from({ length: 2 * ups - 1 }, (_, index) => (index % 2 === 0 ? 'up' : 'gone'))

t.test('twenty resets in the middle of frames', async (t) => {
  const resets = 20
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const proxy = await ChaosProxy.open(router.endpoint)
  t.teardown(() => proxy.close())
  const dealer = await DealerEnd.open(t, runtime, proxy.endpoint, '?hello')
  let number = 0
  for (let count = 1; count <= resets; count++) {
    await until(() => dealer.ups === count)
    const before = router.frames
    await until(() => {
      for (let burst = 0; burst < 10; burst++) dealer.send(String(number++))
      return router.frames > before + 20
    })
    proxy.cut()
  }
  await until(() => dealer.ups === resets + 1 && router.gone.length === resets && router.socket.peers === 1)
  t.strictSame(dealer.events, turns(resets + 1))
  t.equal(router.received.size, resets + 1)
  t.equal(new Set(router.gone).size, resets)
  let last = -1
  for (const [hello, ...numbers] of router.received.values()) {
    t.equal(hello, '?hello', 'what is sent at `onUp` is first')
    if (numbers.length === 0) continue
    const start = Number(numbers[0])
    t.ok(start > last)
    last = Number(numbers.at(-1))
    t.equal(last - start, numbers.length - 1, 'there is no gap within a connection')
  }
  t.strictSame([...dealer.errors, ...router.errors, ...router.reasons], [])
})

eachTransport(t, 'a connection that is given up and made anew, on purpose', async (t, { runtime, bind }) => {
  const rounds = 20
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  for (let count = 1; count <= rounds; count++) {
    await until(() => dealer.frames === count)
    dealer.socket.reconnect()
    dealer.socket.reconnect()
    t.equal(dealer.socket.up, false)
    dealer.send('between')
  }
  await until(() => dealer.frames === rounds + 1 && router.gone.length === rounds)
  t.strictSame(dealer.events, turns(rounds + 1))
  t.strictSame(
    [...router.received.values()],
    Array.from({ length: rounds + 1 }, () => ['?hello']),
  )
  await until(() => router.links.connected === 1)
  t.equal(dealer.links.connected, 1)
  t.strictSame([...dealer.errors, ...router.errors], [])
})

eachTransport(t, 'many times in a row, whether or not a connection is up', async (t, { runtime, bind }) => {
  const probe = await RouterEnd.open(t, runtime, bind)
  const { endpoint } = probe
  probe.socket.close(0)
  await probe.socket.released
  const dealer = await DealerEnd.open(t, runtime, endpoint, '?hello')
  const again = async () => {
    for (let count = 0; count < 10; count++) {
      dealer.socket.reconnect()
      await undefined
    }
  }
  await again()
  const router = await RouterEnd.open(t, runtime, endpoint)
  await again()
  await until(() => dealer.ups > 0)
  await again()
  await until(() => dealer.events.at(-1) === 'up' && dealer.frames > 0 && router.socket.peers === 1)
  t.strictSame(dealer.events, turns(dealer.ups))
  await until(() => router.links.connected === 1)
  t.equal(dealer.links.connected, 1)
})

eachTransport(t, 'a router that starts again where it was', async (t, { runtime, bind }) => {
  let router = await RouterEnd.open(t, runtime, bind)
  const { endpoint } = router
  const dealer = await DealerEnd.open(t, runtime, endpoint, '?hello')
  const rounds = 4
  for (let count = 1; count <= rounds; count++) {
    await until(() => dealer.frames === count)
    router.socket.close(0)
    await until(() => dealer.events.length === 2 * count)
    t.equal(dealer.links.connected, 0)
    await router.socket.released
    router = await RouterEnd.open(t, runtime, endpoint)
  }
  await until(() => dealer.frames === rounds + 1)
  t.strictSame(dealer.events, turns(rounds + 1))
  t.strictSame(dealer.errors, [])
})

t.test('over inproc: a router whose predecessor is still being closed', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  let router = await RouterEnd.open(t, runtime, bind)
  const { endpoint } = router
  const dealer = await DealerEnd.open(t, runtime, endpoint, '?hello')
  await until(() => dealer.frames === 1)
  const settings = {
    kind: 'dealer',
    isBound: false,
    ipv6: false,
    maxFrameBytes,
    socketBufferBytes: undefined,
    sendHighWaterMark: 1,
    receiveHighWaterMark: 1,
  } as const
  // the library closes them first, on a thread of its own
  const others = Array.from({ length: 300 }, () => createNative(runtime, settings))
  for (const other of others) other.close()
  router.socket.close(0)
  router = await RouterEnd.open(t, runtime, endpoint)
  await until(() => dealer.frames === 2)
  t.strictSame(router.events, ['?hello'])
  t.strictSame(dealer.events, turns(2))
})

t.test('a connection whose greeting was lost', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const proxy = await ChaosProxy.open(router.endpoint)
  t.teardown(() => proxy.close())
  proxy.set({ blackHole: 'both' })
  const dealer = await DealerEnd.open(t, runtime, proxy.endpoint, '?hello')
  await until(() => proxy.swallowed > 0)
  proxy.calm()
  await until(() => dealer.frames === 1)
  t.strictSame(dealer.events, ['up'])
})

t.test('a frame on a dead connection is the first to tell of it', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  router.socket.close(0)
  // no turn of the event loop: the monitor cannot be read
  for (let count = 0; count < 5000 && dealer.events.length === 1; count++) {
    dealer.send('is anybody there?')
    await undefined
  }
  await until(() => dealer.events.length === 2)
  t.strictSame(dealer.events, ['up', 'gone'])
  t.strictSame([...dealer.reasons, ...dealer.errors], [], 'a lost connection is no failure')
  const again = await RouterEnd.open(t, runtime, router.endpoint)
  await until(() => dealer.frames === 2)
  t.strictSame(again.events, ['?hello'])
})

t.test('the watchdog connects again after a frame that is too large, which libzmq would not', async (t) => {
  const raw = new zmq.Router({ linger: 0 })
  t.teardown(() => raw.close())
  await raw.bind('tcp://127.0.0.1:*')
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close())
  const dealer = await DealerEnd.open(t, runtime, raw.lastEndpoint as string, 'hello')
  const [peer] = await raw.receive()
  await raw.send([peer as Buffer, Buffer.alloc(maxFrameBytes + 1)])
  await until(() => dealer.events.includes('gone'))
  await clock.whenArmed()
  clock.advance(2000)
  const [other, hello] = await raw.receive()
  t.equal(String(hello), 'hello')
  t.notSame(other, peer)
  t.strictSame(dealer.events, ['up', 'gone', 'up'])
  t.equal(clock.timers, 0)
})

t.test('a message of several parts is told, and harms nothing', async (t) => {
  const { runtime } = place(t, 'tcp')
  const raw = new zmq.Router({ linger: 0 })
  t.teardown(() => raw.close())
  await raw.bind('tcp://127.0.0.1:*')
  const dealer = await DealerEnd.open(t, runtime, raw.lastEndpoint as string, 'hello')
  const [peer] = await raw.receive()
  await raw.send([peer as Buffer, 'a', 'b'])
  await raw.send([peer as Buffer, 'fine'])
  await until(() => dealer.frames === 1)
  t.strictSame(dealer.texts, ['fine'])
  t.match(dealer.bad, [{ code: 'RIVULET_BAD_FRAME' }])
})
