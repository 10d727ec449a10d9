/** A hub whose publishers are held to a policy: what they may publish is what is forwarded and kept. */
import t from 'tap'
import { createHub, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { generateKeyPair } from '../../src/index.js'
import { first } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { another } from './hubs.js'
import { everybody, ids, keys, server, texts } from './policed.js'
import { policy, publisherOf } from './policed-subscriber.js'
import { Seen } from './seen.js'

const below = generateKeyPair()

for (const history of [{}, false] as const) {
  const what = history ? 'keeps' : 'does not keep'
  eachTransport(t, `a hub takes and ${what} what each publisher may publish`, async (t, here) => {
    const { runtime } = here
    const hub = await createHub({
      publishers: { bind: here.bind, security: { keyPair: server, allow: everybody, policy } },
      subscribers: { bind: another(here), security: { keyPair: below, allow: { alice: keys.alice.publicKey } } },
      history,
      runtime,
    })
    const above = { endpoint: hub.publishers.endpoint }
    const open = async () =>
      createSubscriber({
        connect: hub.subscribers.endpoint,
        security: { keyPair: keys.alice, serverKey: below.publicKey },
        runtime,
      })
    const subscriber = await open()
    const live = new Seen(subscriber.topic('#', Job))
    const alice = await publisherOf(here, above, 'alice')
    const bob = await publisherOf(here, above, 'bob', { history: {} })
    await subscriber.whenReady({ publishers: 2 })
    await subscriber.ready
    await alice.topic('ticks.a.deep', Job).send({ id: 1 })
    await live.count(1)
    const denied = first(hub.securityEvents, ({ kind }) => kind === 'denied')
    const told = first(bob.errors)
    await bob.topic('ticks.b.deep', Job).sendAll(jobs(10))
    t.match(await denied, { reason: 'publish', target: 'ticks.b.deep', identity: { name: 'bob' } })
    t.match(await told, { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.b.deep' is not taken/ })
    await bob.topic('news', Job).send({ id: 2 })
    await live.count(2)
    t.strictSame(ids(live), [1, 2])
    t.ok((hub.stats().publishers.rejectedFrames.denied ?? 0) >= 1)
    t.match(subscriber.stats(), { gaps: 0, missed: 0 })
    if (!history) return
    const late = await open()
    const all = new Seen<SinceEvent<Job>>(late.events('#', Job, { since: 'all' }))
    await all.when(() => all.values.filter(({ kind }) => kind === 'live').length === 2)
    t.strictSame(
      texts(all.values)
        .filter((text) => text !== 'live')
        .sort(),
      ['news1', 'ticks.a.deep1'],
    )
  })
}
