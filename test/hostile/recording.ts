/** Good sessions of each pattern, recorded: the parts of the messages that a peer has sent. */
import { createDirectory } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPush } from '../../patterns/queue/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { Job } from '../support/job.js'
import { type SentPart, sentParts } from '../support/raw-zmtp.js'
import { RecordingProxy } from '../support/recording-proxy.js'
import { OwnScope } from '../support/scope.js'
import { Keep, keepName } from './keep.js'
import type { PatternName } from './patterns.js'

/** The queue of the host that is there for strangers. */
export const strangersQueue = 'strangers'

const note = 'recorded'

/** What peers of each pattern do while they are recorded. */
const sessions: Readonly<Record<PatternName, (connect: string) => Promise<Closable[]>>> = {
  async rpc(connect) {
    const client = await createRpcClient(Keep, { connect })
    await client.promises.echo({ id: 1, text: note })
    await client.promises.large({ bytes: 100 })
    await client.promises.total([{ id: 1 }, { id: 2 }])
    for await (const _ of client.relay([{ id: 3 }]));
    return [client]
  },

  async peer(connect) {
    const peer = await createPeer({ name: `recorded ${recordings.size}`, connect })
    for (let id = 0; id < 4; id++) await peer.send(keepName, Job, { id, note: note.repeat(id) })
    return [peer]
  },

  async directory(connect) {
    const directory = await createDirectory({ connect })
    const { status, whenClosed } = directory
    const announced = { status, whenClosed, endpoints: ['tcp://127.0.0.1:7'] }
    await directory.announce(strangersQueue, announced, { metadata: { note } })
    return [directory]
  },

  // its peers send nothing but their handshake
  push: async () => [],

  // nothing recorded is sent to byte streams
  lines: async () => [],
  tls: async () => [],
  typed: async () => [],

  async pull(connect) {
    const push = await createPush({ schema: Job, connect })
    for (let id = 0; id < 4; id++) await push.send({ id, note: note.repeat(id) })
    return [push]
  },

  async queue(connect) {
    const options = { connect, queue: strangersQueue, schema: Job }
    const producer = await createProducer(options)
    await producer.sendAll([{ id: 1 }, { id: 2 }])
    await producer.send({ id: 3, note }, { id: 'three', key: note })
    const consumer = await createConsumer(options)
    for await (const delivery of consumer.deliveries) {
      await delivery.ack()
      break
    }
    return [producer, consumer]
  },

  async publisher(connect) {
    const subscriber = await createSubscriber({ connect })
    subscriber.topic('strangers.#', Job).subscribe()
    await subscriber.ready
    return [subscriber]
  },

  async subscriber(connect) {
    const publisher = await createPublisher({ connect })
    const isSubscribed = new Promise<void>((resolve) => {
      publisher.subscriptions.subscribe(({ prefix }) => prefix === 'a' && resolve())
    })
    await isSubscribed
    const topic = publisher.topic('a.recorded', Job)
    for (let id = 0; id < 4; id++) await topic.send({ id, note: note.repeat(id) })
    return [publisher]
  },
}

const recordings = new Map<string, Promise<SentPart[][]>>()

/** What peers of a pattern at a TCP endpoint have sent, by connection; recorded once. */
export function recordingOf(pattern: PatternName, endpoint: string): Promise<SentPart[][]> {
  const known = recordings.get(endpoint) ?? record(pattern, endpoint)
  recordings.set(endpoint, known)
  return known
}

async function record(pattern: PatternName, endpoint: string): Promise<SentPart[][]> {
  const scope = new OwnScope()
  const proxy = await RecordingProxy.open(scope, endpoint)
  const peers = await sessions[pattern](proxy.endpoint)
  for (const peer of peers) await peer.close()
  await proxy.whenLeft()
  await scope.end()
  return proxy.sent.map((chunks) => sentParts(Buffer.concat(chunks))).filter((parts) => parts.length > 0)
}
