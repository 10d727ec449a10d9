/** Attacks by silence: peers that ask for much, and read nothing of it. */
import { createSubscriber } from '../../../patterns/pubsub/index.js'
import { createConsumer, createProducer, createPull } from '../../../patterns/queue/index.js'
import { createRpcClient } from '../../../patterns/rpc/index.js'
import { Job } from '../../support/job.js'
import { RecordingProxy } from '../../support/recording-proxy.js'
import type { Attack, AttackContext } from '../attack.js'
import { Keep } from '../keep.js'
import { strangersQueue } from '../recording.js'
import { connecting } from './callers.js'

/** Peers that ask at the same time. */
const readers = 3

/** How a peer connects to a proxy of the victim. */
const through = ({ endpoint }: RecordingProxy, context: AttackContext) => ({
  ...connecting(context),
  connect: endpoint,
})

/** What is asked for in one round; it resolves when all was asked for. */
const asks: Readonly<
  Record<'rpc' | 'push' | 'queue' | 'publisher', (context: AttackContext, proxy: RecordingProxy) => Promise<void>>
> = {
  async rpc(context, proxy) {
    const { scope, scale, did } = context
    const client = await createRpcClient(Keep, through(proxy, context))
    scope.teardown(() => client.close({ drain: false }))
    await client.promises.echo({ id: 1 })
    proxy.stopReading()
    for (let count = 0; count < 30 * scale; count++) {
      client.items({ bytes: 10_000 }).subscribe({ error: () => {} })
      client.large({ bytes: 100_000 }).subscribe({ error: () => {} })
    }
    did({ messages: 60 * scale })
  },

  async push(context, proxy) {
    const { scope } = context
    const pull = await createPull({ ...through(proxy, context), schema: Job })
    scope.teardown(() => pull.close({ drain: false }))
    pull.messages.subscribe()
    await pull.whenConnected()
    proxy.stopReading()
  },

  async queue(context, proxy) {
    const { scope, scale, did } = context
    const options = { ...through(proxy, context), queue: strangersQueue, schema: Job }
    const producer = await createProducer(options)
    const consumer = await createConsumer({ ...options, prefetch: 65_536 })
    scope.teardown(() => Promise.all([producer.close({ drain: false }), consumer.close({ drain: false })]))
    await producer.sendAll(Array.from({ length: 200 * scale }, (_, id) => ({ id, note: 'x'.repeat(1000) })))
    consumer.deliveries.subscribe()
    proxy.stopReading()
    for (let id = 0; id < 200 * scale; id++) producer.send({ id, note: 'x'.repeat(1000) }).catch(() => {})
    did({ messages: 400 * scale })
  },

  async publisher(context, proxy) {
    const { scope } = context
    const subscriber = await createSubscriber(through(proxy, context))
    scope.teardown(() => subscriber.close({ drain: false }))
    subscriber.topic('#', Job).subscribe()
    await subscriber.ready
    proxy.stopReading()
  },
}

const neverRead: Attack = {
  name: 'never-read',
  patterns: ['rpc', 'push', 'queue', 'publisher'],
  counted: [],
  secured: 'too',
  async run(context) {
    const { scope, target, did } = context
    const ask = asks[target.pattern as keyof typeof asks]
    const asking = Array.from({ length: readers }, async () => {
      did({ connections: 1 })
      await ask(context, await RecordingProxy.open(scope, target.recorded))
    })
    await Promise.all(asking)
  },
}

/** The attacks. */
export const readerAttacks: readonly Attack[] = [neverRead]
