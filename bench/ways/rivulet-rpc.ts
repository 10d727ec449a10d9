/** Rivulet's RPC with its default options. */
import { defineService } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import type { SecurityOptions } from 'rivulet/security'
import { Tick, ticks } from '../tick.js'
import type { CallWay, Endpoints } from './call-way.js'

const Ticks = defineService({
  protocol: 'Ticks',
  namespace: 'bench',
  types: [Tick.json],
  messages: {
    echo: { request: [{ name: 'tick', type: 'Tick' }], response: 'Tick' },
    watch: { request: [], response: 'Tick', 'x-stream': 'server' },
  },
})

interface Side {
  readonly security?: SecurityOptions
}

export const rivuletRpc: CallWay = rivuletRpcWith({ bound: {}, connecting: {} })

/** The way with security for the server, and for the client. */
export function rivuletRpcWith({ bound, connecting }: { bound: Side; connecting: Side }): CallWay {
  return {
    async serve() {
      const services = [implement(Ticks, { echo: ({ tick }) => tick, watch: () => ticks() })]
      const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services, ...bound })
      return server.endpoints
    },

    async connect(endpoints: Endpoints) {
      const client = await createRpcClient(Ticks, { connect: endpoints, ...connecting })
      const { echo } = client.promises
      return {
        call: (tick) => echo({ tick }),
        watch: (take) => take(client.watch()),
      }
    },
  }
}
