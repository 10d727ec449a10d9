/** Rivulet's RPC with its default options. */
import { defineService } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
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

export const rivuletRpc: CallWay = {
  async serve() {
    const services = [implement(Ticks, { echo: ({ tick }) => tick, watch: () => ticks() })]
    const server = await createRpcServer({ bind: 'tcp://127.0.0.1:*', services })
    return server.endpoints
  },

  async connect(endpoints: Endpoints) {
    const client = await createRpcClient(Ticks, { connect: endpoints })
    const { echo } = client.promises
    return {
      call: (tick) => echo({ tick }),
      watch: (take) => take(client.watch()),
    }
  },
}
