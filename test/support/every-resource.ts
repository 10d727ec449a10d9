/** Every resource that users can make, each with peers, all in one runtime. */
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createHub, createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull, createPush, createQueueHost } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import {
  connectStream,
  createDatagram,
  createStreamListener,
  reconnectStream,
  type StreamConnection,
} from '../../patterns/socket/index.js'
import { defineService, type InferInput } from '../../src/avro/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { first } from './events.js'
import { Job } from './job.js'

/** A service with a method of each shape that a client shows in its own way. */
export const JobCalls = defineService({
  protocol: 'Jobs',
  messages: {
    get: { request: [{ name: 'id', type: 'int' }], response: 'int' },
    list: { request: [{ name: 'id', type: 'int' }], response: 'int', 'x-stream': 'server' },
    note: { request: [{ name: 'id', type: 'int' }], response: 'null', 'one-way': true },
  },
})

const tcp = 'tcp://127.0.0.1:*'
const udp = 'udp://127.0.0.1:*'
const schema = Job
let names = 0

/** A name within the process that nobody else has. */
const inproc = () => `inproc://every-${++names}`

const serve = (runtime: Runtime) =>
  createRpcServer({
    bind: inproc(),
    services: [implement(JobCalls, { get: ({ id }) => id, list: ({ id }) => [id], note: () => undefined })],
    runtime,
  })

const store = (runtime: Runtime) => createQueueHost({ bind: inproc(), store: 'memory', queues: { jobs: {} }, runtime })

/** Takes what peers send, and answers nothing. */
async function listen(runtime: Runtime) {
  const listener = await createStreamListener({ bind: tcp, schema, runtime })
  listener.connections.subscribe((connection) => connection.messages.subscribe())
  return listener
}

/** How each resource is opened, once its peers are open: by the factory, and what distinguishes several of one. */
export const everyResource = {
  async createPush(runtime) {
    const pull = await createPull({ bind: inproc(), schema, runtime })
    return () => createPush({ connect: pull.endpoint, schema, runtime })
  },
  async createPull(runtime) {
    const push = await createPush({ bind: inproc(), schema, runtime })
    return () => createPull({ connect: push.endpoint, schema, runtime })
  },
  async createQueueHost(runtime) {
    const bind = inproc()
    await createProducer({ connect: bind, queue: 'jobs', schema, runtime })
    return () => createQueueHost({ bind, store: 'memory', queues: { jobs: {} }, runtime })
  },
  async createProducer(runtime) {
    const { endpoint } = await store(runtime)
    return () => createProducer({ connect: endpoint, queue: 'jobs', schema, runtime })
  },
  async 'createProducer of a host in the process'(runtime) {
    const host = await store(runtime)
    return () => createProducer({ host, queue: 'jobs', schema })
  },
  async createConsumer(runtime) {
    const { endpoint } = await store(runtime)
    return () => createConsumer({ connect: endpoint, queue: 'jobs', schema, runtime })
  },
  async 'createConsumer of a host in the process'(runtime) {
    const host = await store(runtime)
    return () => createConsumer({ host, queue: 'jobs', schema })
  },
  async createPublisher(runtime) {
    const subscriber = await createSubscriber({ bind: inproc(), runtime })
    subscriber.topic('jobs', schema).subscribe()
    return () => createPublisher({ connect: subscriber.endpoint, runtime })
  },
  async createSubscriber(runtime) {
    const publisher = await createPublisher({ bind: inproc(), runtime })
    return () => createSubscriber({ connect: publisher.endpoint, runtime })
  },
  async createHub(runtime) {
    const publisher = await createPublisher({ bind: inproc(), runtime })
    const subscriber = await createSubscriber({ bind: inproc(), runtime })
    const [publishers, subscribers] = [{ connect: publisher.endpoint }, { connect: subscriber.endpoint }]
    return () => createHub({ publishers, subscribers, runtime })
  },
  async createRpcServer(runtime) {
    return () => serve(runtime)
  },
  async createRpcClient(runtime) {
    const { endpoint } = await serve(runtime)
    return () => createRpcClient(JobCalls, { connect: endpoint, runtime })
  },
  async 'createRpcClient over another'(runtime) {
    const { endpoint } = await serve(runtime)
    const over = await createRpcClient(JobCalls, { connect: endpoint, runtime })
    return () => createRpcClient(JobCalls, { over })
  },
  async createPeer(runtime) {
    const anna = await createPeer({ name: 'anna', bind: inproc(), runtime })
    return () => createPeer({ name: 'ben', connect: anna.endpoint, runtime })
  },
  async 'createPeer over another'(runtime) {
    const over = await createPeer({ name: 'anna', bind: inproc(), runtime })
    return () => createPeer({ name: 'ben', over })
  },
  async createDirectoryHost(runtime) {
    return () => createDirectoryHost({ bind: inproc(), runtime })
  },
  async createDirectory(runtime) {
    const { endpoint } = await createDirectoryHost({ bind: inproc(), runtime })
    return () => createDirectory({ connect: endpoint, runtime })
  },
  async createStreamListener(runtime) {
    return () => createStreamListener({ bind: tcp, schema, runtime })
  },
  async connectStream(runtime) {
    const listener = await listen(runtime)
    return () => connectStream({ connect: listener.endpoint, schema, runtime })
  },
  async 'createStreamListener, a connection of it'(runtime) {
    const listener = await listen(runtime)
    const accepted = first(listener.connections)
    await connectStream({ connect: listener.endpoint, schema, runtime })
    return (): Promise<StreamConnection<InferInput<typeof Job>, Job>> => accepted
  },
  async reconnectStream(runtime) {
    const listener = await listen(runtime)
    return () => reconnectStream({ connect: listener.endpoint, schema, runtime })
  },
  async createDatagram(runtime) {
    const { endpoint } = await createDatagram({ bind: udp, schema, runtime })
    return () => createDatagram({ bind: udp, to: endpoint, schema, runtime })
  },
} satisfies Record<string, (runtime: Runtime) => Promise<() => Promise<Closable>>>

/** The name of a resource. */
export type EveryName = keyof typeof everyResource

/** What its factory returns. */
export type Made<Name extends EveryName> = Awaited<ReturnType<Awaited<ReturnType<(typeof everyResource)[Name]>>>>

/** The names of all resources. */
export const everyName = Object.keys(everyResource) as readonly EveryName[]
