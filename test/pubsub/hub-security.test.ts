/**
 * Hubs with security: each side has keys and an allow list of its own.
 */
import t from 'tap'
import { createHub, createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { generateKeyPair } from '../../src/security/public.js'
import { first } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { another, hubAt } from './hubs.js'
import { Seen } from './seen.js'

eachTransport(
  t,
  'each side admits its own keys, and a chain of hubs is encrypted',
  async (t, here) => {
    const { runtime } = here
    const above = generateKeyPair()
    const below = generateKeyPair()
    const lowerKeys = generateKeyPair()
    const publisherKeys = generateKeyPair()
    const subscriberKeys = generateKeyPair()
    const upper = await createHub({
      publishers: { bind: another(here), security: { keyPair: above, allow: { feed: publisherKeys.publicKey } } },
      subscribers: { bind: another(here), security: { keyPair: below, allow: { lower: lowerKeys.publicKey } } },
      runtime,
    })
    t.equal(upper.publishers.publicKey, above.publicKey)
    t.equal(upper.subscribers.publicKey, below.publicKey)
    const lower = await createHub({
      publishers: {
        connect: upper.subscribers.endpoint,
        security: { keyPair: lowerKeys, serverKey: below.publicKey },
      },
      subscribers: {
        bind: another(here),
        security: { keyPair: lowerKeys, allow: { desk: subscriberKeys.publicKey } },
      },
      runtime,
    })
    const publisher = await createPublisher({
      connect: upper.publishers.endpoint,
      security: { keyPair: publisherKeys, serverKey: above.publicKey },
      runtime,
    })
    const subscriber = await createSubscriber({
      connect: lower.subscribers.endpoint,
      security: { keyPair: subscriberKeys, serverKey: lowerKeys.publicKey },
      runtime,
    })
    const seen = new Seen(subscriber.topic('a', Job))
    await subscriber.ready
    publisher.topic('a', Job).next({ id: 1 })
    await seen.count(1)
    // one that is admitted below is not admitted above
    const refused = first(upper.securityEvents, ({ kind }) => kind === 'refused')
    await createPublisher({
      connect: upper.publishers.endpoint,
      security: { keyPair: subscriberKeys, serverKey: above.publicKey },
      runtime,
    })
    t.equal((await refused).kind, 'refused')
    t.equal(upper.publishers.connected, 1)
  },
  ['ipc', 'tcp'],
)

t.test('options are refused by the side that they belong to', async (t) => {
  const here = place(t, 'tcp')
  const keyPair = generateKeyPair()
  const bind = 'tcp://127.0.0.1:*'
  const cases: [unknown, RegExp][] = [
    [{}, /createHub: publishers must be an object/],
    [{ publishers: { bind } }, /createHub: subscribers must be an object/],
    [{ publishers: {}, subscribers: { bind } }, /createHub: publishers: bind or connect must be given/],
    [{ publishers: { bind }, subscribers: {} }, /createHub: subscribers: bind or connect must be given/],
    [
      { publishers: { bind, bnd: 1 }, subscribers: { bind } },
      /createHub: publishers: unknown option 'bnd'; did you mean 'bind'/,
    ],
    [
      { publishers: { bind }, subscribers: { bind, overflow: 'block' } },
      /createHub: subscribers: unknown option 'overflow'/,
    ],
    [
      { publishers: { bind, security: { keyPair } }, subscribers: { bind } },
      /createHub: publishers: security.allow must be given/,
    ],
    [
      {
        publishers: { bind },
        subscribers: {
          bind,
          connect: { address: 'tcp://127.0.0.1:1', serverKey: keyPair.publicKey },
          security: { keyPair, allow: 'any', policy: [] },
        },
      },
      /createHub: subscribers: security.policy must be left out where the resource connects, too/,
    ],
    [
      { publishers: { bind }, subscribers: { bind, highWaterMark: 0 } },
      /createHub: subscribers: highWaterMark must be/,
    ],
  ]
  for (const [options, message] of cases) {
    await t.rejects(createHub(options as never), { code: 'RIVULET_INVALID_OPTION', message })
  }
  await t.rejects(createHub({ publishers: { bind: 'tcp://0.0.0.0:*' }, subscribers: { bind } }), {
    code: 'RIVULET_INSECURE_BIND',
  })
  const hub = await hubAt(here)
  await t.rejects(hubAt(here, { subscribers: { bind: hub.publishers.endpoint } }), { code: 'RIVULET_BIND_FAILED' })
})
