/** Identity over real links: who a handler sees, who is refused where there is no CURVE, and what a revocation ends. */
import { BehaviorSubject, firstValueFrom, Observable } from 'rxjs'
import t from 'tap'
import { type CallContext, createRpcClient } from '../../patterns/rpc/index.js'
import { type AllowList, generateKeyPair, type SecurityOptions } from '../../src/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { failure, Lab, openLab, openServer } from '../rpc/lab.js'
import { first, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'

const server = generateKeyPair()
const alice = generateKeyPair()
const bob = generateKeyPair()
const elsewhere = generateKeyPair()

const as = (keyPair: typeof alice): SecurityOptions => ({ keyPair, serverKey: server.publicKey })

eachTransport(t, 'a handler sees whose key its caller has proven, and the caller keeps it over cuts', async (t, at) => {
  const peers: unknown[] = []
  const get = ({ id }: { id: number }, { peer }: CallContext) => {
    peers.push(peer.identity)
    return { id }
  }
  const security = { keyPair: server, allow: { alice: [elsewhere.publicKey, alice.publicKey] } }
  const { client } = await openLab(t, at, { handlers: { get }, server: { security }, client: { security: as(alice) } })
  await client.promises.get({ id: 1 })
  t.strictSame(peers, [{ name: 'alice', publicKey: alice.publicKey }])
  t.ok(Object.isFrozen(peers[0]))
})

eachTransport(
  t,
  'a key that leaves the list: its calls end, its streams, its handlers; others notice nothing',
  async (t, at) => {
    const both: AllowList = { alice: alice.publicKey, bob: bob.publicKey }
    const allow = new BehaviorSubject<AllowList>(both)
    const stopped: string[] = []
    const ticking = (name: string) =>
      new Observable<{ id: number }>((observer) => {
        observer.next({ id: 1 })
        return () => stopped.push(name)
      })
    const held = deferred()
    const accepting = await openServer(
      at,
      {
        list: (_, { peer }) => ticking(peer.identity?.name ?? 'nobody'),
        get: async ({ id }, { signal, peer }) => {
          signal.addEventListener('abort', () => stopped.push(`get of ${peer.identity?.name}`))
          await held.promise
          return { id }
        },
      },
      { security: { keyPair: server, allow } },
    )
    const connect = { connect: accepting.endpoint, runtime: at.runtime }
    const clients = {
      alice: await createRpcClient(Lab, { ...connect, security: as(alice) }),
      bob: await createRpcClient(Lab, { ...connect, security: as(bob) }),
    }
    const reported: string[] = []
    clients.alice.errors.subscribe(({ code }) => reported.push(code))
    clients.bob.errors.subscribe(({ code }) => t.fail(code))
    accepting.errors.subscribe()
    const ends: Record<string, unknown> = {}
    // each subscription is a call of its own
    for (const [name, client] of Object.entries(clients)) {
      client.list({ count: 1 }).subscribe({
        error: (error) => {
          ends[name] = error
        },
      })
    }
    const open = clients.alice.promises.get({ id: 7 })
    await until(() => accepting.stats().running === 3)
    const revoked = first(accepting.securityEvents, ({ kind }) => kind === 'revoked')
    allow.next({ bob: bob.publicKey })
    t.match(await failure(open), { code: 'RIVULET_UNAUTHENTICATED', executed: 'maybe' })
    await until(() => 'alice' in ends)
    t.match(ends.alice, { code: 'RIVULET_UNAUTHENTICATED', executed: 'maybe' })
    t.match(await revoked, { identity: { name: 'alice' } })
    await until(() => stopped.includes('get of alice') && stopped.includes('alice'))
    t.notOk(stopped.includes('bob'))
    t.equal(accepting.stats().sessions, 1)
    t.ok(reported.includes('RIVULET_UNAUTHENTICATED'))
    held.resolve()
    t.match(await clients.bob.promises.get({ id: 8 }), { id: 8 })
    // back on the list: it waits for its next try
    allow.next(both)
    t.match(await clients.alice.promises.get({ id: 9 }), { id: 9 })
  },
)

t.test('where there is no CURVE, the proof tells who does not belong', async (t) => {
  const secured = { keyPair: server, allow: { alice: alice.publicKey } }
  for (const [name, bound, connecting, code] of [
    ['no key', secured, undefined, 'RIVULET_UNAUTHENTICATED'],
    ['an unknown key', secured, as(bob), 'RIVULET_UNAUTHENTICATED'],
    ['a server without security', undefined, as(alice), 'RIVULET_SECURITY_MISMATCH'],
    ['another server key', secured, { keyPair: alice, serverKey: elsewhere.publicKey }, 'RIVULET_SERVER_KEY_MISMATCH'],
    [
      'a guard that throws',
      {
        keyPair: server,
        allow: () => {
          throw new Error('no database')
        },
      },
      as(alice),
      'RIVULET_ADMISSION_UNAVAILABLE',
    ],
  ] as const) {
    const at = place(t, 'inproc')
    const accepting = await openServer(at, {}, bound ? { security: bound } : {})
    accepting.errors.subscribe()
    const security = connecting ? { security: connecting } : {}
    const client = await createRpcClient(Lab, { connect: accepting.endpoint, runtime: at.runtime, ...security })
    t.equal((await firstValueFrom(client.errors)).code, code, name)
    t.equal(accepting.stats().running, 0)
    await at.runtime.close({ drain: false })
  }
})

t.test('where there is no CURVE, a function decides once the key is proven', async (t) => {
  const peers: unknown[] = []
  const get = ({ id }: { id: number }, { peer }: CallContext) => {
    peers.push(peer.identity?.name)
    return { id }
  }
  const security = { keyPair: server, allow: async (key: string) => key === alice.publicKey && 'alice' }
  const at = place(t, 'inproc')
  const { client } = await openLab(t, at, { handlers: { get }, server: { security }, client: { security: as(alice) } })
  await client.promises.get({ id: 1 })
  t.strictSame(peers, ['alice'])
})

t.test('one key takes half of the sessions of a server at most, and both limits are reported', async (t) => {
  const at = place(t, 'inproc')
  const security = { keyPair: server, allow: { alice: alice.publicKey, bob: bob.publicKey, eve: elsewhere.publicKey } }
  const accepting = await openServer(at, { get: ({ id }) => ({ id }) }, { security, maxSessions: 4 })
  const limits: unknown[] = []
  accepting.securityEvents.subscribe(({ kind, identity }) => kind === 'limit' && limits.push(identity?.name))
  accepting.errors.subscribe()
  const open = (keyPair: typeof alice) =>
    createRpcClient(Lab, { connect: accepting.endpoint, runtime: at.runtime, security: as(keyPair) })
  for (const key of [alice, alice]) await (await open(key)).promises.get({ id: 1 })
  t.equal((await firstValueFrom((await open(alice)).errors)).code, 'RIVULET_TOO_MANY_SESSIONS')
  for (const key of [bob, bob]) t.match(await (await open(key)).promises.get({ id: 2 }), { id: 2 })
  t.strictSame(limits, ['alice'])
  const full = first(accepting.securityEvents, ({ identity }) => identity?.name === 'eve')
  t.equal((await firstValueFrom((await open(elsewhere)).errors)).code, 'RIVULET_TOO_MANY_SESSIONS')
  t.match(await full, { kind: 'limit', reason: 'too-many-sessions' })
  await at.runtime.close({ drain: false })
})
