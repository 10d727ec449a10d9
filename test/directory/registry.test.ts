/** What one host knows, over virtual time: leases, the grace period, owners, limits, versions. */
import t from 'tap'
import { type Holder, Registry, type RegistrySettings } from '../../patterns/directory/registry.js'
import type { Announced } from '../../patterns/directory/wire.js'
import { VirtualClock } from '../support/virtual-clock.js'

const settings: RegistrySettings = { leaseMs: 5000, graceMs: 10_000, maxAnnouncements: 100, maxClientAnnouncements: 10 }

interface TestHolder extends Holder {
  hasLapsed: boolean
}

function holderOf(client: string, key = ''): TestHolder {
  const holder: TestHolder = {
    owner: { client, key },
    hasLapsed: false,
    lapsed: () => {
      holder.hasLapsed = true
    },
  }
  return holder
}

const announced = (instance: string, revision = 1, rest: Partial<Announced> = {}): Announced => ({
  instance,
  revision,
  role: 'SERVICE',
  name: 'jobs',
  epoch: 0,
  places: [{ address: 'tcp://a:1', serverKeys: [] }],
  metadata: {},
  ...rest,
})

function open(given: Partial<RegistrySettings> = {}) {
  const clock = new VirtualClock()
  const registry = new Registry({ ...settings, ...given }, clock)
  const changes: string[] = []
  const watcher = {
    changed: (_key: string, instance: string) => void changes.push(instance),
    settled: () => void changes.push('settled'),
  }
  registry.attend(watcher)
  const view = registry.watch('SERVICE jobs', watcher)
  const enter = (client: string, key?: string) => {
    const holder = holderOf(client, key)
    registry.enter(holder)
    return holder
  }
  return { clock, registry, changes, view, watcher, enter }
}

t.test('an announcement ends its lease after its connection', async (t) => {
  const { clock, registry, changes, view, enter } = open({ graceMs: 0 })
  const one = enter('one')
  t.equal(registry.announce(one, announced('a')), undefined)
  registry.connected(one, false)
  clock.advance(4999)
  registry.connected(one, true)
  clock.advance(100_000)
  t.equal(registry.size, 1, 'back in time')
  registry.connected(one, false)
  clock.advance(5000)
  t.strictSame([...view.entries], [])
  t.strictSame(changes, ['a', 'a'])
  t.ok(one.hasLapsed, 'so that its stream is opened again')
  t.equal(registry.expired, 1)
  registry.leave(one)
  t.equal(clock.timers, 0)
})

t.test('an announcement is held by all streams of its client', async (t) => {
  const { clock, registry, enter } = open({ graceMs: 0 })
  const [one, other] = [enter('one'), enter('one')]
  registry.announce(one, announced('a'))
  registry.announce(other, announced('a'))
  registry.leave(one)
  clock.advance(100_000)
  t.equal(registry.size, 1)
  registry.leave(other)
  clock.advance(4999)
  t.equal(registry.size, 1, 'a stream that ends without a word is a lost connection')
  clock.advance(1)
  t.equal(registry.size, 0)
})

t.test('in the grace period nobody is declared gone, but by their own word', async (t) => {
  const { clock, registry, changes, enter } = open()
  const [one, other] = [enter('one'), enter('other')]
  registry.announce(one, announced('a'))
  registry.announce(other, announced('b'))
  registry.leave(one)
  registry.withdraw(other, { instance: 'b', revision: 2 })
  clock.advance(9999)
  t.notOk(registry.isSettled)
  t.strictSame(changes, ['a', 'b', 'b'])
  clock.advance(1)
  t.ok(registry.isSettled)
  t.strictSame(changes, ['a', 'b', 'b', 'settled', 'a'])
  registry.announce(other, announced('c', 3))
  registry.leave(other)
  clock.advance(5000)
  t.equal(registry.size, 0)
})

t.test('a host that stood still gives everybody fresh time', async (t) => {
  const { clock, registry, enter } = open({ graceMs: 0 })
  const one = enter('one')
  registry.announce(one, announced('a'))
  registry.connected(one, false)
  clock.block(60_000)
  clock.advance(0)
  t.equal(registry.size, 1, 'that it is back may not have been read yet')
  clock.advance(5000)
  t.equal(registry.size, 0)
  const late = open()
  late.clock.block(60_000)
  late.clock.advance(0)
  t.notOk(late.registry.isSettled, 'and so has the grace period')
  late.clock.advance(10_000)
  t.ok(late.registry.isSettled)
})

t.test('a timer that is a little late is no stall, however short the lease is', async (t) => {
  const { clock, registry } = open({ leaseMs: 0 })
  clock.block(10_016)
  clock.advance(0)
  t.ok(registry.isSettled)
})

t.test('the newest revision holds, in whatever order revisions come', async (t) => {
  const { registry, view, enter } = open()
  const [one, other] = [enter('one'), enter('one')]
  registry.announce(one, announced('a', 5, { metadata: { at: 'new' } }))
  const { version } = view
  registry.announce(other, announced('a', 4, { metadata: { at: 'old' } }))
  t.strictSame(view.entries.get('a')?.metadata, { at: 'new' })
  t.equal(view.version, version, 'nothing has changed')
  registry.withdraw(other, { instance: 'a', revision: 4 })
  t.equal(view.entries.size, 1)
  registry.withdraw(other, { instance: 'a', revision: 6 })
  t.equal(view.entries.size, 0)
  t.equal(view.version, version + 1)
})

t.test('what a client does not announce again under complete is gone', async (t) => {
  const { registry, view, enter } = open()
  const [one, stranger] = [enter('one'), enter('other')]
  for (const [instance, revision] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const) {
    registry.announce(one, announced(instance, revision))
  }
  registry.announce(stranger, announced('d', 1))
  const again = enter('one')
  registry.announce(again, announced('a', 1))
  registry.completed(again, 2)
  t.strictSame([...view.entries.keys()], ['a', 'c', 'd'], 'not what is newer, nor that of another client')
})

t.test('nobody replaces, renames or withdraws what another client or key has announced', async (t) => {
  const { registry, view, enter } = open()
  const alice = enter('one', 'alice')
  registry.announce(alice, announced('a'))
  for (const other of [enter('two', 'alice'), enter('one', 'bob'), enter('one')]) {
    t.match(registry.announce(other, announced('a', 9)), { code: 'RIVULET_PERMISSION_DENIED', executed: 'no' })
    registry.withdraw(other, { instance: 'a', revision: 9 })
    registry.completed(other, 9)
  }
  t.match(registry.announce(alice, announced('a', 2, { name: 'others' })), { code: 'RIVULET_INVALID_REQUEST' })
  t.match(registry.announce(alice, announced('a', 2, { role: 'PEER' })), { code: 'RIVULET_INVALID_REQUEST' })
  t.strictSame([...view.entries.values()], [announced('a')])
})

t.test('the name of a peer belongs to a key as long as it is held', async (t) => {
  const { registry, enter } = open({ graceMs: 0 })
  const peer = (instance: string) => announced(instance, 1, { role: 'PEER', name: 'planner' })
  const [alice, bob, nobody] = [enter('one', 'alice'), enter('two', 'bob'), enter('three')]
  t.equal(registry.announce(alice, peer('a')), undefined)
  t.equal(registry.announce(alice, peer('b')), undefined, 'two of one key are a conflict for clients to see')
  t.match(registry.announce(bob, peer('c')), { code: 'RIVULET_NAME_TAKEN' })
  registry.withdraw(alice, { instance: 'a', revision: 2 })
  t.match(registry.announce(bob, peer('c')), { code: 'RIVULET_NAME_TAKEN' })
  registry.withdraw(alice, { instance: 'b', revision: 3 })
  t.equal(registry.announce(bob, peer('c')), undefined)
  registry.withdraw(bob, { instance: 'c', revision: 2 })
  t.equal(registry.announce(nobody, peer('d')), undefined, 'without keys a conflict is one')
  t.equal(registry.announce(enter('four'), peer('e')), undefined)
})

t.test('announcements are bounded, of all and of one client or key', async (t) => {
  const { registry, enter } = open({ maxAnnouncements: 4, maxClientAnnouncements: 2 })
  const full = { code: 'RIVULET_DIRECTORY_FULL', retryable: true }
  const [one, other] = [enter('one', 'alice'), enter('other', 'alice')]
  registry.announce(one, announced('a'))
  registry.announce(other, announced('b'))
  t.match(registry.announce(one, announced('c')), full, 'a key has one bound, over all its clients')
  t.equal(registry.announce(one, announced('a', 2)), undefined, 'a change is no more')
  registry.withdraw(other, { instance: 'b', revision: 2 })
  t.equal(registry.announce(one, announced('c')), undefined)
  const third = enter('third')
  registry.announce(third, announced('d'))
  registry.announce(third, announced('e'))
  t.match(registry.announce(enter('fourth'), announced('f')), full)
})

t.test('a view is forgotten when nobody watches it and nothing is in it', async (t) => {
  const { registry, watcher, view, enter } = open()
  const one = enter('one')
  registry.announce(one, announced('a'))
  registry.unwatch('SERVICE jobs', watcher)
  t.equal(registry.watch('SERVICE jobs', watcher), view)
  registry.unwatch('SERVICE jobs', watcher)
  registry.withdraw(one, { instance: 'a', revision: 2 })
  t.not(registry.watch('SERVICE jobs', watcher), view)
})
