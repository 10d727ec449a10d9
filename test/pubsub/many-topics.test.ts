/** A publisher of many topics: what it publishes while frames wait gathers, so that there are fewer and larger ones. */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { first, turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { rawSubscriber } from './raw-peers.js'

const topics = 400
const rounds = 20

eachTransport(
  t,
  'frames of many topics hold what was published while others left',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime, slowSubscribers: 'wait' })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = Array.from({ length: topics }, (): number[] => [])
    for (const [number, ids] of seen.entries()) {
      subscriber.topic(`job.${number}`, Job).subscribe(({ id }) => ids.push(id))
    }
    await subscriber.ready
    const { socket, subscribe } = rawSubscriber(t, publisher.endpoint)
    await subscribe('job.')
    await first(publisher.subscriptions, ({ prefix }) => prefix === 'job')
    let frames = 0
    const count = async (): Promise<void> => {
      for await (const _ of socket) frames += 1
    }
    void count()

    const sinks = [...seen.keys()].map((number) => publisher.topic(`job.${number}`, Job))
    for (const job of jobs(rounds)) {
      for (const sink of sinks) sink.next(job)
      await turn()
    }
    await until(() => seen.every(({ length }) => length === rounds))
    const all = jobs(rounds).map(({ id }) => id)
    for (const ids of seen) t.strictSame(ids, all)
    await until(() => frames >= topics)
    t.ok(frames < (topics * rounds) / 4, `${frames} frames`)
    t.match(publisher.stats(), { accepted: topics * rounds, sent: topics * rounds, pending: 0, dropped: {} })
  },
  ['ipc', 'tcp'],
)
