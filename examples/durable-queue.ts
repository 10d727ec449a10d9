/**
 * Invoices that are written exactly as often as they are ordered: a queue on disk, retries, and what can never be done.
 *
 * Run it: `npx tsx examples/durable-queue.ts`. Host, shop and clerks are usually processes of their own; then the shop and
 * the clerks `connect` to the endpoint of the host, and nothing else differs.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineSchema } from 'rivulet/avro'
import { createConsumer, createProducer, createQueueHost } from 'rivulet/queue'
import { filter, firstValueFrom } from 'rxjs'

const Order = defineSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'number', type: 'int' },
    { name: 'customer', type: 'string' },
  ],
})

const path = mkdtempSync(join(tmpdir(), 'invoices-'))
const queues = { orders: { maxAttempts: 3, backoff: { initialMs: 10 } } }

// the shop takes orders while nobody writes invoices, and closes
let host = await createQueueHost({ path, bind: 'tcp://127.0.0.1:*', queues })
const shop = await createProducer({ connect: host.endpoint, queue: 'orders', schema: Order })
for (const [number, customer] of ['Ada', 'Grace', 'nobody', 'Edsger'].entries()) {
  await shop.send({ number, customer }, { id: `order-${number}` }) // on disk from here on
}
const { duplicate } = await shop.send({ number: 1, customer: 'Grace' }, { id: 'order-1' }) // pressed twice
console.log(`the second order-1 is ${duplicate ? 'known already' : 'new'}`)
await shop.close()
await host.close()

// the next day
host = await createQueueHost({ path, bind: 'tcp://127.0.0.1:*', queues })
console.log(`${host.queue('orders').stats().depth} orders wait`)
const clerk = await createConsumer({ connect: host.endpoint, queue: 'orders', schema: Order })
clerk.errors.subscribe(({ cause }) => console.log(`failed: ${(cause as Error).message}`))

const written: string[] = []
const working = clerk
  .process(
    async ({ number, customer }, delivery) => {
      if (customer === 'nobody') {
        await delivery.reject('the order has no customer') // trying again would not help
        return `order ${number} is put aside`
      }
      if (customer === 'Grace' && delivery.attempt === 1) throw new Error('the printer is out of paper')
      return `invoice ${number} for ${customer}, attempt ${delivery.attempt}`
    },
    { concurrency: 2 },
  )
  .subscribe((line) => written.push(line))

await firstValueFrom(host.queue('orders').changes.pipe(filter(({ depth }) => depth === 0)))
working.unsubscribe()
for (const line of written.sort()) console.log(line)

const [dead] = await host.queue('orders.dead').peek(1, { schema: Order })
console.log(`set aside: order ${dead?.value?.number}, since ${dead?.history[0]?.reason}`)

await clerk.close()
await host.close()
rmSync(path, { recursive: true })
