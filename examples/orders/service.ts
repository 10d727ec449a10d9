/**
 * The service: the only process that has the database. It answers calls, enters each new order into the queue, and
 * publishes each order that changes.
 */
import { join } from 'node:path'
import { closeAll } from 'rivulet'
import { createPublisher } from 'rivulet/pubsub'
import { createProducer } from 'rivulet/queue'
import { createRpcServer, implement } from 'rivulet/rpc'
import { concatMap, retry, Subject, startWith } from 'rxjs'
import { announce, ending, joinDirectory, keyring, leave, printErrors, ready } from './child.js'
import { openDatabase } from './database.js'
import { Changes, Job, type Order, Orders } from './schemas.js'
import { dataFolder } from './settings.js'

const { keyPair } = keyring
const database = openDatabase(join(dataFolder, 'orders.sqlite'))
const directory = await joinDirectory()
const producer = await createProducer({
  connect: directory.endpoints('queue'),
  queue: 'fulfilment',
  schema: Job,
  security: { keyPair },
})
const publisher = await createPublisher({
  bind: 'tcp://127.0.0.1:*',
  security: { keyPair, allow: keyring.allow('web') },
})

/** Enters what is in the outbox into the queue; the queue knows an order by its id, and takes it once. */
async function emptyOutbox(): Promise<void> {
  for (let next = database.firstOfOutbox(); next !== undefined; next = database.firstOfOutbox()) {
    await producer.send({ orderId: next.orderId }, { id: next.orderId })
    database.removeFromOutbox(next.id)
  }
}

const placed = new Subject<void>()
// also at the start: a former process may have been killed before it had sent everything
const relay = placed.pipe(startWith(undefined), concatMap(emptyOutbox), retry({ delay: 1000 })).subscribe()

function publish(order: Order): Order {
  publisher.topic(Changes, { id: order.id }).next(order)
  return order
}

const server = await createRpcServer({
  bind: 'tcp://127.0.0.1:*',
  services: [
    implement(Orders, {
      place({ id, product, quantity }) {
        const order = database.place(id, product, quantity)
        placed.next()
        return publish(order)
      },
      list: () => database.list(),
      get({ id }) {
        const order = database.find(id)
        if (order === undefined) throw Orders.error('get', 'UnknownOrder', { id })
        return order
      },
      advance({ id, state, worker }) {
        const order = database.advance(id, state, worker)
        if (order === undefined) throw Orders.error('advance', 'UnknownOrder', { id })
        return publish(order)
      },
    }),
  ],
  security: {
    keyPair,
    allow: keyring.allow('web', 'worker-1', 'worker-2'),
    policy: [
      { identity: 'web', action: 'call', target: 'shop.Orders.place' },
      { identity: 'web', action: 'call', target: 'shop.Orders.list' },
      ...['worker-1', 'worker-2'].flatMap((identity) => [
        { identity, action: 'call' as const, target: 'shop.Orders.get' },
        { identity, action: 'call' as const, target: 'shop.Orders.advance' },
      ]),
    ],
  },
})

printErrors(server, publisher, producer, directory)
await announce(directory, 'topics', publisher)
await announce(directory, 'orders', server)
ready()
await ending
await server.close({ timeoutMs: 1000 })
relay.unsubscribe()
await closeAll([publisher, producer, directory])
database.close()
leave()
