/** Which of several links between two nodes stays: the pure choice, and two peers that dial each other. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { LinkChoice, type LinkOfNode } from '../../patterns/messaging/link-choice.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { inbox, Report, sees, sight } from './peers.js'

const link = (node: string, dialed?: string, isLive = true): LinkOfNode => ({ node, dialed, isLive })
const leftOut = (self: string, ...links: LinkOfNode[]) => [...new LinkChoice(self).leftOut(links)].sort()

t.test('both sides find the same link', async (t) => {
  // a dialed b at 'to-b', b dialed a at 'to-a'
  t.strictSame(leftOut('a', link('b', 'to-b'), link('b')), [], 'the smaller id keeps what it has dialed')
  t.strictSame(leftOut('b', link('a', 'to-a'), link('a')), ['to-a'])
  // a dialed b twice
  t.strictSame(leftOut('a', link('b', 'y'), link('b', 'x')), ['y'])
  t.strictSame(leftOut('b', link('a'), link('a')), [])
  // b alone dialed, twice
  t.strictSame(leftOut('b', link('a', 'y'), link('a', 'x')), ['y'])
  t.strictSame(leftOut('a', link('a', 'me'), link('a')), ['me'], 'itself')
  t.strictSame(leftOut('b', link('a', 'to-a'), link('c', 'to-c')), [], 'different nodes')
})

t.test(
  'a link without a connection replaces no other, and a left-out address stays out until there is no other link',
  async (t) => {
    const choice = new LinkChoice('b')
    t.strictSame([...choice.leftOut([link('a', 'to-a'), link('a', undefined, false)])], [])
    t.strictSame([...choice.leftOut([link('a', 'to-a'), link('a')])], ['to-a'])
    t.strictSame([...choice.leftOut([link('a')])], ['to-a'], 'its link has ended')
    t.strictSame([...choice.leftOut([link('a', undefined, false)])], ['to-a'], 'the other one is cut')
    t.strictSame([...choice.leftOut([])], [], 'and has ended')
  },
)

eachTransport(
  t,
  'two peers that dial each other at once end with one link, and lose nothing',
  async (t, { runtime, bind, transport }) => {
    const one = await createPeer({ name: 'one', bind, runtime })
    const other = place(t, transport, {})
    const two = await createPeer({
      name: 'two',
      bind: transport === 'inproc' ? 'inproc://other-end' : other.bind,
      connect: one.endpoint,
      runtime,
    })
    const three = await createPeer({ name: 'three', connect: [one.endpoint, two.endpoint], runtime })
    const got = inbox(one)
    const gotTwo = inbox(two)
    await sees(three, 'one', 'two')
    const sends: Promise<void>[] = []
    for (let id = 0; id < 300; id++) sends.push(two.send('one', Report, { id }), three.send('two', Report, { id }))
    await Promise.all(sends)
    t.strictSame(
      got,
      Array.from({ length: 300 }, (_, id) => `two/Report ${id}`),
    )
    t.strictSame(
      gotTwo,
      Array.from({ length: 300 }, (_, id) => `three/Report ${id}`),
    )
  },
)

t.test(
  'a link that is slow to say who is there takes the place of another one, and nobody is seen to leave',
  async (t) => {
    const { runtime, bind } = place(t, 'tcp')
    const two = await createPeer({ name: 'two', bind, runtime })
    const proxies = [await ChaosProxy.open(two.endpoint), await ChaosProxy.open(two.endpoint)]
    t.teardown(() => Promise.all(proxies.map((proxy) => proxy.close())))
    const [slow, quick] = proxies.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1)) as [ChaosProxy, ChaosProxy]
    slow.set({ delayMs: 100 }) // of two that one side has dialed, the one with the smaller address stays
    const atTwo = sight(two)
    const one = await createPeer({ name: 'one', connect: [quick.endpoint, slow.endpoint], runtime })
    const atOne = sight(one)
    await until(() => slow.accepted === 1 && quick.accepted === 1)
    await until(() => quick.connections === 0)
    await until(() => one.stats().sessions === 1 && two.stats().sessions === 1)
    t.strictSame(atOne, ['joined two', 'complete'])
    t.strictSame(atTwo, ['complete', 'joined one'])
  },
)

eachTransport(
  t,
  'one link stays of two, whichever it is, and messages continue in order',
  async (t, { runtime, bind, transport }) => {
    const other = place(t, transport)
    const connect = new BehaviorSubject<readonly string[]>([])
    const one = await createPeer({ name: 'one', bind, connect, runtime })
    const two = await createPeer({
      name: 'two',
      bind: transport === 'inproc' ? `inproc://two-${process.pid}` : other.bind,
      connect: one.endpoint,
      runtime,
    })
    const [gotOne, gotTwo] = [inbox(one), inbox(two)]
    let opened = 0
    one.links.subscribe(({ state }) => {
      if (state === 'connected') opened += 1
    })
    await sees(one, 'two')
    const sends: Promise<void>[] = []
    for (let id = 0; id < 2000; id++) {
      sends.push(two.send('one', Report, { id }), one.send('two', Report, { id }))
      if (id === 500) connect.next([two.endpoint])
      if (id % 100 === 0) await Promise.all(sends)
    }
    await Promise.all(sends)
    await until(() => opened >= 2) // there was another link
    await until(() => one.connected + two.connected === 2) // a link has two ends
    for (let id = 2000; id < 2100; id++) await two.send('one', Report, { id })
    t.strictSame(
      gotOne,
      Array.from({ length: 2100 }, (_, id) => `two/Report ${id}`),
    )
    t.strictSame(
      gotTwo,
      Array.from({ length: 2000 }, (_, id) => `one/Report ${id}`),
    )
  },
)
