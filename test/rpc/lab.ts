/** A service with a method of each shape, and a server and a client of it: every handler can be replaced by a test. */
import type { Test } from 'tap'
import {
  createRpcClient,
  createRpcServer,
  type Handlers,
  implement,
  type RpcClient,
  type RpcClientOptions,
  type RpcServer,
  type RpcServerOptions,
} from '../../patterns/rpc/index.js'
import { defineService, type RivuletError } from '../../src/avro/index.js'
import type { Place } from '../support/transports.js'

/** One method of each shape, and some more. */
export const Lab = defineService({
  protocol: 'Lab',
  namespace: 'test',
  types: [
    {
      type: 'record',
      name: 'Item',
      fields: [
        { name: 'id', type: 'int' },
        { name: 'text', type: 'string', default: '' },
      ],
    },
    { type: 'error', name: 'NotFound', fields: [{ name: 'id', type: 'int' }] },
    { type: 'error', name: 'Busy', fields: [{ name: 'queue', type: 'string' }] },
  ],
  messages: {
    get: { request: [{ name: 'id', type: 'int' }], response: 'Item', errors: ['NotFound', 'Busy'] },
    peek: { request: [{ name: 'id', type: 'int' }], response: 'Item', 'x-idempotent': true },
    echo: { request: [{ name: 'data', type: 'bytes' }], response: 'bytes' },
    list: {
      request: [
        { name: 'count', type: 'int' },
        { name: 'first', type: 'int', default: 0 },
      ],
      response: 'Item',
      errors: ['NotFound'],
      'x-stream': 'server',
    },
    total: { request: [{ name: 'id', type: 'int' }], response: 'long', errors: ['NotFound'], 'x-stream': 'client' },
    relay: { request: [{ name: 'id', type: 'int' }], response: 'Item', errors: ['NotFound'], 'x-stream': 'duplex' },
    note: { request: [{ name: 'id', type: 'int' }], response: 'null', 'one-way': true },
  },
})

/** Handlers of all methods. */
export type LabHandlers = Handlers<typeof Lab>

/** A client of it. */
export type LabClient = RpcClient<typeof Lab>

/** What the methods do if a test says nothing else. */
export const plainHandlers: LabHandlers = {
  get({ id }) {
    if (id < 0) throw Lab.error('get', 'NotFound', { id })
    return { id, text: `item ${id}` }
  },
  peek: ({ id }) => ({ id }),
  echo: ({ data }) => data,
  *list({ count, first }) {
    for (let id = first; id < first + count; id++) yield { id }
  },
  async total(requests) {
    let sum = 0
    for await (const { id } of requests) sum += id
    return sum
  },
  async *relay(requests) {
    for await (const { id } of requests) yield { id, text: `relayed ${id}` }
  },
  note() {},
}

/** What a test may want otherwise. */
export interface LabOptions {
  readonly handlers?: Partial<LabHandlers>
  readonly server?: Partial<RpcServerOptions>
  readonly client?: Partial<RpcClientOptions>
}

/** A server and a client with a link, and what they report. */
export interface OpenLab {
  readonly server: RpcServer
  readonly client: LabClient
  readonly serverErrors: RivuletError[]
  readonly clientErrors: RivuletError[]
}

/** Opens a server; it is closed with the test. */
export async function openServer(
  { runtime, bind }: Pick<Place, 'runtime' | 'bind'>,
  handlers: Partial<LabHandlers> = {},
  options: Partial<RpcServerOptions> = {},
): Promise<RpcServer> {
  const services = [implement(Lab, { ...plainHandlers, ...handlers })]
  return createRpcServer({ bind, runtime, services, ...options })
}

/** Opens a server and a client of it. */
export async function openLab(_t: Test, place: Place, options: LabOptions = {}): Promise<OpenLab> {
  const { runtime } = place
  const server = await openServer(place, options.handlers, options.server)
  const client = await createRpcClient(Lab, { connect: server.endpoint, runtime, ...options.client })
  const [serverErrors, clientErrors]: RivuletError[][] = [[], []]
  server.errors.subscribe((error) => serverErrors?.push(error))
  client.errors.subscribe((error) => clientErrors?.push(error))
  return { server, client, serverErrors: serverErrors as RivuletError[], clientErrors: clientErrors as RivuletError[] }
}

/** What a promise was rejected with; fails if it was not. */
export async function failure(promise: PromiseLike<unknown>): Promise<RivuletError> {
  try {
    await promise
  } catch (error) {
    return error as RivuletError
  }
  throw new Error('it should have failed')
}
