/** Frames of links: both ways, in order, to the right peer, in any number below the mark, until a socket closes. */
import t from 'tap'
import { maxFramesInFlight } from '../../src/socket/index.js'
import { turn, until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'
import { DealerEnd, maxFrameBytes, RouterEnd } from './link-ends.js'

const names = ['?one', '?two', '?three']

eachTransport(t, 'a router and several dealers', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealers = await Promise.all(names.map((name) => DealerEnd.open(t, runtime, router.endpoint, name)))
  await until(() => dealers.every(({ frames }) => frames === 1))
  t.strictSame(
    dealers.map(({ texts }) => texts[0]),
    names,
    'what is sent at `onUp` arrives, and each answer comes to who asked',
  )
  for (const [index, dealer] of dealers.entries()) {
    dealer.send('')
    dealer.send(`?${'x'.repeat(maxFrameBytes - 1)}`)
    dealer.send(`?last of ${index}`)
  }
  await until(() => dealers.every(({ frames }) => frames === 3))
  for (const [index, dealer] of dealers.entries()) {
    t.equal(dealer.texts[1]?.length, maxFrameBytes)
    t.equal(dealer.texts[2], `?last of ${index}`)
    t.strictSame(router.received.get(router.peerOf(names[index] as string))?.length, 4, 'an empty frame is a frame')
  }
  t.equal(router.socket.peers, 3)
  t.equal(router.links.connected, 3)
  t.strictSame([...router.bad, ...router.errors, ...dealers.flatMap(({ errors }) => errors)], [])
})

eachTransport(t, 'thousands of frames in a row each way, without waiting', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  const peer = router.peerOf('?hello')
  const bursts = 3
  const burst = maxFramesInFlight - 96
  for (let round = 0; round < bursts; round++) {
    for (let count = 0; count < burst; count++) {
      const number = String(round * burst + count)
      dealer.send(number)
      router.socket.send(peer, Buffer.from(number))
    }
    const arrived = 1 + (round + 1) * burst
    await until(() => dealer.frames === arrived && router.frames === arrived)
  }
  const expected = Array.from({ length: bursts * burst }, (_, number) => String(number))
  t.ok(expected.length > 10_000)
  t.strictSame(router.received.get(peer)?.slice(1), expected)
  t.strictSame(dealer.texts.slice(1), expected)
  t.strictSame([...router.events.filter((event) => event === 'gone'), ...dealer.events], ['up'])
})

eachTransport(t, 'what is sent goes nowhere without a connection, and nothing of it comes later', async (t, place) => {
  const { runtime, bind } = place
  const probe = await RouterEnd.open(t, runtime, bind)
  const { endpoint } = probe
  probe.socket.close(0)
  await probe.socket.released
  const dealer = await DealerEnd.open(t, runtime, endpoint, '?hello')
  for (let count = 0; count < 100; count++) dealer.send('too early')
  t.equal(dealer.socket.up, false)
  const router = await RouterEnd.open(t, runtime, endpoint)
  await until(() => dealer.frames === 1)
  t.equal(dealer.socket.up, true)
  t.strictSame(router.events, ['?hello'])
})

eachTransport(t, 'nothing is told from within a method, or after `close`', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  dealer.socket.reconnect()
  t.strictSame(dealer.events, ['up'])
  await until(() => dealer.ups === 2)
  for (let count = 0; count < 1000; count++) dealer.send('?more')
  const told = [...dealer.events]
  const { frames } = dealer
  dealer.socket.close(0)
  dealer.socket.reconnect()
  dealer.send('after close')
  await until(() => router.gone.length === 2)
  await turn()
  t.strictSame(dealer.events, told)
  t.equal(dealer.frames, frames)
  t.equal(dealer.links.connected, 0)
})

eachTransport(t, 'a dealer that closes while frames are in flight lets those go', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  const count = 2000
  for (let number = 0; number < count; number++) dealer.send(String(number))
  dealer.socket.close(5000)
  await until(() => router.gone.length === 1)
  t.equal(router.frames, 1 + count)
  t.equal(router.events.at(-1), 'gone', 'after its last frame')
})

eachTransport(t, 'a router that closes while frames are in flight', async (t, { runtime, bind }) => {
  const router = await RouterEnd.open(t, runtime, bind)
  const dealer = await DealerEnd.open(t, runtime, router.endpoint, '?hello')
  await until(() => dealer.frames === 1)
  const peer = router.peerOf('?hello')
  const count = 2000
  for (let number = 0; number < count; number++) {
    router.socket.send(peer, Buffer.from(String(number)))
    dealer.send('nobody reads this')
  }
  router.socket.close(5000)
  router.socket.send(peer, Buffer.from('after close'))
  await until(() => dealer.events.includes('gone'))
  await turn()
  t.strictSame(dealer.events, ['up', 'gone'])
  const numbers = dealer.texts.slice(1)
  t.strictSame(
    numbers,
    Array.from(numbers, (_, number) => String(number)),
    'what comes has no gap',
  )
  t.strictSame([...router.events], ['?hello'])
})
