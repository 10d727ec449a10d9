/**
 * Worker threads: resources work in them, and a thread that ends with open resources takes nothing else with it.
 *
 * zeromq.js aborts the process where a thread ends with a pending operation; each case is a process of its own.
 */
import t from 'tap'
import { complaint, loader, moduleUrl, runModule } from '../child-process.js'

const url = (path: string) => JSON.stringify(moduleUrl(path))

/** A thread that opens resources of every pattern, uses them, says so, and ends as it is told. */
const thread = `
import { parentPort, workerData } from 'node:worker_threads'
const queue = await import(${url('patterns/queue/index.ts')})
const pubsub = await import(${url('patterns/pubsub/index.ts')})
const rpc = await import(${url('patterns/rpc/index.ts')})
const { defineSchema, defineService } = await import(${url('src/avro/index.ts')})
const schema = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'id', type: 'int' }] })
const Echo = defineService({
  protocol: 'Echo',
  messages: { say: { request: [{ name: 'id', type: 'int' }], response: 'int' } },
})
const bind = 'tcp://127.0.0.1:*'
const first = (stream) => new Promise((resolve) => stream.subscribe(resolve))

const push = await queue.createPush({ schema, bind })
const pull = await queue.createPull({ schema, connect: push.endpoint })
const pulled = first(pull.messages)
await push.send({ id: 1 })
await pulled

const publisher = await pubsub.createPublisher({ bind })
const subscriber = await pubsub.createSubscriber({ connect: publisher.endpoint })
const heard = first(subscriber.topic('a', schema))
await subscriber.whenConnected()
await subscriber.ready
publisher.topic('a', schema).next({ id: 2 })
await heard

const server = await rpc.createRpcServer({ bind, services: [rpc.implement(Echo, { say: ({ id }) => id })] })
const client = await rpc.createRpcClient(Echo, { connect: server.endpoint })
for (let id = 0; id < 100; id++) if ((await client.promises.say({ id })) !== id) throw new Error('a wrong answer')

const host = await queue.createQueueHost({ bind, store: 'memory', autoCreate: true })
const producer = await queue.createProducer({ connect: host.endpoint, queue: 'jobs', schema })
const consumer = await queue.createConsumer({ connect: host.endpoint, queue: 'jobs', schema })
const delivered = first(consumer.deliveries)
await producer.send({ id: 3 })
await (await delivered).ack()

// a frame that finds no room waits
const full = await queue.createPush({ schema, bind })
for (let id = 0; id < 100; id++) full.next({ id })

if (workerData === 'terminate') {
  // stopped where no monitor is being made: in that call of zeromq.js nothing helps (docs/contributing/decisions/sockets.md)
  await new Promise((resolve) => setTimeout(resolve, 100))
  parentPort.postMessage('works')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
parentPort.postMessage('works')
if (workerData === 'exit') setTimeout(() => process.exit(3), 10)
if (workerData === 'throw') setTimeout(() => { throw new Error('uncaught') }, 10)
if (workerData === 'close') {
  await Promise.all([push, pull, publisher, subscriber, server, client, consumer, producer].map((one) => one.close()))
  await Promise.all([host.close(), full.close({ drain: false })])
}
`

const main = (how: string) => `
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
const worker = new Worker(${JSON.stringify(thread)}, { eval: true, workerData: ${JSON.stringify(how)} })
let uncaught
worker.on('error', (error) => { uncaught = error.message })
const exited = once(worker, 'exit').catch(() => [1])
await once(worker, 'message')
if (${how === 'terminate'}) await worker.terminate()
const [code] = await exited
// the process lives, and so do its own sockets
const { createPush, createPull } = await import(${url('patterns/queue/index.ts')})
const { defineSchema } = await import(${url('src/avro/index.ts')})
const schema = defineSchema({ type: 'int' })
const push = await createPush({ schema, bind: 'tcp://127.0.0.1:*' })
const pull = await createPull({ schema, connect: push.endpoint })
const pulled = new Promise((resolve) => pull.messages.subscribe(resolve))
await push.send(5)
console.log('thread ended with', code, uncaught ?? 'no error', 'and then came', await pulled)
await Promise.all([push.close(), pull.close()])
`

const cases = {
  terminate: 'thread ended with 1 no error and then came 5',
  exit: 'thread ended with 3 no error and then came 5',
  throw: 'thread ended with 1 uncaught and then came 5',
  close: 'thread ended with 0 no error and then came 5',
}

for (const [how, said] of Object.entries(cases)) {
  t.test(`a thread with open resources that ends: ${how}`, async (t) => {
    const ended = await runModule(main(how), process.cwd(), ...loader)
    t.equal(complaint(ended), undefined)
    t.equal(ended.stdout.trim(), said)
  })
}
