/**
 * Hubs that are connected in a ring: one connection of it is ended, and no message circulates.
 */
import t from 'tap'
import { HubLoops } from '../../patterns/pubsub/hub-loops.js'
import type { HubStep } from '../../patterns/pubsub/hub-wire.js'
import { createHub, createPublisher, createSubscriber, type Hub } from '../../patterns/pubsub/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { another, hubAt } from './hubs.js'
import { everybody, keys, server } from './policed.js'
import { Seen } from './seen.js'

/** An address that can be named before it is bound. */
async function addresses(here: Place, count: number): Promise<string[]> {
  const found: string[] = []
  for (let i = 0; i < count; i++) {
    const bind = another(here)
    if (here.transport !== 'tcp') {
      found.push(bind)
      continue
    }
    const publisher = await createPublisher({ bind, runtime: here.runtime })
    found.push(publisher.endpoint)
    await publisher.close()
  }
  return found
}

/** Hubs of which each takes the messages of the next, the last one those of the first. */
async function ring(here: Place, count: number): Promise<{ hubs: Hub[]; errors: RivuletError[][] }> {
  const binds = await addresses(here, count)
  const hubs: Hub[] = []
  const errors: RivuletError[][] = []
  for (let i = 0; i < count; i++) {
    const hub = await createHub({
      publishers: { bind: another(here), connect: binds[(i + 1) % count] as string },
      subscribers: { bind: binds[i] as string },
      runtime: here.runtime,
    })
    const own: RivuletError[] = []
    hub.errors.subscribe((error) => own.push(error))
    hubs.push(hub)
    errors.push(own)
  }
  return { hubs, errors }
}

for (const count of [1, 2, 3]) {
  eachTransport(t, `a ring of ${count} is refused: one connection is ended`, async (t, here) => {
    const { runtime } = here
    const { hubs, errors } = await ring(here, count)
    await until(() => errors.some((own) => own.some(({ message }) => message.includes('was ended'))))
    const ended = errors.findIndex((own) => own.some(({ message }) => message.includes('was ended')))
    await until(() => hubs.reduce((sum, hub) => sum + hub.connected, 0) === 2 * (count - 1))
    // from the hub whose connection was ended, everything still flows to the others
    const top = hubs[ended] as Hub
    const publisher = await createPublisher({ connect: top.publishers.endpoint, runtime })
    const subscribers = await Promise.all(
      hubs.map((hub) => createSubscriber({ connect: hub.subscribers.endpoint, runtime })),
    )
    const seen = subscribers.map((subscriber) => new Seen(subscriber.events('#', Job)))
    await Promise.all(subscribers.map((subscriber) => subscriber.ready))
    await publisher.topic('a', Job).sendAll(jobs(100))
    await Promise.all(seen.map((one) => one.count(100)))
    for (const hub of hubs) t.match(hub.stats(), { received: 100, forwarded: 100, pending: 0 })
    for (const { values } of seen) t.ok(values.every(({ kind }) => kind === 'message'))
    for (const own of errors) {
      t.ok(own.length <= 1, 'each reports it once')
      t.ok(own.every(({ code }) => code === 'RIVULET_HUB_LOOP'))
    }
  })
}

eachTransport(
  t,
  'a ring of hubs that serve over links alone loses one of its connections, and no other',
  async (t, here) => {
    const { runtime } = here
    const policy = [{ identity: '*', action: 'subscribe', target: '#' }] as const
    const binding = { keyPair: server, allow: everybody, policy }
    const publisher = await createPublisher({ bind: another(here), runtime, security: binding })
    const binds = await addresses(here, 2)
    const hubs = await Promise.all(
      binds.map((bind, at) =>
        createHub({
          publishers: {
            connect: [publisher.endpoint, binds[1 - at] as string],
            security: { keyPair: keys[at === 0 ? 'alice' : 'bob'], serverKey: server.publicKey },
          },
          subscribers: { bind, security: binding },
          runtime,
        }),
      ),
    )
    const errors: RivuletError[] = []
    for (const hub of hubs) hub.errors.subscribe((error) => errors.push(error))
    const security = { keyPair: keys.alice, serverKey: server.publicKey }
    const subscribers = await Promise.all(
      hubs.map((hub) => createSubscriber({ connect: hub.subscribers.endpoint, runtime, security })),
    )
    const seen = subscribers.map((subscriber) => new Seen(subscriber.events('a', Job)))
    await Promise.all(subscribers.map((subscriber) => subscriber.whenReady({ publishers: 1 })))
    const endings = () => errors.filter(({ message }) => message.includes('was ended'))
    await until(() => endings().length > 0)
    t.equal(publisher.connected, 2, 'both hubs are connected to the publisher as before')
    for (const { message } of endings()) t.notMatch(message, publisher.endpoint)
    // each hub is followed by its subscriber, one of them by the other hub as well, and the publisher by both
    const followed = () => hubs.map((hub) => hub.stats().subscribers.links.open).sort()
    await until(() => followed().join() === '1,2')
    t.equal(publisher.stats().links.open, 2)
    await publisher.topic('a', Job).sendAll(jobs(100))
    await Promise.all(seen.map((one) => one.count(100)))
    for (const { values } of seen) t.ok(values.every(({ kind }) => kind === 'message'))
    t.equal(endings().length, 1)
  },
)

eachTransport(t, 'a ring by hubs that connect to publishers’ sides is refused as well', async (t, here) => {
  const { runtime } = here
  const [a = '', b = ''] = await addresses(here, 2)
  const make = (bind: string, connect: string) =>
    createHub({ publishers: { bind }, subscribers: { bind: another(here), connect }, runtime })
  const hubs = [await make(a, b), await make(b, a)]
  const error = await Promise.race(hubs.map((hub) => first(hub.errors, ({ message }) => message.includes('was ended'))))
  t.equal(error.code, 'RIVULET_HUB_LOOP')
  await until(() => hubs.reduce((sum, hub) => sum + hub.connected, 0) === 2)
})

t.test('a path comes back: which hub ends which connection', async (t) => {
  const ids = [1, 2, 3].map((id) => Buffer.alloc(8, id)) as [Buffer, Buffer, Buffer]
  const step = (at: number, link: number): HubStep => ({ hub: ids[at] as Buffer, link })
  const at = (own: Buffer) => {
    const done: string[] = []
    const clock = { time: 0, now: () => clock.time }
    const loops = new HubLoops(own, {
      clock,
      pass: (path) => done.push(`pass ${path.length}`),
      cutAbove: (link) => {
        done.push(`cut above ${link}`)
        return 'x'
      },
      cutBelow: () => {
        done.push('cut below')
        return 'y'
      },
      report: ({ code, message }) => done.push(`${code} ${message.split(': ')[1]}`),
    })
    return { loops, done, clock }
  }
  t.test('the one with the largest id ends its own', async (t) => {
    const { loops, done } = at(ids[2])
    loops.take([step(2, 7), step(0, 1), step(1, 1)])
    t.strictSame(done, ['cut above 7', 'RIVULET_HUB_LOOP the connection to x was ended', 'pass 3'])
  })
  t.test('the others end none, report once, and pass the path on once more', async (t) => {
    const { loops, done, clock } = at(ids[0])
    loops.take([step(0, 1), step(1, 1), step(2, 7)])
    loops.take([step(0, 1), step(1, 1), step(2, 7)])
    clock.time += 1000
    loops.take([step(0, 1), step(1, 1), step(2, 7)])
    t.strictSame(done, ['RIVULET_HUB_LOOP another hub of the ring ends its connection', 'pass 3', 'pass 3'])
    loops.take([step(0, 1), step(1, 1), step(2, 7), step(0, 1), step(1, 1), step(2, 7)])
    t.equal(done.length, 3, 'and not a third time')
  })
  t.test('where the other side has connected, that side ends it', async (t) => {
    const { loops, done } = at(ids[0])
    loops.take([step(0, 1), step(1, 1), step(2, 0)])
    t.equal(done[0], 'cut below')
    const other = at(ids[1])
    other.loops.take([step(1, 1), step(2, 0), step(0, 1)])
    t.not(other.done[0], 'cut below')
  })
  t.test('a path without the hub is passed on, until it is too long', async (t) => {
    const { loops, done } = at(ids[0])
    const long = Array.from({ length: 32 }, () => step(1, 1))
    loops.take(long)
    t.strictSame(done, [])
    loops.take(long.slice(1))
    t.strictSame(done, ['pass 31'])
    loops.linked()
    loops.take(long.slice(1))
    t.strictSame(done, ['pass 31', 'pass 31'], 'again at once where there is another link')
  })
})

t.test('a publisher below a ring that was ended is served', async (t) => {
  const here = place(t, 'tcp')
  const { hubs, errors } = await ring(here, 2)
  await until(() => errors.flat().some(({ message }) => message.includes('was ended')))
  const plain = await hubAt(here)
  const publisher = await createPublisher({
    connect: [...hubs, plain].map(({ publishers }) => publishers.endpoint),
    runtime: here.runtime,
  })
  const subscriber = await createSubscriber({
    connect: [...hubs, plain].map(({ subscribers }) => subscribers.endpoint),
    runtime: here.runtime,
  })
  const seen = new Seen(subscriber.topic('#', Job))
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(10))
  await seen.count(10)
  t.strictSame(
    seen.values.map(({ id }) => id),
    jobs(10).map(({ id }) => id),
  )
})
