/**
 * The program of a `ChildPlant`: a server of `Plant` that says where it is bound, and ends when it is told to or killed.
 *
 * Arguments: where to bind, how often `safe` and `hold` are left without an answer (`holds` or `answers`), and options.
 */
import { createRpcServer, implement, type RpcServerOptions } from '../../patterns/rpc/index.js'
import { Plant } from './plant.js'

const [bind, mode, options] = process.argv.slice(2) as [string, 'holds' | 'answers', string]
const never = new Promise<number>(() => {})
const answers = mode === 'answers'

const server = await createRpcServer({
  bind,
  ...(JSON.parse(options) as Partial<RpcServerOptions>),
  services: [
    implement(Plant, {
      quick: ({ id }) => id,
      hold: ({ id }) => (answers ? id : never),
      safe: ({ id }) => (answers ? id : never),
      block({ milliseconds }) {
        const end = performance.now() + milliseconds
        while (performance.now() < end);
        return milliseconds
      },
      large: ({ bytes }) => Buffer.alloc(bytes, 0x5a),
      async *items({ count, padding }) {
        for (let index = 0; index < count; index++) {
          const item = Buffer.alloc(4 + padding)
          item.writeInt32BE(index)
          yield item
        }
      },
      async count(requests) {
        let next = 0
        for await (const { item } of requests) {
          if (item.readInt32BE(0) !== next) throw new Error(`${item.readInt32BE(0)} came where ${next} is due`)
          next += 1
          if (next % 1000 === 0) await new Promise(setImmediate) // slower than who sends
        }
        return next
      },
      peakMb: () => process.resourceUsage().maxRSS / 1024,
      stats: () => JSON.stringify(server.stats()),
    }),
  ],
})
server.errors.subscribe(({ code }) => process.send?.({ error: code }))
process.send?.({ endpoint: server.endpoint })
