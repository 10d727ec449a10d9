/** The baseline of addressed messages: ROUTER and DEALER of zeromq.js as its README shows them, one message a frame, with the same Avro bytes. */
import { Subject } from 'rxjs'
import { Dealer, Router } from 'zeromq'
import { Tick, ticks } from '../tick.js'
import type { Way } from './way.js'

export const rawRouterDealer: Way = {
  async consume(take) {
    const router = new Router()
    await router.bind('tcp://127.0.0.1:*')
    const messages = new Subject<Tick>()
    take(messages)
    void (async () => {
      for await (const [, frame] of router) messages.next(Tick.decode(frame as Buffer))
    })()
    return [router.lastEndpoint as string]
  },

  produce: {
    async send([endpoint]) {
      const dealer = new Dealer()
      dealer.connect(endpoint as string)
      for (const value of ticks()) await dealer.send(Tick.encode(value))
      throw new Error('the source ended')
    },
  },
}
