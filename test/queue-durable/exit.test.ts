/** What keeps a process alive: a host that is open, on sockets or not, and nothing that is closed. */
import t from 'tap'
import { root } from '../../tools/build.js'
import { complaint, loader, moduleUrl, runModule } from '../child-process.js'

const program = (body: string) => `
import { closeAll } from '${moduleUrl('src/index.ts')}'
import { createConsumer, createProducer, createQueueHost } from '${moduleUrl('patterns/queue/index.ts')}'
import { defineSchema } from '${moduleUrl('src/avro/index.ts')}'
const Job = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'id', type: 'int' }] })
const open = { store: 'memory', queues: { jobs: { backoff: { initialMs: 20 } } } }
${body}`

const use = (where: string) => `
const producer = await createProducer({ ${where}, queue: 'jobs', schema: Job })
const consumer = await createConsumer({ ${where}, queue: 'jobs', schema: Job })
await producer.send({ id: 1 })
await new Promise((resolve) => consumer.deliveries.subscribe(async (delivery) => {
  if (delivery.attempt === 1) await delivery.nack()
  else resolve(await delivery.ack())
}))
console.log('done')`

for (const [name, host, where] of [
  ['in process', 'const host = await createQueueHost(open)', 'host'],
  ['over tcp', "const host = await createQueueHost({ ...open, bind: 'tcp://127.0.0.1:*' })", 'connect: host.endpoint'],
] as const) {
  t.test(`a host keeps the process alive while it is open, and no longer (${name})`, async (t) => {
    const closing = 'await consumer.close(); await producer.close(); await host.close()'
    const closed = await runModule(program(`${host}\n${use(where)}\n${closing}`), root, ...loader)
    t.equal(complaint(closed), undefined)
    t.equal(closed.stdout, 'done\n')
    const together = 'await closeAll([host, producer, consumer])'
    for (const last of ['', 'producer.next({ id: 2 })']) {
      const all = await runModule(program(`${host}\n${use(where)}\n${last}\n${together}`), root, ...loader)
      t.equal(complaint(all), undefined, 'closed together')
      t.equal(all.stdout, 'done\n')
    }
    const left = 'for (const resource of [consumer, producer, host]) resource.unref()'
    const unref = await runModule(program(`${host}\n${use(where)}\n${left}`), root, ...loader)
    t.equal(complaint(unref), undefined)
    t.equal(unref.stdout, 'done\n')
  })
}
