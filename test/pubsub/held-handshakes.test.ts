/** While peers that are there take too much, new ones are admitted a few at a time; those of other sockets do not wait. */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { total, until } from '../support/events.js'
import { comesSlowly } from '../support/held-handshakes.js'
import { Job } from '../support/job.js'
import { rawPeer, zmtpFrame, zmtpMessage } from '../support/raw-zmtp.js'
import { block, dataFrame, ints, sealed } from '../support/stranger.js'
import { eachTransport } from '../support/transports.js'

const subscription = (prefix: string) => zmtpFrame(Buffer.from(`\x01${prefix}`))

eachTransport(
  t,
  'new subscribers come a few at a time',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime, subscriptionBytes: 4096 })
    const other = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
    let subscribed = 0
    publisher.subscriptions.subscribe(() => {
      subscribed += 1
    })

    const greedy = await rawPeer(t, publisher.endpoint, 'XSUB')
    // a third of what may be
    for (let id = 0; id < 20; id++) greedy.write(subscription(`${id}`.padEnd(50, '.')))
    await until(() => subscribed === 20)

    await comesSlowly(t, publisher.endpoint, 'XSUB', other.endpoint)
    t.equal(publisher.refusedConnections, 0)

    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    subscriber.topic('late', Job).subscribe()
    await subscriber.ready
    t.equal(publisher.stats().subscriptionResets, 0)
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'new publishers come a few at a time while one floods a subscriber with malformed frames',
  async (t, { runtime, bind }) => {
    const subscriber = await createSubscriber({ bind, runtime })
    subscriber.errors.subscribe()
    subscriber.topic('#', Job).subscribe()
    const other = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
    const flooder = await rawPeer(t, subscriber.endpoint, 'XPUB')
    flooder.write(Buffer.concat(Array(20_000).fill(zmtpFrame(Buffer.from('x')))))
    await until(() => total(subscriber.stats().rejectedFrames) > 5000)
    await comesSlowly(t, subscriber.endpoint, 'XPUB', other.endpoint)
    t.equal(subscriber.refusedConnections, 0)
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'new publishers come a few at a time while one floods a subscriber with schemas',
  async (t, { runtime, bind }) => {
    const subscriber = await createSubscriber({ bind, runtime })
    subscriber.errors.subscribe()
    subscriber.topic('#', Job).subscribe()
    const other = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
    const flooder = await rawPeer(t, subscriber.endpoint, 'XPUB')
    const topic = Buffer.from('a.')
    const frames = Array.from({ length: 500 }, (_, index) => {
      const frame = dataFrame({ schema: `"int"${' '.repeat(index)}`, count: 1 }, block(ints(1)))
      return zmtpMessage(topic, sealed(frame.subarray(8), { topic }))
    })
    flooder.write(Buffer.concat(frames))
    await until(() => total(subscriber.stats().dropped) > 400)
    await comesSlowly(t, subscriber.endpoint, 'XPUB', other.endpoint)
    t.equal(subscriber.refusedConnections, 0)
  },
  ['ipc', 'tcp'],
)
