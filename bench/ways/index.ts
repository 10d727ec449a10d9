/**
 * The ways that are compared, by name; each is loaded by the processes that use it alone.
 */
import type { ByteWay } from './byte-way.js'
import type { CallWay } from './call-way.js'
import type { DepthWay } from './depth-way.js'
import type { DurableWay } from './durable-way.js'
import type { ReplayWay } from './replay-way.js'
import type { TopicWay } from './topic-way.js'
import type { Way } from './way.js'

export type { ByteWay } from './byte-way.js'
export type { Caller, CallWay } from './call-way.js'
export type { DepthWay, Look, OpenedHost } from './depth-way.js'
export type { Counter, DurableWay, PublishManner } from './durable-way.js'
export type { ReplayWay } from './replay-way.js'
export type { OpenPublisher, TopicWay } from './topic-way.js'
export type { Endpoints, Way } from './way.js'

/** Loads a way. */
export const ways: Readonly<Record<string, () => Promise<Way>>> = {
  'rivulet/queue': async () => (await import('./rivulet-queue.js')).rivuletQueue,
  'rivulet/pubsub': async () => (await import('./rivulet-pubsub.js')).rivuletPubsub,
  'raw zeromq.js': async () => (await import('./raw-zeromq.js')).rawZeromq,
}

/** Loads a way with CURVE. */
export const curveWays: Readonly<Record<string, () => Promise<Way>>> = {
  'rivulet/queue, CURVE': async () => {
    const { bound, connecting } = (await import('./curve-keys.js')).rivuletSecurity()
    const sides = { bound: { security: bound }, connecting: { security: connecting } }
    return (await import('./rivulet-queue.js')).rivuletQueueWith(sides)
  },
  'raw zeromq.js, CURVE': async () => {
    const security = (await import('./curve-keys.js')).rawSecurity()
    return (await import('./raw-zeromq.js')).rawZeromqWith(security)
  },
}

/** Loads a way to call with CURVE. */
export const curveCallWays: Readonly<Record<string, () => Promise<CallWay>>> = {
  'rivulet/rpc, CURVE': async () => {
    const { bound, connecting } = (await import('./curve-keys.js')).rivuletSecurity()
    const sides = { bound: { security: bound }, connecting: { security: connecting } }
    return (await import('./rivulet-rpc.js')).rivuletRpcWith(sides)
  },
  'raw REQ/REP, CURVE': async () => {
    const security = (await import('./curve-keys.js')).rawSecurity()
    return (await import('./raw-calls.js')).rawReqRepWith(security)
  },
}

/** The way that the others are compared with. */
export const baseline = 'raw zeromq.js'

/** Loads a way to call. */
export const callWays: Readonly<Record<string, () => Promise<CallWay>>> = {
  'rivulet/rpc': async () => (await import('./rivulet-rpc.js')).rivuletRpc,
  'raw REQ/REP': async () => (await import('./raw-calls.js')).rawReqRep,
  'raw DEALER/ROUTER': async () => (await import('./raw-calls.js')).rawDealerRouter,
}

/** Loads a way to send messages to a peer. */
export const messageWays: Readonly<Record<string, () => Promise<Way>>> = {
  'rivulet/messaging': async () => (await import('./rivulet-messaging.js')).rivuletMessages,
  'raw ROUTER/DEALER': async () => (await import('./raw-router-dealer.js')).rawRouterDealer,
  'NATS core': async () => (await import('./nats-core.js')).natsMessages,
  'Moleculer, events': async () => (await import('./moleculer.js')).moleculerEvents,
}

/** Loads a way to send datagrams. */
export const datagramWays: Readonly<Record<string, () => Promise<Way>>> = {
  'rivulet/socket': async () => (await import('./rivulet-datagrams.js')).rivuletDatagrams,
  'node:dgram': async () => (await import('./plain-datagrams.js')).plainDatagrams,
}

/** Loads a way to ask a peer. */
export const askWays: Readonly<Record<string, () => Promise<CallWay>>> = {
  'rivulet/messaging, ask': async () => (await import('./rivulet-messaging.js')).rivuletAsks,
  'NATS core, request': async () => (await import('./nats-core.js')).natsRequests,
  'Moleculer, call': async () => (await import('./moleculer.js')).moleculerCalls,
}

/** Loads a way to send messages over a stream. */
export const streamWays: Readonly<Record<string, () => Promise<Way>>> = {
  'rivulet/socket, schema': async () => (await import('./rivulet-streams.js')).rivuletStreams,
  'JSON lines, node:net': async () => (await import('./ndjson.js')).ndjson,
  'gRPC-js': async () => (await import('./grpc.js')).grpcStreams,
}

/** Loads a way to move bytes. */
export const byteWays: Readonly<Record<string, () => Promise<ByteWay>>> = {
  'rivulet/socket, bytes()': async () => (await import('./rivulet-bytes.js')).rivuletBytes,
  'rivulet/socket, lengthPrefixed()': async () => (await import('./rivulet-bytes.js')).rivuletPrefixed,
  'rivulet/socket, schema of bytes': async () => (await import('./rivulet-typed-bytes.js')).rivuletTypedBytes,
  'node:net': async () => (await import('./raw-bytes.js')).rawBytes,
}

/** Loads a system of topics. */
export const topicWays: Readonly<Record<string, () => Promise<TopicWay>>> = {
  'rivulet/pubsub, topics': async () => (await import('./rivulet-topics.js')).rivuletTopics,
  'rivulet/pubsub, history in memory': async () => (await import('./rivulet-topics.js')).rivuletHistoryInMemory,
  'rivulet/pubsub, history on disk': async () => (await import('./rivulet-topics.js')).rivuletHistoryOnDisk,
  'NATS core, bytes': async () => (await import('./nats-topics.js')).natsBytes,
  'NATS core, records': async () => (await import('./nats-topics.js')).natsRecords,
  'Redis, bytes': async () => (await import('./redis-topics.js')).redisTopics,
  'Mosquitto, bytes': async () => (await import('./mqtt-topics.js')).mqttTopics,
}

/** Loads a log of a topic that is read again. */
export const replayWays: Readonly<Record<string, () => Promise<ReplayWay>>> = {
  'rivulet/pubsub, replay from memory': async () => (await import('./rivulet-replay.js')).rivuletInMemory,
  'rivulet/pubsub, replay from disk': async () => (await import('./rivulet-replay.js')).rivuletOnDisk,
  'NATS JetStream, replay from memory': async () => (await import('./nats-replay.js')).natsInMemory,
  'NATS JetStream, replay from files': async () => (await import('./nats-replay.js')).natsInFiles,
}

/** Loads a durable queue. */
export const durableWays: Readonly<Record<string, () => Promise<DurableWay>>> = {
  'rivulet/queue, durable': async () => (await import('./rivulet-durable.js')).rivuletDurable,
  'NATS JetStream': async () => (await import('./nats-jetstream.js')).natsJetstream,
  'NATS JetStream, always': async () => (await import('./nats-jetstream.js')).natsJetstream,
  'RabbitMQ, classic': async () => (await import('./rabbitmq.js')).rabbitmqClassic,
  'RabbitMQ, quorum': async () => (await import('./rabbitmq.js')).rabbitmqQuorum,
}

/** Loads a durable queue at a depth. */
export const depthWays: Readonly<Record<string, () => Promise<DepthWay>>> = {
  'rivulet/queue, depth': async () => (await import('./rivulet-depth.js')).rivuletDepth,
}
