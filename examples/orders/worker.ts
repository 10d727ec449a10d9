/**
 * A worker: takes orders from the queue, one at a time, and brings each to its last state.
 *
 * It may be killed at any time. Its order is then given to another worker, which continues at the state that the database
 * has.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { closeAll } from 'rivulet'
import { isDeclaredError } from 'rivulet/avro'
import { createPublisher } from 'rivulet/pubsub'
import { createConsumer, type Delivery } from 'rivulet/queue'
import { createRpcClient } from 'rivulet/rpc'
import { announce, ending, joinDirectory, keyring, leave, printErrors, ready, role } from './child.js'
import { Job, Orders, Progress, states } from './schemas.js'
import { stepMs } from './settings.js'

const { keyPair } = keyring
const directory = await joinDirectory()
const orders = await createRpcClient(Orders, { connect: directory.endpoints('orders'), security: { keyPair } })
const publisher = await createPublisher({
  bind: 'tcp://127.0.0.1:*',
  security: { keyPair, allow: keyring.allow('web') },
})
const consumer = await createConsumer({
  connect: directory.endpoints('queue'),
  queue: 'fulfilment',
  schema: Job,
  prefetch: 1,
  name: role,
  security: { keyPair },
})
printErrors(orders, publisher, consumer, directory)
await announce(directory, 'topics', publisher)
const work = consumer.process(fulfil).subscribe()
ready()
await ending
await consumer.close({ timeoutMs: 1000 }) // an order that is not complete by then goes back to the queue
work.unsubscribe()
await closeAll([orders, publisher, directory])
leave()

/** Resolves when the order is complete; the message is acknowledged then. If it rejects, it is delivered again. */
async function fulfil({ orderId: id }: Job, delivery: Delivery<Job>): Promise<void> {
  const { signal } = delivery // aborts when the message is another worker's
  const progress = publisher.topic(Progress, { id })
  try {
    const order = await orders.promises.get({ id }, { signal })
    for (const state of states.slice(states.indexOf(order.state) + 1)) {
      for (let percent = 0; percent < 100; percent += 10) {
        progress.next({ id, state, percent, worker: role })
        await delay(stepMs / 10, undefined, { signal }) // in life, the work
      }
      await orders.promises.advance({ id, state, worker: role }, { signal })
    }
  } catch (error) {
    if (!isDeclaredError(Orders, 'get', error, 'UnknownOrder')) throw error
    await delivery.reject('the database does not have this order') // a dead letter, at once
  }
}
