/** What each public member of a closed resource does; the types demand an entry for every one of them. */
import type { Announceable, Announcement, Directory, DirectoryHost } from '../../patterns/directory/index.js'
import { type Answering, defineAsk, type Peer } from '../../patterns/messaging/index.js'
import type { Hub, Publisher, TopicPublisher, TopicSubscriber } from '../../patterns/pubsub/index.js'
import type { Consumer, Delivery, Producer, Pull, Push, QueueHandle, QueueHost } from '../../patterns/queue/index.js'
import type { RpcClient, RpcServer } from '../../patterns/rpc/index.js'
import type { Datagram, ReconnectingStream, StreamConnection, StreamListener } from '../../patterns/socket/index.js'
import type { InferInput } from '../../src/avro/index.js'
import { peerDirectory } from '../../src/discovery/index.js'
import type { Resource } from '../../src/resource/index.js'
import type { EveryName, JobCalls, Made } from '../support/every-resource.js'
import { Job } from '../support/job.js'

/**
 * What becomes of a member when its resource is closed; none of it takes longer than a turn of the event loop.
 *
 * - `value`: it is read or called, and returns neither a promise nor an observable
 * - `resolves`: its promise resolves
 * - `rejects`, `throws`, `fails`: with RIVULET_CLOSED, by its promise, at once, or by its observable
 * - `completes`: its observable shows nothing and completes
 */
export type Outcome = 'value' | 'resolves' | 'rejects' | 'throws' | 'fails' | 'completes'

/** How a member is used, by what becomes of it. */
export type Uses<Of> = { readonly [One in Outcome]?: (it: Of) => unknown }

/** Every member. */
export type Members<Of> = { readonly [Name in keyof Of]-?: Uses<Of> }

type JobInput = InferInput<typeof Job>

const job = { id: 1 }
/** Something that can be announced. */
export const bindable: Announceable = {
  status: 'open',
  endpoints: ['tcp://127.0.0.1:1'],
  whenClosed: new Promise(() => {}),
}
/** An ask. */
export const Look = defineAsk('look', Job, Job)

/** What takes jobs. */
interface Jobs {
  next(value: { id: number }): void
  error(cause: unknown): void
  complete(): void
  send(value: { id: number }): Promise<unknown>
  sendAll(source: Iterable<{ id: number }>): Promise<unknown>
}

/** A resource whose `endpoints` may be something else. */
type Base = Omit<Resource<unknown>, 'endpoints' | 'ref' | 'unref'> & { ref(): unknown; unref(): unknown }

const resource: Members<Base> = {
  endpoint: { value: (it) => it.endpoint },
  publicKey: { value: (it) => it.publicKey },
  connected: { value: (it) => it.connected },
  refusedConnections: { value: (it) => it.refusedConnections },
  links: { completes: (it) => it.links },
  errors: { completes: (it) => it.errors },
  securityEvents: { completes: (it) => it.securityEvents },
  stats: { value: (it) => it.stats() },
  whenConnected: { rejects: (it) => it.whenConnected() },
  ref: { value: (it) => it.ref() },
  unref: { value: (it) => it.unref() },
  status: { value: (it) => it.status },
  closed: { value: (it) => it.closed },
  whenClosed: { resolves: (it) => it.whenClosed },
  close: { resolves: (it) => it.close() },
  [Symbol.asyncDispose]: { resolves: (it) => it[Symbol.asyncDispose]() },
}

const bound = { ...resource, endpoints: { value: (it: Pick<Resource<unknown>, 'endpoints'>) => it.endpoints } }

const sink: Members<Jobs> = {
  next: { value: (it) => it.next(job) },
  error: { value: (it) => it.error(new Error('its source has failed')) },
  complete: { value: (it) => it.complete() },
  send: { rejects: (it) => it.send(job) },
  sendAll: { rejects: (it) => it.sendAll([job]) },
}

const producer: Members<Producer<JobInput>> = { ...bound, ...sink, queue: { value: (it) => it.queue } }

const consumer: Members<Consumer<Job>> = {
  ...bound,
  queue: { value: (it) => it.queue },
  deliveries: { completes: (it) => it.deliveries },
  process: { throws: (it) => it.process(() => 1) },
}

const client: Members<RpcClient<typeof JobCalls>> = {
  ...bound,
  get: { fails: (it) => it.get(job) },
  list: { fails: (it) => it.list(job) },
  note: { fails: (it) => it.note(job) },
  calls: { fails: (it) => it.calls.get(job) },
  promises: { rejects: (it) => it.promises.get(job) },
}

const peer: Members<Peer> = {
  ...bound,
  name: { value: (it) => it.name },
  self: { value: (it) => it.self },
  peers: { value: (it) => it.peers },
  presence: { completes: (it) => it.presence },
  send: { rejects: (it) => it.send('anna', Job, job) },
  sendAll: { rejects: (it) => it.sendAll('anna', Job, [job]) },
  broadcast: { rejects: (it) => it.broadcast(Job, job) },
  deliveries: { completes: (it) => it.deliveries(Job) },
  messages: { completes: (it) => it.messages(Job) },
  ask: { rejects: (it) => it.ask('anna', Look, job) },
  answer: { throws: (it) => it.answer(Look, (query) => query) },
}

const connection: Members<StreamConnection<JobInput, Job>> = {
  ...bound,
  ...sink,
  messages: { completes: (it) => it.messages },
  remote: { value: (it) => it.remote },
  local: { value: (it) => it.local },
  identity: { value: (it) => it.identity },
  whenEnded: { resolves: (it) => it.whenEnded },
}

const push: Members<Push<JobInput>> = { ...bound, ...sink }
const pull: Members<Pull<Job>> = { ...bound, messages: { completes: (it) => it.messages } }
const server: Members<RpcServer> = bound
const directoryHost: Members<DirectoryHost> = bound

const host: Members<QueueHost> = {
  ...bound,
  queues: { value: (it) => it.queues },
  queue: { value: (it) => it.queue('jobs') },
}

const publisher: Members<Publisher> = {
  ...bound,
  topic: { throws: (it) => it.topic('jobs', Job) },
  subscriptions: { completes: (it) => it.subscriptions },
  flush: { rejects: (it) => it.flush() },
}

const subscriber: Members<TopicSubscriber> = {
  ...bound,
  topic: { completes: (it) => it.topic('jobs', Job) },
  events: { completes: (it) => it.events('jobs', Job, { since: 'all' }) },
  publishers: { completes: (it) => it.publishers },
  ready: { rejects: (it) => it.ready },
  whenReady: { rejects: (it) => it.whenReady() },
}

const hub: Members<Hub> = {
  ...bound,
  publishers: { value: (it) => it.publishers.connected },
  subscribers: { value: (it) => it.subscribers.connected },
}

const directory: Members<Directory> = {
  ...resource,
  announce: { rejects: (it) => it.announce('jobs', bindable) },
  entries: { completes: (it) => it.entries('jobs') },
  endpoints: { completes: (it) => it.endpoints('jobs') },
  [peerDirectory]: { completes: (it) => it[peerDirectory].peers },
}

const listener: Members<StreamListener<JobInput, Job>> = {
  ...bound,
  connections: { completes: (it) => it.connections },
}

const reconnecting: Members<ReconnectingStream<JobInput, Job>> = {
  ...bound,
  connections: { completes: (it) => it.connections },
  current: { value: (it) => it.current },
}

const datagram: Members<Datagram<JobInput, Job>> = {
  ...bound,
  ...sink,
  messages: { completes: (it) => it.messages },
  deliveries: { completes: (it) => it.deliveries },
  sendTo: { rejects: (it) => it.sendTo('udp://127.0.0.1:1', job) },
}

/** The members of each resource. */
export const closedMembers: { readonly [Name in EveryName]: Members<Made<Name>> } = {
  createPush: push,
  createPull: pull,
  createQueueHost: host,
  createProducer: producer,
  'createProducer of a host in the process': producer,
  createConsumer: consumer,
  'createConsumer of a host in the process': consumer,
  createPublisher: publisher,
  createSubscriber: subscriber,
  createHub: hub,
  createRpcServer: server,
  createRpcClient: client,
  'createRpcClient over another': client,
  createPeer: peer,
  'createPeer over another': peer,
  createDirectoryHost: directoryHost,
  createDirectory: directory,
  createStreamListener: listener,
  connectStream: connection,
  'createStreamListener, a connection of it': connection,
  reconnectStream: reconnecting,
  createDatagram: datagram,
}

/** What was had of a resource before it was closed: a topic, a queue, a delivery, an answer, an announcement. */
export const closedHandles = {
  topic: {
    ...sink,
    name: { value: (it) => it.name },
    subscribed: { value: (it) => it.subscribed },
    retain: { rejects: (it) => it.retain(job) },
    clear: { throws: (it) => it.clear() },
  } satisfies Members<TopicPublisher<JobInput>>,
  queue: {
    name: { value: (it) => it.name },
    stats: { value: (it) => it.stats() },
    changes: { completes: (it) => it.changes },
    peek: { rejects: (it) => it.peek() },
    redrive: { rejects: (it) => it.redrive() },
    purge: { rejects: (it) => it.purge() },
  } satisfies Members<QueueHandle>,
  delivery: {
    value: { value: (it) => it.value },
    attempt: { value: (it) => it.attempt },
    position: { value: (it) => it.position },
    time: { value: (it) => it.time },
    id: { value: (it) => it.id },
    key: { value: (it) => it.key },
    peer: { value: (it) => it.peer },
    settled: { value: (it) => it.settled },
    signal: { throws: (it) => it.signal.throwIfAborted() },
    ack: { rejects: (it) => it.ack() },
    nack: { rejects: (it) => it.nack() },
    reject: { rejects: (it) => it.reject('too late') },
    extend: { rejects: (it) => it.extend() },
  } satisfies Members<Delivery<Job>>,
  answering: {
    name: { value: (it) => it.name },
    closed: { value: (it) => it.closed },
    close: { resolves: (it) => it.close() },
    [Symbol.asyncDispose]: { resolves: (it) => it[Symbol.asyncDispose]() },
  } satisfies Members<Answering>,
  announcement: {
    name: { value: (it) => it.name },
    instance: { value: (it) => it.instance },
    endpoints: { value: (it) => it.endpoints },
    metadata: { value: (it) => it.metadata },
    closed: { value: (it) => it.closed },
    close: { resolves: (it) => it.close() },
    [Symbol.asyncDispose]: { resolves: (it) => it[Symbol.asyncDispose]() },
  } satisfies Members<Announcement>,
}
