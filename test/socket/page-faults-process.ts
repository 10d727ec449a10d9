/**
 * Receives frames over TCP, frees many at once, and counts the page faults for each (the median of the rounds); run with `--expose-gc`.
 *
 * Its arguments are the size of a frame, and how many come between two collections.
 */
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'

/** Rounds that are not counted: the heap grows, and code is compiled. */
const warmUps = 10
const rounds = 20

const [bytes = 0, frames = 0] = process.argv.slice(2).map(Number)
const schema = defineSchema('bytes')
const value = Buffer.alloc(bytes)

const pull = await createPull({ schema, bind: 'tcp://127.0.0.1:*' })
const push = await createPush({ schema, connect: pull.endpoint })
let received = 0
let whenAll: (() => void) | undefined
pull.messages.subscribe(() => {
  received += 1
  if (received === frames) whenAll?.()
})

async function round(): Promise<void> {
  received = 0
  const all = new Promise<void>((resolve) => {
    whenAll = resolve
  })
  for (let sent = 0; sent < frames; sent++) await push.send(value)
  await all
  ;(globalThis as { gc?: () => void }).gc?.()
  // finalizers of the buffers run in a later turn
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

for (let done = 0; done < warmUps; done++) await round()
const faults: number[] = []
for (let done = 0; done < rounds; done++) {
  const before = process.resourceUsage().minorPageFault
  await round()
  faults.push(process.resourceUsage().minorPageFault - before)
}
const [median = Number.NaN] = faults.sort((a, b) => a - b).slice(rounds / 2)
console.log(JSON.stringify({ faultsPerFrame: median / frames }))
await push.close()
await pull.close()
