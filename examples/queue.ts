/**
 * Work spread over workers: one producer deals out numbers, two workers say which of them are prime.
 *
 * Run it: `npx tsx examples/queue.ts`. The workers are usually processes of their own; nothing but the endpoint differs.
 */
import { defineSchema } from 'rivulet/avro'
import { createPull, createPush } from 'rivulet/queue'
import { lastValueFrom, merge, take, toArray } from 'rxjs'

const Candidate = defineSchema({ type: 'record', name: 'Candidate', fields: [{ name: 'number', type: 'int' }] })

await using push = await createPush({ schema: Candidate, bind: 'tcp://127.0.0.1:*', maxBatchMessages: 8 })
await using first = await createPull({ schema: Candidate, connect: push.endpoint })
await using second = await createPull({ schema: Candidate, connect: push.endpoint })
await Promise.all([first.whenConnected(), second.whenConnected()])

const total = 1000
const answers = merge(
  // each worker takes a number only when it has room for it: up to four at once
  ...[first, second].map((pull, worker) =>
    pull.messages.process(async ({ number }) => ({ worker, number, prime: isPrime(number) }), { concurrency: 4 }),
  ),
)
const all = lastValueFrom(answers.pipe(take(total), toArray()))
await push.sendAll(Array.from({ length: total }, (_, number) => ({ number }))) // waits while nobody has room

const primes = (await all).filter(({ prime }) => prime)
console.log(`${primes.length} of the numbers below ${total} are prime`)
const [mine, theirs] = [0, 1].map((worker) => primes.filter((prime) => prime.worker === worker).length)
console.log(`${mine} found by the first worker, ${theirs} by the second`)

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return number >= 2
}
