/**
 * A service in Python joins in: texts leave over one queue, and the counts of their letters come back over another.
 *
 * Run it in the checkout, with Debian's `python3-zmq` and `python3-avro`: `npx tsx examples/python/main.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { defineSchema, record } from 'rivulet/avro'
import { createPull, createPush } from 'rivulet/queue'
import { lastValueFrom, take, toArray } from 'rxjs'

const Text = defineSchema(record('Text', { id: 'int', text: 'string' }))
const Counts = defineSchema({
  type: 'record',
  name: 'Counts',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'letters', type: { type: 'map', values: 'int' } },
  ],
})

await using texts = await createPush({ schema: Text, bind: 'tcp://127.0.0.1:*', maxBatchMessages: 1 })
await using counts = await createPull({ schema: Counts, bind: 'tcp://127.0.0.1:*' })

const args = ['-B', 'examples/python/service.py', texts.endpoint, counts.endpoint]
const service = spawn('/usr/bin/python3', args, { stdio: 'inherit' })
using _ = { [Symbol.dispose]: () => service.kill() }
const ended = once(service, 'exit')
const failed = ended.then(([code]) => Promise.reject(new Error(`the service has ended with ${code}`)))
await Promise.race([Promise.all([texts.whenConnected(), counts.whenConnected()]), failed])

const two = lastValueFrom(counts.messages.pipe(take(2), toArray()))
await texts.sendAll([
  { id: 1, text: 'banana' },
  { id: 2, text: 'hello' },
])
for (const { id, letters } of await Promise.race([two, failed])) console.log(id, letters)

failed.catch(() => {}) // from here on it may end
await texts.send({ id: 0, text: '' })
console.log(`the service has ended with ${(await ended)[0]}`)
