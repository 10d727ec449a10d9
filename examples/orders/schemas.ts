/** The contracts between the processes: the service, the jobs of the queue, and the topics. */
import { defineSchema, defineService, enumeration, type Infer, record, timestamp } from 'rivulet/avro'
import { defineTopic } from 'rivulet/pubsub'

/** The states of an order, in the order in which it passes through them; it never goes back. */
export const states = ['placed', 'paid', 'packed', 'shipped'] as const

/** The products that can be ordered. */
export const products = ['Notebook', 'Fountain pen', 'Ink'] as const

const state = enumeration('State', states)
const order = record('Order', {
  id: 'string',
  product: 'string',
  quantity: 'int',
  state,
  worker: 'string', // who brought it into its state; empty at first
  placedAt: timestamp(),
})
export const Order = defineSchema(order)
export type Order = Infer<typeof Order>
export type State = Order['state']

/**
 * The service. Every method may be called twice with the effect of one call: `place` knows an order by the id that its
 * caller has chosen, and `advance` moves an order forward only. So a call whose server was killed is sent again.
 */
export const Orders = defineService({
  protocol: 'Orders',
  namespace: 'shop',
  types: [order, { type: 'error', name: 'UnknownOrder', fields: [{ name: 'id', type: 'string' }] }],
  messages: {
    place: {
      request: [
        { name: 'id', type: 'string' },
        { name: 'product', type: 'string' },
        { name: 'quantity', type: 'int' },
      ],
      response: 'Order',
      'x-idempotent': true,
    },
    /** The latest orders, the newest first. */
    list: { request: [], response: { type: 'array', items: 'Order' }, 'x-idempotent': true },
    get: {
      request: [{ name: 'id', type: 'string' }],
      response: 'Order',
      errors: ['UnknownOrder'],
      'x-idempotent': true,
    },
    advance: {
      request: [
        { name: 'id', type: 'string' },
        { name: 'state', type: 'State' },
        { name: 'worker', type: 'string' },
      ],
      response: 'Order',
      errors: ['UnknownOrder'],
      'x-idempotent': true,
    },
  },
})

/** A job of the durable queue `fulfilment`: bring this order to its last state. */
export const Job = defineSchema(record('Job', { orderId: 'string' }))
export type Job = Infer<typeof Job>

/** An order that has changed; the service publishes it when the database has it. */
export const Changes = defineTopic('orders.{id}', Order)

/** How far a worker is with bringing an order into a state; it is stored nowhere. */
export const Progress = defineTopic(
  'progress.{id}',
  defineSchema(record('Progress', { id: 'string', state, percent: 'int', worker: 'string' })),
)
