/**
 * gRPC: a stream of messages over `@grpc/grpc-js`, with messages of protobufjs through `@grpc/proto-loader`, as its users have them.
 *
 * In requests from a client to a server, and in responses from a server to a client. What `write` and `drain` say is respected.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
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
  new (
    address: string,
    credentials: object,
    options: object,
  ): {
    send(done: (error: Error | null) => void): Call
    take(request: object): Call
  }
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
        Ticks: {
          methods: {
            Send: { requestType: 'Tick', requestStream: true, responseType: 'Done' },
            Take: { requestType: 'Done', responseType: 'Tick', responseStream: true },
          },
        },
      },
    },
  },
}

/**
 * What a client keeps of a stream for a retry, in bytes: 1 MiB by default, also where retries are off.
 *
 * Within it, `write` takes messages that have not left, and for each that leaves, the list of all of them is copied: 40,000 of these
 * messages, which is where most of the time goes. With no more than a few of them `write` says when to wait.
 */
const smallBuffer = { 'grpc.per_rpc_retry_buffer_size': 1024 }

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
    const receive = (call: Call) => void call.on('data', (value: Tick) => messages.next(value))
    // a producer of responses is a server: it says at which port
    const ports = createServer({ allowHalfOpen: true }, async (socket) => {
      const client = new Ticks(`127.0.0.1:${await text(socket)}`, grpc.credentials.createInsecure(), {})
      const call = client.take({})
      call.on('error', () => {}) // the producer is killed
      receive(call)
    })
    await once(ports.listen(0, '127.0.0.1'), 'listening')
    return [await serve({ Send: receive, Take() {} }), String((ports.address() as AddressInfo).port)]
  },

  produce: {
    write: ([port]) => send(port as string, {}),
    'write, small retry buffer': ([port]) => send(port as string, smallBuffer),

    async responses([, port]) {
      connect(Number(port), '127.0.0.1').end(await serve({ Take: writeAll, Send() {} }))
      return new Promise<never>(() => {})
    },
  },
}

/** Starts a server; returns its port. */
async function serve(handlers: object): Promise<string> {
  const { grpc, Ticks } = await load()
  const server = new grpc.Server()
  server.addService(Ticks.service, handlers)
  return new Promise((resolve, reject) => {
    const bound = (error: Error | null, port: number) => (error ? reject(error) : resolve(String(port)))
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), bound)
  })
}

async function send(port: string, options: object): Promise<never> {
  const { grpc, Ticks } = await load()
  const client = new Ticks(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options)
  const call = client.send((error) => {
    throw error ?? new Error('the call ended')
  })
  return writeAll(call)
}

async function writeAll(call: Call): Promise<never> {
  for (const value of ticks()) if (!call.write(value)) await once(call, 'drain')
  throw new Error('the source ended')
}
