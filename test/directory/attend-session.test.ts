/** One client at a host, without a link between: what it is sent when it reads slowly, how fast it is read, and what it says again. */
import fc from 'fast-check'
import t from 'tap'
import { AttendSession } from '../../patterns/directory/attend-session.js'
import { HostTalk } from '../../patterns/directory/host-talk.js'
import { HostKnowledge, MergedViews } from '../../patterns/directory/merged-views.js'
import { OwnAnnouncements } from '../../patterns/directory/own-announcements.js'
import { type Holder, Registry } from '../../patterns/directory/registry.js'
import type { Announced, AttendAnswer, AttendRequest, View } from '../../patterns/directory/wire.js'
import { isRivuletError } from '../../src/errors/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const view: View = { role: 'SERVICE', name: 'jobs' }
const places = [{ address: 'tcp://a:1', serverKeys: [] }]
const announcing = (instance: string, name = 'jobs') =>
  ({ instance, role: 'SERVICE', name, epoch: 0, places, metadata: {} }) as const
const announced = (instance: string, revision = 1): Announced => ({ ...announcing(instance), revision })
const nobody: Holder = { owner: { client: 'other', key: '' }, lapsed: () => {} }

/** A host with a session; `unread` is what waits for its client. */
function openHost() {
  const clock = new VirtualClock()
  const limits = { maxAnnouncements: 100_000, maxClientAnnouncements: 100_000 }
  const registry = new Registry({ leaseMs: 5000, graceMs: 0, ...limits }, clock)
  registry.enter(nobody)
  const answers: AttendAnswer[] = []
  const state = { unread: 0, room: 0 }
  const ports = {
    answer: (answer: AttendAnswer) => void answers.push(answer),
    room: () => {
      state.room += 1
    },
    unread: () => state.unread,
    withdraw: () => [],
    superseded: () => {},
  }
  const host = { id: 'h', clock, registry, watches: { count: 0, most: 10 }, refused: () => {} }
  const session = new AttendSession(host, ports, { key: '', mayAnnounce: () => true })
  return { clock, registry, answers, state, session, host }
}

t.test('a large view comes in parts, the last of which completes it', async (t) => {
  const { registry, answers, session } = openHost()
  for (let at = 0; at < 1000; at++) registry.announce(nobody, announced(`i${at}`))
  session.receive({ open: { client: 'c' }, watched: [view] })
  while (!answers.some(({ changes = [] }) => changes.some(({ complete }) => complete))) await turn()
  const changes = answers.flatMap((answer) => answer.changes ?? [])
  t.ok(changes.length > 3, `${changes.length} parts`)
  t.strictSame(
    changes.map(({ since, complete }) => [since, complete]),
    changes.map((_, at) => [at === 0 ? 0 : 1001, at === changes.length - 1]),
  )
  t.equal(changes.flatMap(({ present = [] }) => present).length, 1000)
})

t.test('a client that reads slowly is sent what has changed since, once', async (t) => {
  const { registry, answers, state, session } = openHost()
  session.receive({ open: { client: 'c' }, watched: [view] })
  await turn()
  state.unread = 1_000_000
  for (let revision = 1; revision <= 500; revision++) registry.announce(nobody, announced('a', revision))
  registry.announce(nobody, announced('b'))
  registry.withdraw(nobody, { instance: 'b', revision: 2 })
  await turn()
  t.equal(answers.length, 1, 'nothing is piled up')
  state.unread = 0
  session.grant()
  await turn()
  t.match(answers[1]?.changes, [{ since: 1, version: 503, present: [announced('a', 500)], gone: ['b'] }])
  state.unread = 1_000_000
  for (let at = 0; at < 200; at++) {
    registry.announce(nobody, announced(`i${at}`))
    registry.withdraw(nobody, { instance: `i${at}`, revision: 2 })
  }
  state.unread = 0
  session.grant()
  await turn()
  t.match(
    answers[2]?.changes,
    [{ since: 0, complete: true, present: [announced('a', 500)], gone: [] }],
    'or all there is',
  )
})

t.test('a client that announces without end is read at a bounded rate', async (t) => {
  const { clock, registry, state, session } = openHost()
  session.receive({ open: { client: 'c' } })
  const batch = (from: number) => ({ announced: Array.from({ length: 1024 }, (_, at) => announced(`i${from + at}`)) })
  session.receive(batch(0))
  t.notOk(session.isBusy())
  session.receive(batch(1024))
  t.ok(session.isBusy())
  t.ok(session.isBusy())
  t.equal(clock.timers, 1)
  clock.advance(1)
  t.equal(state.room, 1)
  t.notOk(session.isBusy())
  session.receive(batch(2048))
  t.ok(session.isBusy())
  clock.advance(200)
  t.ok(session.isBusy(), 'a thousand take a quarter of a second')
  clock.advance(60)
  t.notOk(session.isBusy())
  t.equal(registry.size, 3072)
  session.end()
  t.notOk(session.isBusy())
})

t.test('what ends with a session is not watched, and its watches are counted', async (t) => {
  const { host, session, answers } = openHost()
  session.receive({ open: { client: 'c' }, watched: [view, { role: 'PEER', name: '' }, view] })
  t.equal(host.watches.count, 2)
  session.receive({ unwatched: [view, view] })
  t.equal(host.watches.count, 1)
  const many = Array.from({ length: 10 }, (_, at) => ({ role: 'SERVICE', name: `${at}` }) as const)
  t.throws(() => session.receive({ watched: many }), { code: 'RIVULET_DIRECTORY_FULL' })
  session.end()
  session.end()
  t.equal(host.watches.count, 0)
  await turn()
  t.strictSame(answers, [], 'and nothing is said any more')
})

t.test('whatever a client says, it is taken or refused with a code, and leaves nothing behind', async (t) => {
  const text = fc.oneof(fc.constantFrom('a', 'b', '', 'constructor', '__proto__'), fc.string({ maxLength: 300 }))
  const number = fc.oneof(fc.integer({ min: -2, max: 5 }), fc.constantFrom(Number.NaN, 2 ** 53))
  const role = fc.constantFrom('SERVICE', 'PEER')
  const place = fc.record({
    address: fc.oneof(fc.constant('tcp://a:1'), text),
    serverKeys: fc.array(text, { maxLength: 2 }),
  })
  const metadata = fc.dictionary(text, text, { maxKeys: 3 })
  const places = fc.array(place, { maxLength: 3 })
  const one = fc.record({ instance: text, revision: number, role, name: text, epoch: number, places, metadata })
  const views = fc.array(fc.record({ role, name: text }), { maxLength: 3 })
  const requests = fc.record({
    open: fc.option(fc.record({ client: text }), { freq: 1 }),
    announced: fc.array(fc.oneof(fc.constantFrom(announced('a'), announced('b', 2)), one), { maxLength: 3 }),
    withdrawn: fc.array(fc.record({ instance: text, revision: number }), { maxLength: 2 }),
    complete: fc.option(number),
    watched: views,
    unwatched: views,
  })
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 6 }), (all) => {
      const { clock, registry, session, host } = openHost()
      try {
        session.receive({ open: { client: 'c' } })
        for (const request of all) session.receive(request as AttendRequest)
      } catch (error) {
        if (!isRivuletError(error, 'RIVULET_INVALID_REQUEST')) throw error
      }
      session.end()
      clock.advance(5000)
      if (host.watches.count !== 0 || registry.size !== 0 || clock.timers !== 0) throw new Error('something is left')
    }),
    { numRuns: 500 },
  )
  t.pass('500 clients')
})

/** A talk with what it has said. */
function openTalk(random = () => 0.5) {
  const clock = new VirtualClock()
  const own = new OwnAnnouncements(() => {})
  const views = new MergedViews({ clock, staleMs: 1000, changed: () => {} })
  const state = { woken: 0 }
  const report = () => {}
  const wake = () => {
    state.woken += 1
  }
  const talk = new HostTalk({ clock, random, client: 'c', own, views, report, wake }, new HostKnowledge('p'))
  own.enter(talk)
  const outcome = { confirmed: () => {}, refused: () => {} }
  const announce = (count: number) => {
    for (let at = 0; at < count; at++) own.add(announcing(`i${at}`), outcome)
  }
  /** All that it says now. */
  const take = () => {
    const requests: AttendRequest[] = []
    for (let next = talk.take(); next !== undefined; next = talk.take()) requests.push(next)
    return requests
  }
  const said = (requests: readonly AttendRequest[]) => requests.flatMap((request) => request.announced ?? [])
  const confirm = (requests: readonly AttendRequest[]) =>
    talk.answer({
      opened: { host: 'h', settled: true },
      confirmed: said(requests).map(({ instance, revision }) => ({ instance, revision })),
    })
  return { clock, own, talk, state, announce, take, said, confirm }
}

t.test('many announcements leave in pieces, with a pause between, and then complete', async (t) => {
  const { clock, talk, state, announce, take, said } = openTalk()
  announce(300)
  t.strictSame(talk.open(), { open: { client: 'c' }, watched: [] })
  t.equal(said(take()).length, 128)
  t.strictSame(take(), [])
  clock.advance(64)
  t.equal(state.woken, 1)
  t.equal(said(take()).length, 128)
  clock.advance(64)
  const last = take()
  t.equal(said(last).length, 44)
  t.equal(last.at(-1)?.complete, 300)
  announce(1)
  clock.advance(1000)
  t.match(take(), [{ complete: null }], 'once')
})

t.test('what was announced before is announced again after a random while; what is new at once', async (t) => {
  const { clock, talk, announce, take, said, confirm } = openTalk()
  announce(2)
  talk.open()
  const first = take()
  t.equal(said(first).length, 2, 'nobody waits for the first')
  confirm(first)
  talk.down()
  talk.open()
  t.strictSame(take(), [])
  clock.advance(249)
  t.strictSame(take(), [])
  clock.advance(1)
  t.equal(said(take()).length, 2)
})

t.test('what a host refuses is announced again after a while, unless it is withdrawn', async (t) => {
  const { clock, own, talk, announce, take, said } = openTalk()
  announce(2)
  talk.open()
  const refused = said(take()).map(({ instance, revision }) => ({
    instance,
    revision,
    code: 'RIVULET_OVERLOADED',
    message: '',
  }))
  talk.answer({ opened: { host: 'h', settled: true }, refused })
  void own.remove('i0')
  t.match(take(), [{ withdrawn: [{ instance: 'i0', revision: 3 }] }])
  clock.advance(6249)
  t.strictSame(take(), [])
  clock.advance(1)
  t.strictSame(
    said(take()).map(({ instance }) => instance),
    ['i1'],
  )
  talk.close()
  t.equal(clock.timers, 1, 'its views alone still wait')
})
