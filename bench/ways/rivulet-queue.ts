/** Rivulet's transient queue with its default options. */
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { createPull, createPush, type Push } from 'rivulet/queue'
import type { SecurityOptions } from 'rivulet/security'
import { Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

const bind = 'tcp://127.0.0.1:*'

interface Side {
  readonly security?: SecurityOptions
}

interface Sides {
  readonly bound: Side
  readonly connecting: Side
}

export const rivuletQueue: Way = rivuletQueueWith({ bound: {}, connecting: {} })

/** `next` does not wait, so its row sends in bursts, one a turn, while no more than so many bytes wait. */
const burst = 1024
const enoughBytes = 1024 * 1024

/** The way with security for the side that binds, and for the one that connects. */
export function rivuletQueueWith({ bound, connecting }: Sides): Way {
  return {
    async consume(take) {
      const pull = await createPull({ schema: Tick, bind, ...bound })
      take(pull.messages)
      return pull.endpoints
    },

    produce: {
      async sendAll(endpoints) {
        const push = await connect(endpoints, connecting)
        await push.sendAll(ticks())
        throw new Error('the source ended')
      },

      async send(endpoints) {
        const push = await connect(endpoints, connecting)
        for (const value of ticks()) await push.send(value)
        throw new Error('the source ended')
      },

      async next(endpoints) {
        const push = await connect(endpoints, connecting)
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
      const pull = await createPull({ schema: Tick, bind, ...bound })
      const push = await createPush({ schema: Tick, bind, ...bound })
      pull.messages.subscribe(push)
      return [pull.endpoint, push.endpoint]
    },

    async exchange([there, back]: Endpoints) {
      const push = await createPush({ schema: Tick, connect: there as string, ...connecting })
      const pull = await createPull({ schema: Tick, connect: back as string, ...connecting })
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
      const pull = await createPull({ schema: Tick, bind, ...bound })
      pull.messages.process(() => delay(workMs)).subscribe(done)
      return pull.endpoints
    },
  }
}

async function connect(endpoints: Endpoints, connecting: Side): Promise<Push<Tick>> {
  const push = await createPush({ schema: Tick, connect: endpoints, ...connecting })
  await push.whenConnected()
  return push
}
