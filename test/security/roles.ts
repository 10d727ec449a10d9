/** Every pair of resources that talk to each other: one binds, the other connects. */
import type { Observable } from 'rxjs'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull, createPush, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defineService } from '../../src/avro/index.js'
import type { EndpointInput, Resource, Runtime, SecurityOptions } from '../../src/index.js'
import { Job } from '../support/job.js'

/** A service that doubles numbers. */
export const Doubling = defineService({
  protocol: 'Doubling',
  messages: { double: { request: [{ name: 'value', type: 'int' }], response: 'int' } },
})

/** What each resource is opened with. */
export interface Common {
  readonly runtime: Runtime
  readonly security?: SecurityOptions
}

/** What binds, with `bind`. */
export interface Binding extends Common {
  readonly bind: string
}

/** What connects, with `connect`. */
export interface Connecting extends Common {
  readonly connect: EndpointInput | readonly EndpointInput[]
}

/** What tests need of the side that binds. */
export type Accepting = Pick<
  Resource,
  'endpoint' | 'errors' | 'securityEvents' | 'connected' | 'whenConnected' | 'close'
>

/** A pair of resources. */
export interface Role {
  bind(options: Binding): Promise<Accepting>
  connect(options: Connecting): Promise<Omit<Resource, 'endpoints' | 'ref' | 'unref'>>
}

/** The pairs by their names. */
export const roles: Readonly<Record<string, Role>> = {
  'rpc server, client': {
    bind: (options) => createRpcServer({ ...options, services: [implement(Doubling, { double })] }),
    connect: (options) => createRpcClient(Doubling, options),
  },
  'queue host, producer': {
    bind: (options) => createQueueHost({ ...options, store: 'memory', queues: { jobs: {} } }),
    connect: (options) => createProducer({ ...options, queue: 'jobs', schema: Job }),
  },
  'queue host, consumer': {
    bind: (options) => createQueueHost({ ...options, store: 'memory', queues: { jobs: {} } }),
    connect: (options) => createConsumer({ ...options, queue: 'jobs', schema: Job }),
  },
  'push, pull': {
    bind: (options) => createPush({ ...options, schema: Job }),
    connect: (options) => createPull({ ...options, schema: Job }),
  },
  'pull, push': {
    bind: (options) => createPull({ ...options, schema: Job }),
    connect: (options) => createPush({ ...options, schema: Job }),
  },
  'directory host, directory': { bind: createDirectoryHost, connect: createDirectory },
  'publisher, subscriber': { bind: createPublisher, connect: createSubscriber },
  'subscriber, publisher': { bind: createSubscriber, connect: createPublisher },
}

function double({ value }: { value: number }): number {
  return 2 * value
}

/** The first error with one of the codes of refusals; others may come before, for connections that are made again. */
export type Refused = Pick<Resource, 'errors'> & { readonly errors: Observable<{ readonly code: string }> }
