/** Sockets with security beside the plain case: both sides on one, inproc, a publisher that renews its socket, ends of processes. */
import { rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname } from 'node:path'
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { type AllowList, createRuntime, generateKeyPair } from '../../src/index.js'
import { complaint, loader, moduleUrl, runModule } from '../child-process.js'
import { first, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { Doubling } from './roles.js'

const server = generateKeyPair()
const alice = generateKeyPair()
const hub = generateKeyPair()

const bound = { keyPair: server, allow: { alice: alice.publicKey, hub: hub.publicKey } }
const asAlice = { keyPair: alice, serverKey: server.publicKey }

eachTransport(
  t,
  'a subscriber that binds and connects is a server on one side and a client on the other',
  async (t, { runtime, bind }) => {
    const other = place(t, 'tcp')
    const far = await createPublisher({ bind: other.bind, runtime, security: bound })
    const subscriber = await createSubscriber({
      bind,
      connect: far.endpoint,
      runtime,
      security: { keyPair: hub, allow: [alice.publicKey], serverKey: server.publicKey },
    })
    const near = await createPublisher({
      connect: subscriber.endpoint,
      runtime,
      security: { keyPair: alice, serverKey: hub.publicKey },
    })
    const ids: number[] = []
    subscriber.topic('jobs', Job).subscribe(({ id }) => ids.push(id))
    await subscriber.whenReady()
    // a publisher that connects is no part of that before its connection is up
    await Promise.all([first(near.subscriptions), first(far.subscriptions)])
    near.topic('jobs', Job).next({ id: 1 })
    far.topic('jobs', Job).next({ id: 2 })
    await until(() => ids.length === 2)
    t.strictSame(ids.sort(), [1, 2])
    const stranger = await createPublisher({
      connect: subscriber.endpoint,
      runtime,
      security: { keyPair: generateKeyPair(), serverKey: hub.publicKey },
    })
    subscriber.errors.subscribe()
    t.equal((await first(stranger.errors)).code, 'RIVULET_UNAUTHENTICATED')
  },
  ['tcp', 'ipc'],
)

t.test(
  'inproc has no CURVE: links prove their keys all the same, and one-way sockets are within the process',
  async (t) => {
    const { runtime, bind } = place(t, 'inproc')
    const rpc = await createRpcServer({
      bind,
      runtime,
      security: bound,
      services: [
        implement(Doubling, { double: ({ value }, { peer }) => value * (peer.identity?.name === 'alice' ? 2 : 0) }),
      ],
    })
    rpc.errors.subscribe()
    const client = await createRpcClient(Doubling, { connect: rpc.endpoint, runtime, security: asAlice })
    t.equal(await client.promises.double({ value: 21 }), 42)
    const stranger = await createRpcClient(Doubling, { connect: rpc.endpoint, runtime })
    t.equal((await first(stranger.errors)).code, 'RIVULET_UNAUTHENTICATED')
    const queue = place(t, 'inproc')
    const push = await createPush({ schema: Job, bind: queue.bind, runtime, security: bound })
    const pull = await createPull({ schema: Job, connect: queue.bind, runtime, security: asAlice })
    push.next({ id: 7 })
    t.equal((await first(pull.messages)).id, 7)
  },
)

for (const bind of ['tcp://127.0.0.1:*', 'ipc://*']) {
  t.test(`a publisher that renews its socket at ${bind} is secured as before`, async (t) => {
    const { runtime } = place(t, 'tcp')
    const publisher = await createPublisher({ bind, runtime, subscriptionBytes: 2048, security: bound })
    publisher.errors.subscribe()
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime, security: asAlice })
    const ids: number[] = []
    subscriber.topic('honest', Job).subscribe(({ id }) => ids.push(id))
    await subscriber.whenReady()
    const greedy = await createSubscriber({
      connect: publisher.endpoint,
      runtime,
      security: { keyPair: hub, serverKey: server.publicKey },
    })
    for (let at = 0; at < 100; at++) greedy.topic(`many.${at}`, Job).subscribe()
    let id = 0
    await until(() => {
      publisher.topic('honest', Job).next({ id: ++id })
      return publisher.stats().subscriptionResets > 0
    })
    await greedy.close({ drain: false })
    await subscriber.whenReady()
    publisher.topic('honest', Job).next({ id: ++id })
    await until(() => ids.at(-1) === id)
    const stranger = await createSubscriber({
      connect: publisher.endpoint,
      runtime,
      security: { keyPair: generateKeyPair(), serverKey: server.publicKey },
    })
    t.equal((await first(stranger.errors)).code, 'RIVULET_UNAUTHENTICATED')
    t.equal(publisher.connected, 1)
    if (bind.startsWith('ipc'))
      t.teardown(() => rmSync(dirname(publisher.endpoint.slice('ipc://'.length)), { recursive: true, force: true }))
  })
}

t.test('a call without a server says which refusal is the reason', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const services = [implement(Doubling, { double: ({ value }) => 2 * value })]
  const rpc = await createRpcServer({ bind, runtime, security: bound, services })
  rpc.errors.subscribe()
  const security = { keyPair: generateKeyPair(), serverKey: server.publicKey }
  const client = await createRpcClient(Doubling, { connect: rpc.endpoint, runtime, security })
  const refused = await first(client.errors)
  const why = new RegExp(`${refused.message.replaceAll('.', '\\.')}$`)
  await t.rejects(client.promises.double({ value: 1 }, { timeoutMs: 1 }), {
    code: 'RIVULET_DEADLINE_EXCEEDED',
    message: why,
  })
  await t.rejects(client.promises.double({ value: 1 }, { waitForReady: false }), {
    code: 'RIVULET_UNAVAILABLE',
    message: why,
  })
})

t.test('a server that accepts and leaves is not taken for one with another key', async (t) => {
  const { runtime } = place(t, 'tcp')
  const leaving = createServer((socket) => {
    socket.on('error', () => {})
    socket.destroy()
  })
  t.teardown(() => leaving.close())
  await new Promise<void>((resolve) => leaving.listen(0, '127.0.0.1', resolve))
  const connect = `tcp://127.0.0.1:${(leaving.address() as AddressInfo).port}`
  const pull = await createPull({ schema: Job, connect, runtime, security: asAlice })
  t.equal((await first(pull.errors)).code, 'RIVULET_HANDSHAKE_FAILED')
  await new Promise((resolve) => leaving.close(resolve))
  const push = await createPush({ schema: Job, bind: connect, runtime, security: bound })
  push.next({ id: 3 })
  t.equal((await first(pull.messages)).id, 3, 'and is met when it speaks')
})

t.test('a policy is refused where nobody could be held to it', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const options = { bind, runtime, security: { ...bound, policy: [] } }
  const refused = { code: 'RIVULET_INVALID_OPTION', message: /security\.policy must be left out/ }
  await t.rejects(createPush({ ...options, schema: Job }), refused)
  await t.rejects(createPull({ ...options, schema: Job }), refused)
  t.equal(runtime.size, 0)
})

t.test('a factory that fails lets go of the allow list', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const allow = new BehaviorSubject<AllowList>({})
  const open = (options: { bind: string; signal?: AbortSignal }) =>
    createPush({ schema: Job, runtime, security: { keyPair: server, allow }, ...options })
  await t.rejects(open({ bind, signal: AbortSignal.abort() }), { code: 'RIVULET_ABORTED' })
  await t.rejects(open({ bind: 'ipc:///nowhere/at/all' }), { code: 'RIVULET_BIND_FAILED' })
  t.notOk(allow.observed)
  const push = await open({ bind })
  t.ok(allow.observed)
  await push.close()
  t.notOk(allow.observed)
})

t.test('secured sockets that are opened and closed one after the other leave none behind', async (t) => {
  // the library frees the place of a closed socket a moment later, on a thread of its own
  const runtime = createRuntime({ maxSockets: 64 })
  t.teardown(() => runtime.close({ drain: false }))
  for (let round = 0; round < 100; round++) {
    const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime, security: bound })
    await push.close()
  }
  t.equal(runtime.size, 0)
})

t.test('a refused process can end: closed, or unreferenced', async (t) => {
  const url = (path: string) => JSON.stringify(moduleUrl(path))
  const ended = await runModule(
    `
    const { createPush, createPull } = await import(${url('patterns/queue/index.ts')})
    const { createRuntime, generateKeyPair } = await import(${url('src/index.ts')})
    const { defineSchema } = await import(${url('src/avro/index.ts')})
    const schema = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'id', type: 'int' }] })
    const [server, alice] = [generateKeyPair(), generateKeyPair()]
    const push = await createPush({ schema, bind: 'tcp://127.0.0.1:*', security: { keyPair: server, allow: {} } })
    push.errors.subscribe()
    const refused = (security) => createPush({ schema, connect: push.endpoint, security }).then(async (one) => {
      one.next({ id: 1 })
      await new Promise((resolve) => one.errors.subscribe(resolve))
      return one
    })
    const right = { keyPair: alice, serverKey: server.publicKey }
    const wrong = { keyPair: alice, serverKey: alice.publicKey }
    const all = await Promise.all([right, wrong, undefined].map(refused))
    const since = performance.now()
    await Promise.all(all.map((one) => one.close({ drain: false })))
    if (performance.now() - since > 1000) console.log('closing took too long')
    for (const one of [...await Promise.all([right, wrong].map(refused)), push]) one.unref()
    process.on('exit', () => console.log('exit'))
    `,
    process.cwd(),
    ...loader,
  )
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, 'exit\n')
})
