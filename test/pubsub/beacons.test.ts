/** Beacons over sockets: a subscriber that has got nothing of a burst learns from them where the numbers of the topic stand. */
import t from 'tap'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { openDataFrame } from '../../src/wire/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport } from '../support/transports.js'
import { rawSubscriber } from './raw-peers.js'

eachTransport(
  t,
  'after a burst, a beacon with the schema and the next number, without and with history',
  async (t, { runtime, bind }) => {
    for (const [at, history] of [undefined, {}].entries()) {
      const own = bind.startsWith('ipc') ? `${bind}${at}` : bind
      const publisher = await createPublisher({ bind: own, runtime, ...(history && { history }) })
      const { socket, subscribe } = rawSubscriber(t, publisher.endpoint)
      await subscribe('a.')
      const [a, b] = [publisher.topic('a', Job), publisher.topic('b', Job)]
      await until(() => a.subscribed)
      await a.sendAll(jobs(3))
      await b.sendAll(jobs(3))
      const headers = []
      while (headers.at(-1)?.kind !== 'beacon' || headers.at(-1)?.sequence !== 4) {
        const [topic, frame] = await socket.receive()
        headers.push(openDataFrame(frame as Buffer, topic, 1_000_000).header)
      }
      t.match(headers.at(-1), { kind: 'beacon', count: 0, sequence: 4, previous: 3, position: 7 })
      t.match(headers.at(-1)?.writerSchema, /Job/)
      t.equal(publisher.stats().sent, 6, 'beacons are no messages')
      await publisher.close()
    }
  },
  ['ipc', 'tcp'],
)
