/** Rivulet's transient queue with its default options. */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { createPull, createPush, type Push } from 'rivulet/queue'
import { Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

const bind = 'tcp://127.0.0.1:*'

/** `next` does not wait, so its row sends in bursts, one a turn, while no more than so many bytes wait. */
const burst = 1024
const enoughBytes = 1024 * 1024

export const rivuletQueue: Way = {
  async consume(take) {
    const pull = await createPull({ schema: Tick, bind })
    take(pull.messages)
    return pull.endpoints
  },

  produce: {
    async sendAll(endpoints) {
      const push = await connect(endpoints)
      await push.sendAll(ticks())
      throw new Error('the source ended')
    },

    async send(endpoints) {
      const push = await connect(endpoints)
      for (const value of ticks()) await push.send(value)
      throw new Error('the source ended')
    },

    async next(endpoints) {
      const push = await connect(endpoints)
      for (const value of ticks()) {
        push.next(value)
        if (value.id % burst === 0) {
          await turn()
          while (push.stats().pendingBytes > enoughBytes) await turn()
        }
      }
      throw new Error('the source ended')
    },
  },

  async echo() {
    const pull = await createPull({ schema: Tick, bind })
    const push = await createPush({ schema: Tick, bind })
    pull.messages.subscribe(push)
    return [pull.endpoint, push.endpoint]
  },

  async exchange([there, back]: Endpoints) {
    const push = await createPush({ schema: Tick, connect: there as string })
    const pull = await createPull({ schema: Tick, connect: back as string })
    await Promise.all([push.whenConnected(), pull.whenConnected()])
    let arrived: (value: Tick) => void = () => {}
    pull.messages.subscribe((value) => arrived(value))
    return (value) =>
      new Promise((resolve) => {
        arrived = resolve
        push.next(value)
      })
  },

  async consumeSlowly(workMs, done) {
    const pull = await createPull({ schema: Tick, bind })
    pull.messages.process(() => delay(workMs)).subscribe(done)
    return pull.endpoints
  },
}

async function connect(endpoints: Endpoints): Promise<Push<Tick>> {
  const push = await createPush({ schema: Tick, connect: endpoints })
  await push.whenConnected()
  return push
}
