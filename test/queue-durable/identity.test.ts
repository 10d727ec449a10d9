/** Who produced a message: shown with each delivery and by peek, kept over failures, restarts and as a dead letter; and whose names are whose. */
import { firstValueFrom } from 'rxjs'
import t from 'tap'
import { ProduceSession } from '../../patterns/queue/durable/produce-session.js'
import { SessionOwner } from '../../patterns/queue/durable/session-owner.js'
import type { ProduceAnswer } from '../../patterns/queue/durable/wire.js'
import { createConsumer, createProducer, createQueueHost, type QueueHostOptions } from '../../patterns/queue/index.js'
import { generateKeyPair, type SecurityOptions } from '../../src/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'

const server = generateKeyPair()
const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
const allow = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }
const as = (name: keyof typeof keys): SecurityOptions => ({ keyPair: keys[name], serverKey: server.publicKey })
const identityOf = (name: keyof typeof keys) => ({ name, publicKey: keys[name].publicKey })

eachTransport(
  t,
  'a delivery says who produced it, at every attempt and to every consumer',
  async (t, { runtime, bind }) => {
    const host = await createQueueHost({
      bind,
      runtime,
      store: 'memory',
      queues: { jobs: { backoff: { initialMs: 1, factor: 1, maxMs: 1 }, maxAttempts: 2 } },
      security: { keyPair: server, allow },
    })
    const open = { connect: host.endpoint, runtime, queue: 'jobs' }
    const [alice, bob] = await Promise.all([
      createProducer({ ...open, schema: Job, security: as('alice') }),
      createProducer({ ...open, schema: Job, security: as('bob') }),
    ])
    const local = await createProducer({ host, queue: 'jobs', schema: Job })
    // side by side: what is dealt out together has several senders
    await alice.send({ id: 1 })
    await bob.send({ id: 2 })
    await local.send({ id: 3 })
    await alice.send({ id: 4 }, { delayMs: 1 })
    const expected = [identityOf('alice'), identityOf('bob'), undefined, identityOf('alice')]
    const shown = await host.queue('jobs').peek()
    t.strictSame(
      shown.map(({ peer }) => peer.identity).filter((identity) => identity?.name === 'bob'),
      [identityOf('bob')],
    )
    const consumer = await createConsumer({ ...open, schema: Job, security: as('bob') })
    const seen: [id: number, attempt: number, identity: unknown][] = []
    const consumed = consumer.deliveries.subscribe((delivery) => {
      const { id } = delivery.value as { id: number }
      seen.push([id, delivery.attempt, delivery.peer.identity])
      void delivery.nack({ delayMs: 1 })
    })
    await until(() => host.queue('jobs.dead').stats().depth === 4)
    consumed.unsubscribe()
    t.equal(seen.length, 8)
    for (const [id, attempt, identity] of seen) t.strictSame(identity, expected[id - 1], `${id}, attempt ${attempt}`)
    const dead = await host.queue('jobs.dead').peek()
    t.equal(dead.length, 4)
    for (const { peer, history } of dead) {
      t.match(
        history.map(({ consumer }) => consumer.split('/')[0]),
        ['bob', 'bob'],
      )
      t.ok(expected.some((identity) => identity?.name === peer.identity?.name))
    }
    t.strictSame(dead.map(({ peer }) => peer.identity?.name ?? 'none').sort(), ['alice', 'alice', 'bob', 'none'])
    t.equal(await host.queue('jobs').redrive(), 4)
    const again = await createConsumer({ host, queue: 'jobs', schema: Job })
    t.ok((await firstValueFrom(again.deliveries)).peer)
    t.strictSame((await host.queue('jobs').peek()).map(({ peer }) => peer.identity?.name ?? 'none').sort(), [
      'alice',
      'alice',
      'bob',
      'none',
    ])
  },
)

t.test('it is kept on disk, and messages of before that have none', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const path = t.testdir()
  const plain: QueueHostOptions = { path, runtime, queues: { jobs: {} }, durability: 'committed' }
  const secured: QueueHostOptions = { ...plain, bind, security: { keyPair: server, allow } }
  const before = await createQueueHost(plain)
  await (await createProducer({ host: before, queue: 'jobs', schema: Job })).send({ id: 0 })
  await before.close()
  const host = await createQueueHost(secured)
  const producer = await createProducer({
    connect: host.endpoint,
    runtime,
    queue: 'jobs',
    schema: Job,
    security: as('alice'),
  })
  await producer.send({ id: 1 })
  await producer.send({ id: 2 }, { key: 'k', delayMs: 3_600_000 })
  await producer.close()
  await host.close()
  const again = await createQueueHost(plain)
  t.strictSame(
    (await again.queue('jobs').peek()).map(({ peer }) => peer.identity),
    [undefined, identityOf('alice'), identityOf('alice')],
  )
  const consumer = await createConsumer({ host: again, queue: 'jobs', schema: Job })
  const identities: unknown[] = []
  consumer.deliveries.subscribe((delivery) => {
    identities.push(delivery.peer.identity)
    void delivery.ack()
  })
  await until(() => identities.length === 2)
  t.strictSame(identities, [undefined, identityOf('alice')])
  await again.close()
})

t.test(
  'the name of a producer is that of its identity: another one of the same name has its own numbers',
  async (t) => {
    const host = await createQueueHost({ store: 'memory', queues: { jobs: {} } })
    const stored = await createProducer({ host, queue: 'jobs', schema: Job })
    await stored.send({ id: 0 })
    const [text] = (await host.queue('jobs').peek()).map(({ schema }) => schema as string)
    const [message] = await host.queue('jobs').peek()
    const { createHash } = await import('node:crypto')
    const { crc32 } = await import('node:zlib')
    const engine = (host as unknown as { engine: ConstructorParameters<typeof ProduceSession>[0]['engine'] }).engine
    const desk = { engine, maxMessageBytes: 1_048_576, enter: () => {}, leaseMsOf: () => 1000 }
    const guard = { permits: () => true }
    const keysSeen = new Set<string>()
    const send = async (owner: SessionOwner | undefined): Promise<ProduceAnswer> => {
      const answers: ProduceAnswer[] = []
      const ports = {
        answer: (answer: ProduceAnswer) => answers.push(answer),
        room: () => {},
        superseded: () => t.fail(),
      }
      const session = new ProduceSession(desk, { ...ports, unread: () => 0, withdraw: () => [] } as never, owner)
      session.receive({ open: { queue: 'jobs', producer: 'p' } }, (_, key) => keysSeen.add(key))
      const bodies = Buffer.from(message?.body ?? [])
      const checks = Buffer.alloc(4)
      checks.writeUInt32BE(crc32(bodies))
      const schemaId = createHash('sha256')
        .update(text as string)
        .digest()
        .subarray(0, 16)
      const batch = {
        number: 1,
        sequence: 1,
        schemaId,
        schema: null,
        lengths: [bodies.length],
        checks,
        bodies,
        extras: [],
      }
      session.receive({ batch }, () => {})
      await session.drained()
      return answers.at(-1) as ProduceAnswer
    }
    const owners = [
      undefined,
      new SessionOwner(guard, identityOf('alice')),
      new SessionOwner(guard, identityOf('bob')),
      // with the name of another in its own
      new SessionOwner(guard, { name: 'alice/p', publicKey: 'x' }),
    ]
    for (const owner of owners) t.match(await send(owner), { stored: [{ repeated: 0 }] })
    for (const owner of owners) t.match(await send(owner), { stored: [{ repeated: 1 }] }, 'each knows its own numbers')
    t.equal(keysSeen.size, owners.length, 'none ends the session of another')
    const names = (await host.queue('jobs').peek()).map(({ peer }) => peer.identity?.name)
    t.strictSame(names, [undefined, undefined, 'alice', 'bob', 'alice/p'])
    await host.close()
  },
)
