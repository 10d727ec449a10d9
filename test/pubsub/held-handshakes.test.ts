/** While peers that are there take too much, new ones are admitted a few at a time; those of other sockets do not wait. */
import t, { type Test } from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { total, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { rawPeer, zmtpFrame } from '../support/raw-zmtp.js'
import { eachTransport } from '../support/transports.js'

/** Peers that come at once. */
const crowd = 10

const subscription = (prefix: string) => zmtpFrame(Buffer.from(`\x01${prefix}`))

/** Asserts that peers of one endpoint come a few at a time, and those of another publisher meanwhile. */
async function comesSlowly(t: Test, endpoint: string, socketType: string, other: string): Promise<void> {
  let admitted = 0
  const coming = Array.from({ length: crowd }, async () => {
    await rawPeer(t, endpoint, socketType)
    admitted += 1
  })
  await Promise.race(coming)
  for (let one = 0; one < 5; one++) await rawPeer(t, other, 'XSUB')
  t.ok(admitted < crowd, `${admitted} have come while five came to another publisher`)
  await Promise.all(coming)
}

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
