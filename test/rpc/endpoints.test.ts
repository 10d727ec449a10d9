/** A client whose endpoints come from an observable: they come and go while calls are made, and no call notices. */
import { BehaviorSubject, Subject } from 'rxjs'
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { EndpointInput } from '../../src/discovery/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import { generateKeyPair, type KeyPair } from '../../src/security/index.js'
import { codesOf, turn, until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { Lab, type LabHandlers, openServer } from './lab.js'

type List = readonly EndpointInput[]

/** Handlers that say which server they are of. */
const named = (name: string, others: Partial<LabHandlers> = {}): Partial<LabHandlers> => ({
  get: ({ id }) => ({ id, text: name }),
  ...others,
})

/** A place for another server. */
const next = (at: Place, name: string): Place => ({
  ...at,
  bind: at.transport === 'tcp' ? at.bind : `${at.bind}-${name}`,
})

eachTransport(t, 'calls wait for the first endpoint, and end where they began', async (t, at) => {
  const gate = deferred()
  const one = await openServer(at, {
    get: ({ id }) => gate.promise.then(() => ({ id, text: 'one' })),
    async *list({ count }) {
      yield { id: 0 }
      await gate.promise
      for (let id = 1; id < count; id++) yield { id }
    },
  })
  const lists = new BehaviorSubject<List>([])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  const early = client.promises.get({ id: 1 })
  await until(() => client.stats().waiting === 1)
  lists.next([one.endpoint])
  const items: number[] = []
  const listed = client
    .list({ count: 3 })
    .forEach(({ id }) => void items.push(id))
    .then(() => items)
  await until(() => one.stats().open === 2 && items.length === 1)
  const two = await openServer(next(at, 'two'), named('two'))
  lists.next([two.endpoint])
  t.equal((await client.promises.get({ id: 2 })).text, 'two', 'new calls go elsewhere')
  t.equal(client.connected, 2, 'the link that drains is counted')
  t.equal(one.stats().open, 2)
  gate.resolve()
  t.strictSame(await early, { id: 1, text: 'one' }, 'a call in flight ends on its link')
  t.strictSame(await listed, [0, 1, 2], 'and so does a stream')
  await until(() => one.stats().sessions === 0 && client.connected === 1)
  t.match(client.stats(), { failed: 0, sessions: 1 })
  lists.next([])
  await until(() => client.connected === 0 && two.stats().sessions === 0)
  lists.next([{ address: two.endpoint }])
  t.equal((await client.promises.get({ id: 3 })).text, 'two', 'an endpoint comes back')
  t.strictSame(await client.close(), { undelivered: 0 })
  t.notOk(lists.observed, 'a closed resource has no subscription')
})

eachTransport(t, 'one-way calls that were taken arrive before their link is closed', async (t, at) => {
  const noted: number[] = []
  const server = await openServer(at, { note: ({ id }) => void noted.push(id) })
  const lists = new BehaviorSubject<List>([server.endpoint])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  await client.promises.peek({ id: 0 })
  const ids = Array.from({ length: 500 }, (_, id) => id)
  const sent = ids.map((id) => client.promises.note({ id }))
  lists.next([])
  await Promise.all(sent)
  await until(() => server.stats().sessions === 0)
  t.strictSame(noted, ids)
})

t.test('what cannot be used is reported once, and the rest is used', async (t) => {
  const at = place(t, 'tcp')
  const server = await openServer(at, named('one'))
  const lists = new Subject<unknown>()
  const client = await createRpcClient(Lab, { connect: lists as Subject<List>, runtime: at.runtime })
  const codes = codesOf(client)
  const thrown = () => {
    throw undefined
  }
  const bad = [
    'tcp://nowhere',
    7,
    { address: 'tcp://127.0.0.1:1', key: 'none' },
    null,
    { address: 'udp://127.0.0.1:1' },
    Object.defineProperty({}, 'address', { get: thrown, enumerable: true }),
  ]
  for (let time = 0; time < 2; time++) lists.next([...bad, server.endpoint, { address: server.endpoint }])
  t.equal((await client.promises.get({ id: 1 })).text, 'one')
  t.strictSame(codes, Array(bad.length).fill('RIVULET_INVALID_ENDPOINT'))
  t.equal(client.stats().sessions, 1, 'the same endpoint twice is one link')
  codes.length = 0
  lists.next('tcp://127.0.0.1:1')
  lists.next(undefined)
  lists.next(new Proxy([], { get: thrown }))
  lists.error(new Error('the source broke'))
  t.strictSame(codes, ['RIVULET_DISCOVERY_FAILED', 'RIVULET_DISCOVERY_FAILED'])
  t.equal((await client.promises.get({ id: 2 })).text, 'one', 'the last list holds')
  t.equal(client.status, 'open')
})

t.test('an observable of another library, which completes', async (t) => {
  const at = place(t, 'tcp')
  const server = await openServer(at, named('one'))
  let stopped = 0
  const foreign = (list: List) => ({
    subscribe(observer: { next(list: List): void; complete(): void }) {
      observer.next(list)
      observer.complete()
      return { unsubscribe: () => stopped++ }
    },
  })
  const symbol = (Symbol as { observable?: symbol }).observable ?? '@@observable'
  for (const connect of [foreign([server.endpoint]), { [symbol]: () => foreign([server.endpoint]) }]) {
    const client = await createRpcClient(Lab, { connect: connect as never, runtime: at.runtime })
    client.errors.subscribe((error) => t.fail(error.message))
    t.equal((await client.promises.get({ id: 1 })).text, 'one', 'its last list holds')
    await client.close()
  }
  t.equal(stopped, 2)
})

t.test('at most so many endpoints, of which those in use stay', async (t) => {
  const at = place(t, 'inproc', { maxSockets: 4000 })
  const server = await openServer(at, named('one'))
  const others = Array.from({ length: defaults.maxEndpoints }, (_, index) => `inproc://nobody-${index}`)
  const lists = new BehaviorSubject<List>([server.endpoint])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  const codes = codesOf(client)
  await client.promises.get({ id: 1 })
  lists.next([...others, server.endpoint])
  await turn()
  t.equal(client.stats().sessions, defaults.maxEndpoints)
  t.strictSame(codes, ['RIVULET_DISCOVERY_FAILED'])
  t.equal((await client.promises.get({ id: 2 })).text, 'one')
  lists.next([server.endpoint])
  t.equal(client.stats().sessions, 1, 'links without a connection are given up at once')
})

t.test('without a socket to spare, an endpoint is tried again', async (t) => {
  const at = place(t, 'inproc', { maxSockets: 12 })
  const server = await openServer(at, named('one'))
  const others = Array.from({ length: 6 }, (_, index) => `inproc://nobody-${index}`)
  const lists = new BehaviorSubject<List>([])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  const codes = codesOf(client)
  lists.next([...others, server.endpoint])
  const waiting = client.promises.get({ id: 1 })
  await until(() => codes.includes('RIVULET_TOO_MANY_SOCKETS'))
  lists.next([...others.slice(5), server.endpoint])
  t.equal((await waiting).text, 'one')
})

eachTransport(
  t,
  'closing waits for calls on links that drain, and a retired link does not hold it up',
  async (t, at) => {
    const gate = deferred()
    const get = ({ id }: { id: number }) => gate.promise.then(() => ({ id, text: 'one' }))
    const server = await openServer(at, { get })
    const lists = new BehaviorSubject<List>([server.endpoint])
    const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
    const held = client.promises.get({ id: 1 })
    await until(() => server.stats().open === 1)
    lists.next([])
    const closed = client.close()
    gate.resolve()
    t.strictSame(await closed, { undelivered: 0 })
    t.strictSame(await held, { id: 1, text: 'one' })
    t.equal(client.connected, 0)
  },
)

t.test('links report an endpoint that comes and goes', async (t) => {
  const at = place(t, 'tcp')
  const server = await openServer(at)
  const lists = new BehaviorSubject<List>([])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  const seen: string[] = []
  client.links.subscribe(({ state, endpoint, connected }) => seen.push(`${state} ${endpoint} ${connected}`))
  lists.next([server.endpoint])
  await client.whenConnected()
  lists.next([])
  await until(() => seen.length === 2)
  t.strictSame(seen, [`connected ${server.endpoint} 1`, `disconnected ${server.endpoint} 0`])
  await t.rejects(client.whenConnected({ timeoutMs: 1 }), { code: 'RIVULET_TIMEOUT' })
  await t.rejects(client.promises.get({ id: 1 }, { waitForReady: false }), {
    code: 'RIVULET_UNAVAILABLE',
    executed: 'no',
  })
})

t.test('another key of a server is another link', async (t) => {
  const at = place(t, 'tcp')
  const [old, renewed, own] = [generateKeyPair(), generateKeyPair(), generateKeyPair()]
  const open = (keyPair: KeyPair, text: string) =>
    openServer(at, named(text), { security: { keyPair, allow: { client: own.publicKey } } })
  const [one, two] = await Promise.all([open(old, 'one'), open(renewed, 'two')])
  const lists = new BehaviorSubject<List>([{ address: one.endpoint, serverKey: old.publicKey }])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime, security: { keyPair: own } })
  const codes = codesOf(client)
  t.equal((await client.promises.get({ id: 1 })).text, 'one')
  lists.next([{ address: one.endpoint, serverKey: old.publicKey }, two.endpoint])
  t.strictSame(codes.splice(0), ['RIVULET_INVALID_ENDPOINT'], 'an endpoint without a key')
  // a duplicate may have another key while it changes
  lists.next([
    { address: one.endpoint, serverKey: renewed.publicKey },
    { address: one.endpoint, serverKey: [old.publicKey] },
    { address: two.endpoint, serverKey: renewed.publicKey },
  ])
  await until(() => client.connected === 2)
  await until(() => one.stats().sessions === 1 && two.stats().sessions === 1)
  t.strictSame(codes, [], 'a duplicate may have another key while it changes')
  lists.next([{ address: two.endpoint, serverKey: old.publicKey }])
  const waiting = client.promises.get({ id: 3 })
  await until(() => codes.length > 0)
  t.strictSame(codes, ['RIVULET_SERVER_KEY_MISMATCH'], 'the former link is used by nobody')
  lists.next([{ address: two.endpoint, serverKey: renewed.publicKey }])
  t.equal((await waiting).text, 'two')
})

t.test('a list that comes while another one is taken is the newest', async (t) => {
  const at = place(t, 'inproc')
  const one = await openServer(at, named('one'))
  const two = await openServer(next(at, 'two'), named('two'))
  const lists = new BehaviorSubject<List>([])
  const client = await createRpcClient(Lab, { connect: lists, runtime: at.runtime })
  client.errors.subscribe(() => lists.next([two.endpoint]))
  lists.next([one.endpoint, 'tcp://nowhere'])
  t.equal((await client.promises.get({ id: 1 })).text, 'two')
  t.match(client.stats(), { sessions: 1 })
  const seen = client.links.subscribe(({ state, endpoint }) => {
    if (state === 'connected' && endpoint === one.endpoint) lists.next([two.endpoint])
  })
  lists.next([one.endpoint])
  t.equal((await client.promises.get({ id: 2 })).text, 'two')
  await until(() => client.connected === 1)
  seen.unsubscribe()
})
