/**
 * The baselines of calls: zeromq.js as its README shows it, with the same Avro bytes.
 *
 * A lone call is REQ and REP; many at a time need DEALER and ROUTER, and a number to find the caller by.
 */
import { Dealer, Reply, Request, Router } from 'zeromq'
import { Tick } from '../tick.js'
import type { CallWay, Endpoints } from './call-way.js'

const bind = 'tcp://127.0.0.1:*'

export const rawReqRep: CallWay = rawReqRepWith({ bound: {}, connecting: {} })

/** The way with options for the sockets that bind, and for those that connect. */
export function rawReqRepWith({ bound, connecting }: { bound: object; connecting: object }): CallWay {
  return {
    async serve() {
      const reply = new Reply(bound)
      await reply.bind(bind)
      void (async () => {
        for await (const [frame] of reply) await reply.send(Tick.encode(Tick.decode(frame as Buffer)))
      })()
      return [reply.lastEndpoint as string]
    },

    async connect([endpoint]: Endpoints) {
      const request = new Request(connecting)
      request.connect(endpoint as string)
      return {
        async call(tick) {
          await request.send(Tick.encode(tick))
          const [frame] = await request.receive()
          return Tick.decode(frame as Buffer)
        },
      }
    },
  }
}

export const rawDealerRouter: CallWay = {
  async serve() {
    const router = new Router()
    await router.bind(bind)
    void (async () => {
      for await (const [peer, frame] of router) {
        await router.send([peer as Buffer, Tick.encode(Tick.decode(frame as Buffer))])
      }
    })()
    return [router.lastEndpoint as string]
  },

  async connect([endpoint]: Endpoints) {
    const dealer = new Dealer()
    dealer.connect(endpoint as string)
    const callers = new Map<number, (tick: Tick) => void>()
    const waiting: Buffer[] = []
    let sending = false
    let last = 0
    // one `send` at a time is all that zeromq.js takes
    const sendAll = async () => {
      sending = true
      for (let frame = waiting.shift(); frame; frame = waiting.shift()) await dealer.send(frame)
      sending = false
    }
    void (async () => {
      for await (const [frame] of dealer) {
        const tick = Tick.decode(frame as Buffer)
        const resolve = callers.get(tick.id)
        callers.delete(tick.id)
        resolve?.(tick)
      }
    })()
    return {
      call: (tick) =>
        new Promise((resolve) => {
          last += 1
          callers.set(last, resolve)
          waiting.push(Tick.encode({ ...tick, id: last }))
          if (!sending) void sendAll()
        }),
    }
  },
}
