/** Endpoints that change while peers send: removed and added again in one turn, lists that cannot be read, and a failure. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPeer } from '../../patterns/messaging/index.js'
import { codesOf, turn, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { inbox, Report, sees, sight } from './peers.js'

eachTransport(t, 'an endpoint that is removed and added again in one turn keeps its link', async (t, place) => {
  const { runtime, bind } = place
  const hub = await createPeer({ name: 'hub', bind, runtime })
  const lists = new BehaviorSubject<readonly string[]>([hub.endpoint])
  const worker = await createPeer({ name: 'worker', connect: lists, runtime })
  const [got, seen] = [inbox(hub), sight(hub)]
  await sees(worker, 'hub')
  const sends: Promise<void>[] = []
  for (let round = 0; round < 20; round++) {
    for (let id = 0; id < 20; id++) sends.push(worker.send('hub', Report, { id: round * 20 + id }))
    for (const list of [[], [hub.endpoint], [], [hub.endpoint]]) lists.next(list)
    await turn()
  }
  await Promise.all(sends)
  t.strictSame(
    got,
    Array.from({ length: 400 }, (_, id) => `worker/Report ${id}`),
  )
  t.notOk(seen.includes('left worker'))
})

eachTransport(
  t,
  'a removed endpoint: what is on its way in both directions is taken before the link ends',
  async (t, at) => {
    const { runtime, bind } = at
    const hub = await createPeer({ name: 'hub', bind, runtime })
    const lists = new BehaviorSubject<readonly string[]>([hub.endpoint])
    const worker = await createPeer({ name: 'worker', connect: lists, runtime })
    const got = [inbox(hub), inbox(worker)]
    const sends: Promise<void>[] = []
    const rounds = 5
    for (let round = 0; round < rounds; round++) {
      await Promise.all([sees(worker, 'hub'), sees(hub, 'worker')])
      for (let at = 0; at < 50; at++) {
        const id = round * 50 + at
        sends.push(worker.send('hub', Report, { id }), hub.send('worker', Report, { id }))
      }
      await turn()
      lists.next([])
      await until(() => worker.peers.length === 0 && hub.peers.length === 0)
      lists.next([hub.endpoint])
    }
    await Promise.all(sends)
    const all = (name: string) => Array.from({ length: 50 * rounds }, (_, id) => `${name}/Report ${id}`)
    t.strictSame(got, [all('worker'), all('hub')])
  },
)

t.test('lists that cannot be read are reported, and the last one holds', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const hub = await createPeer({ name: 'hub', bind, runtime })
  const lists = new BehaviorSubject<unknown>([hub.endpoint])
  const worker = await createPeer({ name: 'worker', connect: lists as never, runtime })
  const codes = codesOf(worker)
  const thrown = () => {
    throw undefined
  }
  lists.next(new Proxy([], { get: thrown }))
  t.strictSame(codes, ['RIVULET_DISCOVERY_FAILED'])
  const entry = Object.defineProperty({}, 'address', { get: thrown, enumerable: true })
  lists.next([entry, hub.endpoint])
  await until(() => codes.length > 1)
  t.strictSame(codes.slice(1), ['RIVULET_INVALID_ENDPOINT'])
  inbox(hub)
  await worker.send('hub', Report, { id: 1 })
})

t.test(
  'an observable that has failed: endpoints that were left out are still dialed when they are needed',
  async (t) => {
    const { runtime, bind } = place(t, 'tcp')
    const hub = await createPeer({ name: 'hub', bind: [bind, bind], runtime })
    const [first, second] = [...hub.endpoints].sort() as [string, string]
    const lists = new BehaviorSubject<readonly string[]>(hub.endpoints)
    const worker = await createPeer({ name: 'worker', connect: lists, runtime })
    const codes = codesOf(worker)
    await sees(worker, 'hub')
    await until(() => hub.stats().sessions === 1)
    lists.error(new Error('planted'))
    t.strictSame(codes, ['RIVULET_DISCOVERY_FAILED'])
    await hub.close()
    const next = await createPeer({ name: 'hub', bind: second, runtime })
    t.not(first, next.endpoint)
    inbox(next)
    await worker.send('hub', Report, { id: 1 })
  },
)

t.test('an empty list beside bind is no endpoint to connect to, and nothing alone', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const hub = await createPeer({ name: 'hub', bind, connect: [], runtime })
  const worker = await createPeer({ name: 'worker', connect: hub.endpoint, runtime })
  await sees(worker, 'hub')
  await t.rejects(createPeer({ name: 'alone', connect: [], runtime }), { code: 'RIVULET_INVALID_OPTION' })
})
