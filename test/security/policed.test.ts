/** Policies over real links: who may call, produce and consume what, and whose names are whose. */
import { setImmediate } from 'node:timers/promises'
import { BehaviorSubject, firstValueFrom, NEVER, take, toArray } from 'rxjs'
import t from 'tap'
import { QueueService } from '../../patterns/queue/durable/wire.js'
import { createConsumer, createProducer, createPull, createPush, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import { type AllowList, createRuntime, generateKeyPair, type Policy, type SecurityOptions } from '../../src/index.js'
import { first } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Doubling } from './roles.js'

const server = generateKeyPair()
const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
const allow = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }
const denied = { code: 'RIVULET_PERMISSION_DENIED', retryable: false }

const secured = (policy: Policy): SecurityOptions => ({ keyPair: server, allow, policy })
const as = (name: 'alice' | 'bob'): SecurityOptions => ({ keyPair: keys[name], serverKey: server.publicKey })

const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

eachTransport(t, 'one may call a method, another may not', async (t, { runtime, bind }) => {
  const callers: string[] = []
  const double = ({ value }: { value: number }, { peer }: { peer: { identity?: { name: string } | undefined } }) => {
    callers.push(peer.identity?.name ?? 'nobody')
    return 2 * value
  }
  const calls = await createRpcServer({
    bind,
    runtime,
    services: [implement(Doubling, { double })],
    security: secured([{ identity: 'alice', action: 'call', target: 'Doubling.*' }]),
  })
  const event = first(calls.securityEvents, ({ kind }) => kind === 'denied')
  const open = { connect: calls.endpoint, runtime }
  const alice = await createRpcClient(Doubling, { ...open, security: as('alice') })
  const bob = await createRpcClient(Doubling, { ...open, security: as('bob') })
  t.equal(await firstValueFrom(alice.double({ value: 21 })), 42)
  t.match(await rejection(firstValueFrom(bob.double({ value: 21 }))), { ...denied, executed: 'no' })
  t.match(await event, { kind: 'denied', identity: { name: 'bob', publicKey: keys.bob.publicKey } })
  t.strictSame(callers, ['alice'])
  t.equal(calls.stats().failed, 0)
})

eachTransport(t, 'one may produce, another consume', async (t, { runtime, bind }) => {
  const policy: Policy = [
    { identity: 'alice', action: 'produce', target: 'jobs' },
    { identity: 'bob', action: 'consume', target: 'jobs' },
  ]
  const host = await createQueueHost({
    bind,
    runtime,
    store: 'memory',
    queues: { jobs: {}, other: {} },
    security: secured(policy),
  })
  const open = { connect: host.endpoint, runtime, schema: Job }
  const producer = await createProducer({ ...open, queue: 'jobs', security: as('alice') })
  await producer.send({ id: 1 })
  const consumer = await createConsumer({ ...open, queue: 'jobs', security: as('bob') })
  const delivery = await firstValueFrom(consumer.deliveries)
  t.match(delivery.value, { id: 1 })
  await delivery.ack()

  const reasons = firstValueFrom(host.securityEvents.pipe(take(2), toArray()))
  const wrongProducer = await createProducer({ ...open, queue: 'jobs', security: as('bob') })
  t.match(await rejection(wrongProducer.send({ id: 2 })), { ...denied, message: /produce to queue 'jobs'/ })
  const wrongConsumer = await createConsumer({ ...open, queue: 'jobs', security: as('alice') })
  const refused = first(wrongConsumer.errors, ({ code }) => code === denied.code)
  wrongConsumer.deliveries.subscribe()
  t.match(await refused, { message: /consume from queue 'jobs'/ })
  const otherQueue = await createProducer({ ...open, queue: 'other', security: as('alice') })
  t.match(await rejection(otherQueue.send({ id: 3 })), denied)
  t.match(
    (await reasons).filter(({ kind }) => kind === 'denied').map(({ reason, target }) => `${reason} ${target}`),
    ['produce jobs', 'consume jobs'],
  )
  t.match(host.stats(), { depth: 0, stored: 1 })
  const local = await createProducer({ host, runtime, queue: 'other', schema: Job })
  await local.send({ id: 4 })
  t.equal(host.stats().stored, 2, 'what is in the process of the host may do everything')
})

t.test('patterns that cannot tell their peers apart refuse a policy', async (t) => {
  const options = { bind: 'tcp://127.0.0.1:*', security: secured([]) }
  const opening: Readonly<Record<string, () => Promise<unknown>>> = {
    createPush: () => createPush({ ...options, schema: Job }),
    createPull: () => createPull({ ...options, schema: Job }),
  }
  for (const [name, open] of Object.entries(opening)) {
    const message = new RegExp(`^${name}: security.policy must be left out`)
    t.match(await rejection(open()), { code: 'RIVULET_INVALID_OPTION', message })
  }
})

eachTransport(t, 'a caller that has reached a limit is named', async (t, { runtime, bind }) => {
  const calls = await createRpcServer({
    bind,
    runtime,
    services: [implement(Doubling, { double: ({ value }) => 2 * value })],
    maxCallsPerSecond: 1,
    security: { keyPair: server, allow },
  })
  calls.errors.subscribe()
  const event = first(calls.securityEvents, ({ kind }) => kind === 'limit')
  const alice = await createRpcClient(Doubling, { connect: calls.endpoint, runtime, security: as('alice') })
  const calling = Array.from({ length: 20 }, (_, value) => rejection(firstValueFrom(alice.double({ value }))))
  t.match(await event, { kind: 'limit', reason: 'calls-per-second', identity: { name: 'alice' } })
  const refused = (await Promise.all(calling)).filter((error) => error !== undefined)
  t.match(refused[0], { code: 'RIVULET_OVERLOADED', executed: 'no' })
})

/** Its calls are sent again when a session ends before their outcome. */
const Halving = defineService({
  protocol: 'Halving',
  messages: { halve: { request: [{ name: 'value', type: 'int' }], response: 'int', 'x-idempotent': true } },
})

for (const kind of ['an observable', 'a function']) {
  t.test(`a key with another name in ${kind} comes back under it, and may do what that name may`, async (t) => {
    const { runtime, bind } = place(t, 'tcp')
    const names = new BehaviorSubject<AllowList>({ alice: keys.alice.publicKey })
    const nameOf = (key: string) => Object.keys(names.value).find((name) => names.value[name] === key) ?? false
    const calls = await createRpcServer({
      bind,
      runtime,
      services: [implement(Halving, { halve: ({ value }) => value / 2 })],
      security: {
        keyPair: server,
        allow: kind === 'a function' ? nameOf : names,
        policy: [{ identity: 'alice', action: 'call', target: 'Halving.halve' }],
      },
    })
    const alice = await createRpcClient(Halving, { connect: calls.endpoint, runtime, security: as('alice') })
    alice.errors.subscribe(({ code }) => t.not(code, 'RIVULET_UNAUTHENTICATED'))
    const halve = () => rejection(firstValueFrom(alice.halve({ value: 42 })))
    t.equal(await halve(), undefined)
    for (const name of ['bob', 'alice']) {
      const revoked = first(calls.securityEvents, (event) => event.kind === 'revoked')
      names.next({ [name]: keys.alice.publicKey })
      t.match(await revoked, { reason: 'renamed', identity: { publicKey: keys.alice.publicKey } })
      t.match(await halve(), name === 'alice' ? undefined : denied)
    }
  })
}

t.test('a client of a queue host that has reached a limit is named', async (t) => {
  // time stands still: everything is within one second
  const runtime = createRuntime({ clock: new VirtualClock() })
  t.teardown(() => runtime.close({ drain: false }))
  const host = await createQueueHost({
    bind: 'inproc://limited',
    runtime,
    store: 'memory',
    queues: { jobs: {} },
    security: { keyPair: server, allow },
  })
  host.errors.subscribe()
  const event = first(host.securityEvents, ({ kind }) => kind === 'limit')
  const alice = await createRpcClient(QueueService, { connect: host.endpoint, runtime, security: as('alice') })
  alice.errors.subscribe()
  await alice.whenConnected()
  for (let round = 0; round < 30; round++) {
    const streams = Array.from({ length: 500 }, () => alice.consume(NEVER).subscribe({ error: () => {} }))
    await setImmediate()
    for (const stream of streams) stream.unsubscribe()
    await setImmediate()
  }
  t.match(await event, { kind: 'limit', reason: 'cancels-per-second', identity: { name: 'alice' } })
})
