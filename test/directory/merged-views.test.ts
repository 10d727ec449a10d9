/** What a client makes of what its hosts say, over virtual time: disagreement, loss, restarts, gaps; and the winner among peers. */
import fc from 'fast-check'
import t from 'tap'
import { conflictsOf, endpointsOf, entriesOf, peersOf } from '../../patterns/directory/announced-lists.js'
import { HostKnowledge, MergedViews } from '../../patterns/directory/merged-views.js'
import type { Announced, View } from '../../patterns/directory/wire.js'
import { VirtualClock } from '../support/virtual-clock.js'

const view: View = { role: 'SERVICE', name: 'jobs' }
const staleMs = 30_000

const announced = (instance: string, revision = 1, rest: Partial<Announced> = {}): Announced => ({
  instance,
  revision,
  role: 'SERVICE',
  name: 'jobs',
  epoch: 0,
  places: [{ address: `tcp://${instance}:1`, serverKeys: [] }],
  metadata: {},
  ...rest,
})

/** One session with a host. */
class TestHost {
  readonly knowledge: HostKnowledge
  readonly #views: MergedViews
  #version = 1

  constructor(views: MergedViews, host: string, { place = host, isSettled = true } = {}) {
    this.#views = views
    this.knowledge = new HostKnowledge(place)
    views.opened(this.knowledge, host, isSettled)
  }

  /** Sends the whole view. */
  has(...instances: string[]): this {
    const present = instances.map((instance) => announced(instance))
    this.#views.change(this.knowledge, { view, since: 0, version: this.#version, complete: true, present, gone: [] })
    return this
  }

  changes(present: readonly Announced[], gone: readonly string[] = []): string {
    const since = this.#version++
    const change = { view, since, version: this.#version, complete: true, present: [...present], gone: [...gone] }
    return this.#views.change(this.knowledge, change)
  }

  lost(): void {
    this.#views.lost(this.knowledge)
  }

  resumed(): void {
    this.#views.resumed(this.knowledge)
  }

  settled(): void {
    this.#views.settled(this.knowledge)
  }
}

function open() {
  const clock = new VirtualClock()
  let emitted = 0
  const views = new MergedViews({
    clock,
    staleMs,
    changed: () => {
      emitted += 1
    },
  })
  views.watch(view)
  const now = () => [...(views.entries(view)?.keys() ?? ['unknown'])].sort()
  const host = (name: string, options?: { place?: string; isSettled?: boolean }) => new TestHost(views, name, options)
  return { clock, views, now, host, emitted: () => emitted }
}

t.test('nothing is known before a host has said all of a view', async (t) => {
  const { views, now, host } = open()
  t.strictSame(now(), ['unknown'])
  const { knowledge } = host('h')
  const part = { view, since: 0, version: 4, complete: false, present: [announced('a')], gone: [] }
  t.equal(views.change(knowledge, part), 'applied')
  t.strictSame(now(), ['unknown'], 'a part is no view')
  t.equal(views.change(knowledge, { ...part, since: 4, complete: true, present: [announced('b')] }), 'applied')
  t.strictSame(now(), ['a', 'b'])
  t.equal(views.change(knowledge, { ...part, view: { role: 'PEER', name: '' } }), 'ignored')
})

t.test('a change without its base is missed, and a snapshot repairs it', async (t) => {
  const { views, now, host } = open()
  const { knowledge } = host('h').has('a')
  const change = { view, since: 7, version: 8, complete: true, present: [announced('b')], gone: ['a'] }
  t.equal(views.change(knowledge, change), 'missed')
  t.strictSame(now(), ['a'])
  t.equal(views.change(knowledge, { ...change, since: 8, version: 9 }), 'missed')
  t.equal(views.change(knowledge, { ...change, since: 0, version: 9 }), 'applied')
  t.strictSame(now(), ['b'])
  const part = { ...change, since: 0, version: 9, complete: false }
  t.equal(views.change(knowledge, part), 'applied')
  t.equal(views.change(knowledge, { ...part, since: 10 }), 'missed', 'within a snapshot, too')
  t.strictSame(now(), ['b'], 'what was there stays until a snapshot is complete')
})

t.test('an entry is there while one host has it, in its newest revision', async (t) => {
  const { views, now, host } = open()
  const one = host('one').has('a', 'b')
  const other = host('other').has('b', 'c')
  t.strictSame(now(), ['a', 'b', 'c'])
  one.changes([], ['b'])
  t.strictSame(now(), ['a', 'b', 'c'])
  other.changes([announced('a', 3)], ['b'])
  one.changes([announced('a', 2)])
  t.strictSame(now(), ['a', 'c'])
  t.equal(views.entries(view)?.get('a')?.revision, 3)
})

t.test('all hosts gone: what is known stays, for as long as it takes', async (t) => {
  const { clock, now, host } = open()
  const one = host('one').has('a')
  const other = host('other').has('a', 'b')
  one.lost()
  other.lost()
  clock.advance(100 * staleMs)
  t.strictSame(now(), ['a', 'b'])
  one.resumed()
  t.strictSame(now(), ['a'], 'a host that is back says what there is')
})

t.test('what a lost host has said holds for a while against the others', async (t) => {
  const { clock, now, host } = open()
  host('one').has('a')
  const other = host('other').has('b')
  other.lost()
  clock.advance(staleMs - 1)
  t.strictSame(now(), ['a', 'b'])
  clock.advance(1)
  t.strictSame(now(), ['a'])
  other.resumed()
  t.equal(other.changes([announced('c')]), 'missed', 'its view is asked for again')
  other.has('b', 'c')
  t.strictSame(now(), ['a', 'b', 'c'])
})

t.test('a host that restarts takes nothing away before it has settled', async (t) => {
  const { clock, now, host } = open()
  host('old', { place: 'p' }).has('a', 'b', 'c').lost()
  const again = host('new', { place: 'p', isSettled: false }).has()
  t.strictSame(now(), ['a', 'b', 'c'])
  again.changes([announced('a')])
  again.changes([], ['b'])
  t.strictSame(now(), ['a', 'c'], 'but what is withdrawn')
  clock.advance(10_000)
  again.settled()
  t.strictSame(now(), ['a'])
})

t.test('while a host is in its grace period, what another has said is kept', async (t) => {
  const { clock, now, host } = open()
  host('one').has('a')
  host('other', { place: 'p' }).has('b').lost()
  clock.advance(staleMs - 1000)
  const again = host('again', { place: 'q', isSettled: false }).has()
  clock.advance(5000)
  t.strictSame(now(), ['a', 'b'], 'it may be announced there next')
  again.settled()
  t.strictSame(now(), ['a'])
})

t.test('a host that never settles is believed after a while', async (t) => {
  const { clock, now, host } = open()
  host('old', { place: 'p' }).has('a').lost()
  host('new', { place: 'p', isSettled: false }).has('b')
  clock.advance(staleMs - 1)
  t.strictSame(now(), ['a', 'b'])
  clock.advance(1)
  t.strictSame(now(), ['b'])
})

t.test('two links to one host are one word', async (t) => {
  const { now, host } = open()
  const one = host('h', { place: 'p' }).has('a', 'b')
  const other = host('h', { place: 'q' }).has('a', 'b')
  one.lost()
  other.changes([], ['b'])
  t.strictSame(now(), ['a'])
  host('h', { place: 'p' }).has()
  other.changes([], ['a'])
  t.strictSame(now(), [])
})

t.test('a view that is not watched is forgotten', async (t) => {
  const { views, now, host, emitted } = open()
  const one = host('one').has('a')
  views.unwatch(view)
  const before = emitted()
  t.equal(one.changes([announced('b')]), 'ignored')
  views.watch(view)
  t.strictSame(now(), ['unknown'])
  t.equal(emitted(), before)
})

t.test('whatever the order of hosts and messages, clients come to the same', async (t) => {
  const peer = fc.record({
    name: fc.constantFrom('p', 'q'),
    instance: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 3 }),
    epoch: fc.integer({ min: 1, max: 3 }),
  })
  const peers = fc.uniqueArray(peer, { selector: ({ instance }) => instance, maxLength: 8 })
  const order = fc.infiniteStream(fc.nat())
  fc.assert(
    fc.property(peers, order, order, (list, one, other) => {
      const shuffled = (random: typeof order extends fc.Arbitrary<infer S> ? S : never) =>
        list
          .map(({ name, instance, epoch }) => ({
            by: random.next().value as number,
            one: announced(instance, 1, { role: 'PEER', name, epoch }),
          }))
          .sort((a, b) => a.by - b.by)
          .map(({ one: announcement }) => announcement)
      const seen = [one, other].map((random) => peersOf(shuffled(random)))
      t.strictSame(seen[0], seen[1])
      const [conflicts, others] = seen.map((records) => conflictsOf(records))
      t.strictSame(conflicts, others)
      for (const { winner, losers } of conflicts ?? []) {
        for (const loser of losers) {
          const isBelow =
            loser.epoch < winner.epoch || (loser.epoch === winner.epoch && loser.instance > winner.instance)
          if (!isBelow) throw new Error('a loser is above the winner')
        }
      }
    }),
  )
})

t.test('endpoints are in one order, each once, with all keys', async (t) => {
  const place = (address: string, ...serverKeys: string[]) => ({ address, serverKeys })
  const entries = entriesOf([
    announced('b', 1, { places: [place('tcp://y:1', 'k2'), place('tcp://x:1')] }),
    announced('a', 1, { places: [place('tcp://y:1', 'k1', 'k2')], metadata: { zone: 'east' } }),
  ])
  t.strictSame(
    entries.map(({ instance, endpoint: { address }, metadata }) => [instance, address, { ...metadata }]),
    [
      ['a', 'tcp://y:1', { zone: 'east' }],
      ['b', 'tcp://y:1', {}],
      ['b', 'tcp://x:1', {}],
    ],
  )
  t.strictSame(endpointsOf(entries), [{ address: 'tcp://x:1' }, { address: 'tcp://y:1', serverKey: ['k1', 'k2'] }])
})
