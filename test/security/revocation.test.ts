/** Revoked keys on one-way sockets: their connections end, honest peers resume, and the revoked ones do not come back. */
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { BehaviorSubject } from 'rxjs'
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush, type Pull, type Push } from '../../patterns/queue/index.js'
import { type AllowList, generateKeyPair, type Resource, type SecurityOptions } from '../../src/index.js'
import { first, linkState, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'

const server = generateKeyPair()
const alice = generateKeyPair()
const bob = generateKeyPair()
const carol = generateKeyPair()

const everybody: AllowList = { alice: alice.publicKey, bob: bob.publicKey, carol: carol.publicKey }
const withoutBob: AllowList = { alice: alice.publicKey, carol: carol.publicKey }

const as = (keyPair: typeof alice): SecurityOptions => ({ keyPair, serverKey: server.publicKey })

/** The binding resource, an honest peer and one that is revoked, all of them linked. */
interface Company {
  readonly allow: BehaviorSubject<AllowList>
  readonly accepting: Resource
  readonly honest: Resource
  readonly revoked: Resource
  /** Sends a message between the binding side and the honest peer; resolves to its number when it has arrived. */
  exchange(id: number): Promise<number>
  /** Sends without end between the binding side and both peers; counts what arrives from or at each. */
  stream(): { honest: number; revoked: number }
}

type Pattern = (place: Place, allow: BehaviorSubject<AllowList>) => Promise<Omit<Company, 'allow'>>

const patterns: Readonly<Record<string, Pattern>> = {
  'a bound push': async ({ runtime, bind }, allow) => {
    const accepting = await createPush({ schema: Job, bind, runtime, security: { keyPair: server, allow } })
    const pull = (key: typeof alice) =>
      createPull({ schema: Job, connect: accepting.endpoint, runtime, security: as(key) })
    const [honest, revoked] = [await pull(alice), await pull(bob)]
    const stream = () => {
      const arrived = { honest: 0, revoked: 0 }
      honest.messages.subscribe(() => (arrived.honest += 1))
      revoked.messages.subscribe(() => (arrived.revoked += 1))
      sendWithoutEnd(accepting, accepting, 0)
      return arrived
    }
    return { accepting, honest, revoked, stream, exchange: (id) => sendUntilItArrives(accepting, honest, id) }
  },
  'a bound pull': async ({ runtime, bind }, allow) => {
    const accepting = await createPull({ schema: Job, bind, runtime, security: { keyPair: server, allow } })
    const push = (key: typeof alice) =>
      createPush({ schema: Job, connect: accepting.endpoint, runtime, security: as(key) })
    const [honest, revoked] = [await push(alice), await push(bob)]
    const exchange = (id: number) => {
      const arrived = first(accepting.messages, (job) => job.id === id)
      honest.next({ id })
      return arrived.then((job) => job.id)
    }
    const stream = () => {
      const arrived = { honest: 0, revoked: 0 }
      accepting.messages.subscribe(({ id }) => (arrived[id === 0 ? 'honest' : 'revoked'] += 1))
      sendWithoutEnd(honest, honest, 0)
      sendWithoutEnd(revoked, revoked, 1)
      return arrived
    }
    return { accepting, honest, revoked, exchange, stream }
  },
  'a bound publisher': async ({ runtime, bind }, allow) => {
    const accepting = await createPublisher({ bind, runtime, security: { keyPair: server, allow } })
    const subscriber = (key: typeof alice) =>
      createSubscriber({ connect: accepting.endpoint, runtime, security: as(key) })
    const [honest, revoked] = [await subscriber(alice), await subscriber(bob)]
    const exchange = async (id: number) => {
      const arrived = first(honest.topic('jobs', Job), (job) => job.id === id)
      await honest.whenReady()
      accepting.topic('jobs', Job).next({ id })
      return (await arrived).id
    }
    const stream = () => {
      const arrived = { honest: 0, revoked: 0 }
      honest.topic('jobs', Job).subscribe(() => (arrived.honest += 1))
      revoked.topic('jobs', Job).subscribe(() => (arrived.revoked += 1))
      sendWithoutEnd(accepting, accepting.topic('jobs', Job), 0)
      return arrived
    }
    return { accepting, honest, revoked, exchange, stream }
  },
  'a bound subscriber': async ({ runtime, bind }, allow) => {
    const accepting = await createSubscriber({ bind, runtime, security: { keyPair: server, allow } })
    const publisher = (key: typeof alice) =>
      createPublisher({ connect: accepting.endpoint, runtime, security: as(key) })
    const [honest, revoked] = [await publisher(alice), await publisher(bob)]
    const exchange = async (id: number) => {
      const arrived = first(accepting.topic('jobs', Job), (job) => job.id === id)
      await accepting.whenReady()
      // it may not have been connected by then
      await first(honest.subscriptions)
      honest.topic('jobs', Job).next({ id })
      return (await arrived).id
    }
    const stream = () => {
      const arrived = { honest: 0, revoked: 0 }
      accepting.topic('jobs', Job).subscribe(({ id }) => (arrived[id === 0 ? 'honest' : 'revoked'] += 1))
      sendWithoutEnd(honest, honest.topic('jobs', Job), 0)
      sendWithoutEnd(revoked, revoked.topic('jobs', Job), 1)
      return arrived
    }
    return { accepting, honest, revoked, exchange, stream }
  },
}

/** A job that is dealt to a worker which has just left is lost: another one follows. */
async function sendUntilItArrives(push: Push<Job>, pull: Pull<Job>, id: number): Promise<number> {
  let arrived: number | undefined
  const subscription = pull.messages.subscribe((job) => {
    if (job.id === id) arrived = job.id
  })
  await until(() => {
    if (push.stats().pending === 0) push.next({ id, note: '' })
    return arrived !== undefined
  })
  subscription.unsubscribe()
  return arrived as unknown as number
}

/** Sends some jobs in each turn, until the resource is closed. */
function sendWithoutEnd(resource: Resource, sink: { next(job: { id: number }): void }, id: number): void {
  if (resource.closed) return
  for (let burst = 0; burst < 10; burst++) sink.next({ id })
  setTimeout(() => sendWithoutEnd(resource, sink, id), 1).unref()
}

async function assemble(open: Pattern, place: Place): Promise<Company> {
  const allow = new BehaviorSubject(everybody)
  const company = { allow, ...(await open(place, allow)) }
  const { accepting, honest, revoked } = company
  for (const one of [accepting, honest, revoked]) one.errors.subscribe()
  await Promise.all([honest.whenConnected(), revoked.whenConnected(), first(accepting.links, (l) => l.connected === 2)])
  return company
}

/** Counts how often a link of a resource goes down. */
function cutsOf(resource: Resource): { count: number } {
  const cuts = { count: 0 }
  resource.links.subscribe(({ state }) => {
    if (state === 'disconnected') cuts.count += 1
  })
  return cuts
}

async function revoke(t: Test, open: Pattern, place: Place): Promise<void> {
  const { allow, accepting, honest, revoked, exchange } = await assemble(open, place)
  const cut = linkState(revoked, 'disconnected')
  const refused = first(revoked.errors, ({ code }) => code === 'RIVULET_UNAUTHENTICATED')
  const observed = first(accepting.securityEvents, ({ kind }) => kind === 'revoked')
  const isBack = Promise.all([linkState(honest, 'disconnected').then(() => honest.whenConnected())])
  allow.next(withoutBob)
  await Promise.all([cut, refused, isBack])
  t.equal((await observed).identity?.name, 'bob')
  t.equal(await exchange(1), 1, 'an honest peer resumes')
  t.strictSame([revoked.connected, honest.connected, accepting.connected], [0, 1, 1])
  const cuts = cutsOf(honest)
  allow.next({ alice: alice.publicKey })
  t.equal(await exchange(2), 2)
  t.equal(cuts.count, 0, 'nobody is cut for a key that has no connection')
  allow.next({ alice: alice.publicKey, 'alice.next': carol.publicKey })
  t.equal(await exchange(3), 3)
  t.equal(cuts.count, 0, 'nor for one that is added')
}

for (const [name, open] of Object.entries(patterns)) {
  eachTransport(t, `${name} cuts a revoked key and nobody else for good`, (t, place) => revoke(t, open, place), [
    'tcp',
    'ipc',
  ])
}

for (const [name, open] of Object.entries(patterns)) {
  eachTransport(
    t,
    `${name} in the middle of a stream`,
    async (t, place) => {
      const { allow, honest, revoked, stream } = await assemble(open, place)
      const arrived = stream()
      await until(() => arrived.honest > 100 && arrived.revoked > 100)
      const cut = linkState(revoked, 'disconnected')
      allow.next(withoutBob)
      await cut
      const later = arrived.honest
      await until(() => arrived.honest > later + 500 && honest.connected === 1)
      const ended = arrived.revoked
      await until(() => arrived.honest > later + 1500)
      t.equal(arrived.revoked, ended, 'nothing comes to or from the revoked key any more')
      t.equal(revoked.connected, 0)
    },
    ['tcp', 'ipc'],
  )
}

t.test('a wildcard of ipc keeps its path', async (t) => {
  const { runtime } = place(t, 'ipc')
  const company = { runtime, bind: 'ipc://*', transport: 'ipc' } as const
  const open = patterns['a bound push'] as Pattern
  await revoke(
    t,
    async (at, allow) => {
      const all = await open(at, allow)
      const folder = dirname(all.accepting.endpoint.slice('ipc://'.length))
      t.teardown(() => rmSync(folder, { recursive: true, force: true }))
      return all
    },
    company,
  )
})

eachTransport(
  t,
  'a key is rotated without a cut: two keys of one name, then the new one alone',
  async (t, { runtime, bind }) => {
    const allow = new BehaviorSubject<AllowList>({ worker: alice.publicKey })
    const push = await createPush({ schema: Job, bind, runtime, security: { keyPair: server, allow } })
    const worker = (keyPair: typeof alice) =>
      createPull({ schema: Job, connect: push.endpoint, runtime, security: as(keyPair) })
    const former = await worker(alice)
    await former.whenConnected()
    allow.next({ worker: [alice.publicKey, bob.publicKey] })
    const next = await worker(bob)
    const cuts = cutsOf(next)
    await next.whenConnected()
    await former.close()
    t.equal(await sendUntilItArrives(push, next, 1), 1)
    t.equal(cuts.count, 0)
  },
  ['tcp'],
)
