/**
 * Moleculer: events and calls of a service at another node, over its own TCP transporter, which needs no server.
 *
 * It brings its own serializer (JSON), as its users have it.
 */
import { createRequire } from 'node:module'
import { setImmediate as turn } from 'node:timers/promises'
import { Subject } from 'rxjs'
import { freePorts } from '../peers/program.js'
import { type Tick, ticks } from '../tick.js'
import type { CallWay, Endpoints } from './call-way.js'
import type { Way } from './way.js'

/** Events between two turns of the event loop, which it needs to send them: there is no backpressure. */
const burst = 64

/** The part of its interface that is used; it is not installed everywhere. */
interface Broker {
  start(): Promise<void>
  createService(service: object): void
  waitForServices(names: readonly string[]): Promise<void>
  call(action: string, params: Tick): Promise<Tick>
  emit(event: string, payload: Tick): Promise<void>
}

type Moleculer = { readonly ServiceBroker: new (options: object) => Broker }

const module = 'moleculer'

/** The version that is installed; `undefined` if none is. */
export function moleculerVersion(): string | undefined {
  try {
    return (createRequire(import.meta.url)(module) as { ServiceBroker: { MOLECULER_VERSION: string } }).ServiceBroker
      .MOLECULER_VERSION
  } catch {
    return undefined
  }
}

async function start(nodeID: string, port: number, others: Endpoints): Promise<Broker> {
  const { ServiceBroker } = (await import(module)) as Moleculer
  const options = { udpDiscovery: false, port, urls: others }
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options },
    registry: { preferLocal: false },
  })
  return broker
}

async function serve(service: object): Promise<Endpoints> {
  const [port = 0] = await freePorts(1)
  const broker = await start('receiver', port, [])
  broker.createService(service)
  await broker.start()
  return [`127.0.0.1:${port}/receiver`]
}

async function connect(endpoints: Endpoints): Promise<Broker> {
  const [port = 0] = await freePorts(1)
  const broker = await start('sender', port, endpoints)
  await broker.start()
  await broker.waitForServices(['ticks'])
  return broker
}

export const moleculerEvents: Way = {
  async consume(take) {
    const messages = new Subject<Tick>()
    take(messages)
    const tick = { context: true, handler: ({ params }: { params: Tick }) => messages.next(params) }
    return serve({ name: 'ticks', events: { tick } })
  },

  produce: {
    async emit(endpoints) {
      const broker = await connect(endpoints)
      for (const value of ticks()) {
        void broker.emit('tick', value)
        if (value.id % burst === burst - 1) await turn()
      }
      throw new Error('the source ended')
    },
  },
}

export const moleculerCalls: CallWay = {
  serve: () => serve({ name: 'ticks', actions: { echo: ({ params }: { params: Tick }) => params } }),

  async connect(endpoints) {
    const broker = await connect(endpoints)
    return { call: (tick) => broker.call('ticks.echo', tick) }
  },
}
