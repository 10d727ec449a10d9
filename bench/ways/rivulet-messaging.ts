/** Rivulet's named peers with their default options: messages one way, and asks. */
import { setTimeout as delay } from 'node:timers/promises'
import { createPeer, defineAsk } from 'rivulet/messaging'
import { Tick, ticks } from '../tick.js'
import type { CallWay } from './call-way.js'
import type { Way } from './way.js'

const bind = 'tcp://127.0.0.1:*'
const receiver = 'receiver'
const echo = defineAsk('echo', Tick, Tick)

const connect = (endpoints: readonly string[]) => createPeer({ name: 'sender', connect: endpoints })

export const rivuletMessages: Way = {
  async consume(take) {
    const peer = await createPeer({ name: receiver, bind })
    take(peer.messages(Tick))
    return peer.endpoints
  },

  produce: {
    async sendAll(endpoints) {
      const peer = await connect(endpoints)
      await peer.sendAll(receiver, Tick, ticks())
      throw new Error('the source ended')
    },

    async send(endpoints) {
      const peer = await connect(endpoints)
      const loop = async () => {
        for (const value of ticks()) await peer.send(receiver, Tick, value)
      }
      await Promise.all(Array.from({ length: 1024 }, loop))
      throw new Error('the source ended')
    },
  },

  async consumeSlowly(workMs, done) {
    const peer = await createPeer({ name: receiver, bind })
    const work = async () => {
      await delay(workMs)
      done()
    }
    peer.messages(Tick).process(work).subscribe()
    return peer.endpoints
  },
}

export const rivuletAsks: CallWay = {
  async serve() {
    const peer = await createPeer({ name: receiver, bind })
    peer.answer(echo, (tick) => tick)
    return peer.endpoints
  },

  async connect(endpoints) {
    const peer = await connect(endpoints)
    return { call: (tick) => peer.ask(receiver, echo, tick) }
  },
}
