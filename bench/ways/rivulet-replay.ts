/** Rivulet's topics: a publisher with history, in memory or on disk, and a subscriber that begins with all of it. */
import { createPublisher, createSubscriber } from 'rivulet/pubsub'
import { Tick, tick } from '../tick.js'
import type { ReplayWay } from './replay-way.js'

const name = 'ticks'

function* firstTicks(count: number): Generator<Tick> {
  for (let id = 0; id < count; id++) yield tick(id)
}

function rivuletReplay(isOnDisk: boolean): ReplayWay {
  return {
    settings: "the record, encoded and decoded; since: 'all'",

    async store(_server, messages, folder) {
      const history = isOnDisk ? { path: folder } : {}
      const publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*', history })
      await publisher.topic(name, Tick).sendAll(firstTicks(messages))
      await publisher.flush()
      return publisher.endpoints
    },

    async replay(endpoints, messages) {
      const subscriber = await createSubscriber({ connect: endpoints })
      await subscriber.whenConnected()
      const start = performance.now()
      let count = 0
      let sum = 0.5
      const read = new Promise<number>((resolve) => {
        subscriber.topic(name, Tick, { since: 'all' }).subscribe(({ price }) => {
          sum += price
          count += 1
          if (count === messages && sum > 0) resolve(performance.now() - start)
        })
      })
      const ms = await read
      await subscriber.close()
      return ms
    },
  }
}

export const rivuletInMemory = rivuletReplay(false)

export const rivuletOnDisk = rivuletReplay(true)
