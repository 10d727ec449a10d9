/**
 * `npm run soak -- open-close [--rounds N] [--json]`: opens, uses and closes every kind of resource, over every transport.
 *
 * Held: no file descriptor stays open, memory does not grow with the rounds, the runtime is empty, and the process ends
 * by itself.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { firstValueFrom } from 'rxjs'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'

const Text = defineSchema('string')

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1000' }, json: { type: 'boolean' } } })
const rounds = Number(values.rounds)
const folder = mkdtempSync(join(tmpdir(), 'rivulet-soak-'))
const runtime = createRuntime()

/** Rounds after which everything that is made once has been made. */
const warmUp = Math.min(50, Math.ceil(rounds / 10))
/** What the heap may grow by over all later rounds, in MB: less than a kilobyte a resource would show. */
const growthLimitMb = 8
/** How long descriptors may take to go, in milliseconds. */
const settleMs = 1000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

for (let round = 0; round < warmUp; round++) await once(round)
const before = await measure(0)
for (let round = 0; round < rounds; round++) {
  await once(round)
  if (!values.json && process.stdout.isTTY && round % 50 === 0) process.stdout.write(`\rround ${round} of ${rounds}`)
}
const after = await measure(before.descriptors)
const open = runtime.size
await runtime.close()
rmSync(folder, { recursive: true })

const faults = []
if (open > 0) faults.push(`${open} resources are still open`)
if (after.descriptors > before.descriptors)
  faults.push(`${after.descriptors - before.descriptors} file descriptors leaked`)
if (after.heapMb - before.heapMb > growthLimitMb) faults.push('the heap grows')
const resources = rounds * 4
if (values.json) console.log(JSON.stringify({ rounds, resources, before, after, faults }))
else {
  const state = ({ descriptors, heapMb, rssMb }: typeof before) =>
    `${descriptors} descriptors, heap ${heapMb.toFixed(1)} MB, resident ${rssMb.toFixed(0)} MB`
  console.log(`\r${rounds} rounds, ${resources} resources | before: ${state(before)} | after: ${state(after)}`)
  console.log(faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok')
}
// no process.exit: that the process ends is part of what is held
if (faults.length > 0) process.exitCode = 1

/** One queue and one topic, each with a message through it. */
async function once(round: number): Promise<void> {
  const bind = [`tcp://127.0.0.1:*`, `ipc://${folder}/${round}`, `inproc://${round}`][round % 3] as string
  await Promise.all([queue(bind, runtime), topic(`${bind}${round % 3 === 0 ? '' : '-topic'}`, runtime)])
}

async function queue(bind: string, runtime: Runtime): Promise<void> {
  await using push = await createPush({ schema: Text, bind, runtime })
  await using pull = await createPull({ schema: Text, connect: push.endpoint, runtime })
  await push.send('hello')
  await firstValueFrom(pull.messages)
}

async function topic(bind: string, runtime: Runtime): Promise<void> {
  await using publisher = await createPublisher({ bind, runtime })
  await using subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const first = firstValueFrom(subscriber.topic('a.*', Text))
  await subscriber.ready
  publisher.topic('a.b', Text).next('hello')
  await first
}

/** The library closes in a thread of its own: descriptors are counted when no more of them go, or enough have gone. */
async function measure(enough: number) {
  const end = performance.now() + settleMs
  let descriptors = countDescriptors()
  while (descriptors > enough && performance.now() < end) {
    await new Promise(setImmediate)
    descriptors = countDescriptors()
  }
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  return { descriptors, heapMb: heapUsed / 1048576, rssMb: rss / 1048576 }
}

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}
