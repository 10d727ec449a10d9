/**
 * gRPC: a stream of requests over `@grpc/grpc-js`, with messages of protobufjs through `@grpc/proto-loader`, as its users have them.
 *
 * The client sends the stream and the server takes it, since a stream of responses is no quicker.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Subject } from 'rxjs'
import { type Tick, ticks } from '../tick.js'
import type { Way } from './way.js'

/** The parts of their interfaces that are used; they are not installed everywhere. */
interface Grpc {
  readonly Server: new () => {
    addService(service: object, handlers: object): void
    bindAsync(address: string, credentials: object, done: (error: Error | null, port: number) => void): void
  }
  readonly ServerCredentials: { createInsecure(): object }
  readonly credentials: { createInsecure(): object }
  loadPackageDefinition(definition: object): { readonly bench: { readonly Ticks: TicksClient } }
}

interface TicksClient {
  new (address: string, credentials: object, options: object): { send(done: (error: Error | null) => void): Call }
  readonly service: object
}

interface Call extends NodeJS.EventEmitter {
  write(value: Tick): boolean
}

interface ProtoLoader {
  fromJSON(root: object, options: object): object
}

const module = '@grpc/grpc-js'
const loader = '@grpc/proto-loader'

/** The record of the other rows, and a service with a stream of them. */
const protocol = {
  nested: {
    bench: {
      nested: {
        Tick: {
          fields: {
            id: { type: 'int64', id: 1 },
            time: { type: 'int64', id: 2 },
            symbol: { type: 'string', id: 3 },
            price: { type: 'double', id: 4 },
          },
        },
        Done: { fields: {} },
        Ticks: { methods: { Send: { requestType: 'Tick', requestStream: true, responseType: 'Done' } } },
      },
    },
  },
}

/** The version that is installed; `undefined` if none is. */
export function grpcVersion(): string | undefined {
  try {
    return (createRequire(import.meta.url)(`${module}/package.json`) as { version: string }).version
  } catch {
    return undefined
  }
}

async function load(): Promise<{ grpc: Grpc; Ticks: TicksClient }> {
  const grpc = (await import(module)) as Grpc
  const { fromJSON } = (await import(loader)) as ProtoLoader
  const definition = fromJSON(protocol, { longs: Number, keepCase: true })
  return { grpc, Ticks: grpc.loadPackageDefinition(definition).bench.Ticks }
}

export const grpcStreams: Way = {
  async consume(take) {
    const { grpc, Ticks } = await load()
    const messages = new Subject<Tick>()
    take(messages)
    const server = new grpc.Server()
    server.addService(Ticks.service, { Send: (call: Call) => call.on('data', (value: Tick) => messages.next(value)) })
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, bound: number) => (error ? reject(error) : resolve(bound))
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), bound)
    })
    return [String(port)]
  },

  produce: {
    write: ([port]) => send(`127.0.0.1:${port}`, {}),
    // by default it keeps what it has sent for a retry, which costs it most of its time
    'write, no retries': ([port]) => send(`127.0.0.1:${port}`, { 'grpc.enable_retries': 0 }),
  },
}

async function send(address: string, options: object): Promise<never> {
  const { grpc, Ticks } = await load()
  const client = new Ticks(address, grpc.credentials.createInsecure(), options)
  const call = client.send((error) => {
    throw error ?? new Error('the call ended')
  })
  for (const value of ticks()) if (!call.write(value)) await once(call, 'drain')
  throw new Error('the source ended')
}
