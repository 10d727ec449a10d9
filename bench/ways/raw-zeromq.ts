/**
 * The baseline: zeromq.js as its README shows it, one message a frame, with the same Avro bytes.
 *
 * The codec is Rivulet's, which is no slower than others: what differs is the way alone.
 */
import { Subject } from 'rxjs'
import { Pull, Push } from 'zeromq'
import { Tick, ticks } from '../tick.js'
import type { Endpoints, Way } from './way.js'

const bind = 'tcp://127.0.0.1:*'

export const rawZeromq: Way = rawZeromqWith({ bound: {}, connecting: {} })

/** The way with options for the sockets that bind, and for those that connect. */
export function rawZeromqWith({ bound, connecting }: { bound: object; connecting: object }): Way {
  return {
    async consume(take) {
      const pull = new Pull(bound)
      await pull.bind(bind)
      const messages = new Subject<Tick>()
      take(messages)
      void deliver(pull, messages)
      return [pull.lastEndpoint as string]
    },

    produce: {
      async send(endpoints) {
        const push = new Push(connecting)
        for (const endpoint of endpoints) push.connect(endpoint)
        for (const value of ticks()) await push.send(Tick.encode(value))
        throw new Error('the source ended')
      },
    },

    async echo() {
      const pull = new Pull(bound)
      const push = new Push(bound)
      await pull.bind(bind)
      await push.bind(bind)
      void sendBack(pull, push)
      return [pull.lastEndpoint as string, push.lastEndpoint as string]
    },

    async exchange([there, back]: Endpoints) {
      const push = new Push(connecting)
      const pull = new Pull(connecting)
      push.connect(there as string)
      pull.connect(back as string)
      return async (value) => {
        await push.send(Tick.encode(value))
        const [frame] = await pull.receive()
        return Tick.decode(frame as Buffer)
      }
    },
  }
}

async function deliver(pull: Pull, messages: Subject<Tick>): Promise<void> {
  for await (const [frame] of pull) messages.next(Tick.decode(frame as Buffer))
}

async function sendBack(pull: Pull, push: Push): Promise<void> {
  for await (const [frame] of pull) await push.send(Tick.encode(Tick.decode(frame as Buffer)))
}
