/**
 * Clients of each pattern in a process of their own, which is killed: each is in the middle of something.
 *
 * Its argument is JSON: the endpoints of those that it uses.
 */
import { createDirectory } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull } from '../../patterns/queue/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { Job } from '../support/job.js'
import { Plant } from '../support/plant.js'

/** Where the process finds what it uses. */
export interface LostClientEndpoints {
  readonly directory: string
  readonly queue: string
  readonly idle: string
  readonly streaming: string
  readonly peer: string
  readonly publisher: string
}

const endpoints = JSON.parse(process.argv[2] as string) as LostClientEndpoints

const directory = await createDirectory({ connect: endpoints.directory })
await directory.announce('jobs', await createPull({ bind: 'tcp://127.0.0.1:*', schema: Job }))
directory.endpoints('others').subscribe()

const producer = await createProducer({ connect: endpoints.queue, queue: 'jobs', schema: Job })
await producer.send({ id: 1 })
const consumer = await createConsumer({ connect: endpoints.queue, queue: 'jobs', schema: Job })
// it never settles what it has
const held = new Promise<void>((resolve) => consumer.process(() => new Promise(() => resolve())).subscribe())

const idle = await createRpcClient(Plant, { connect: endpoints.idle })
await idle.promises.quick({ id: 1 })

const streaming = await createRpcClient(Plant, { connect: endpoints.streaming })
// nobody takes the items, so that the stream has no credit left
const items = streaming.items({ count: 1_000_000, padding: 1000 })
await items[Symbol.asyncIterator]().next()

const peer = await createPeer({ name: 'lost', connect: endpoints.peer })
await peer.send('survivor', Job, { id: 1 })

const bound = await createPeer({ name: 'bound', bind: 'tcp://127.0.0.1:*' })
bound.messages(Job).subscribe()

const subscriber = await createSubscriber({ connect: endpoints.publisher })
// a handler that never ends holds up its stream, and so the replay
const replayed = new Promise<void>((resolve) => {
  subscriber
    .topic('kept', Job, { since: 'all' })
    .process(() => new Promise(() => resolve()))
    .subscribe()
})

await Promise.all([held, replayed])
process.send?.(bound.endpoint)
