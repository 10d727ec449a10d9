/** Beacons over sockets: a subscriber that has got nothing of a burst learns from them where the numbers of the topic stand. */
import t from 'tap'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { defaults } from '../../src/options/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { openDataFrame } from '../../src/wire/index.js'
import { collectGarbage } from '../models/collect-garbage.js'
import { PassingClock } from '../models/passing-clock.js'
import { turn, until } from '../support/events.js'
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

eachTransport(
  t,
  'the former sink of a topic, which sent no message, shows no number that is not true any more',
  async (t, { bind }) => {
    const clock = new PassingClock()
    const runtime = createRuntime({ clock })
    t.teardown(() => runtime.close())
    const publisher = await createPublisher({ bind, runtime, history: {} })
    const { socket, subscribe } = rawSubscriber(t, publisher.endpoint)
    await subscribe('a.')
    await until(() => publisher.topic('a', Job).subscribed)
    publisher.topic('a', Job).clear()
    // who was used lately is held
    for (let round = 0; round < 6; round++) {
      await turn()
      clock.jump(defaults.announceMs)
      await turn()
      collectGarbage()
    }
    await publisher.topic('a', Job).send({ id: 1 })
    for (const pauseMs of [300, 300, 8000, 8000, 16_000, 16_000, 32_000]) {
      await turn()
      clock.jump(pauseMs)
    }
    await publisher.topic('a', Job).send({ id: 2 })
    const headers = []
    while (headers.at(-1)?.sequence !== 2 || headers.at(-1)?.count !== 1) {
      const [topic, frame] = await socket.receive()
      headers.push(openDataFrame(frame as Buffer, topic, 1_000_000).header)
    }
    const behind = headers.slice(headers.findIndex(({ count }) => count === 1) + 1)
    t.ok(behind.length > 1, 'there were beacons')
    t.same(
      behind.filter(({ sequence }) => sequence !== 2),
      [],
    )
    await publisher.close()
  },
  ['ipc', 'tcp'],
)
