/**
 * Pictures are drawn by a pool of worker processes, one of which is killed in the middle of its work: none is missing at the end.
 *
 * Run it: `npx tsx examples/images/main.ts`. The queue is on disk; the workers know nothing but its endpoint.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProducer, createQueueHost } from 'rivulet/queue'
import { filter, firstValueFrom } from 'rxjs'
import { Picture } from './picture.js'

const program = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'images-'))
using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
const drawn = join(folder, 'drawn')
mkdirSync(drawn)

const images = { leaseMs: 3000, maxAttempts: Number.POSITIVE_INFINITY } // how long pictures of a dead worker wait
await using host = await createQueueHost({ path: join(folder, 'queue'), bind: 'tcp://127.0.0.1:*', queues: { images } })
await using producer = await createProducer({ connect: host.endpoint, queue: 'images', schema: Picture })
const queue = host.queue('images')

const workers: ChildProcess[] = []
using _workers = { [Symbol.dispose]: () => workers.map((worker) => worker.kill('SIGKILL')) }
async function startWorker(): Promise<ChildProcess> {
  const worker = fork(program, [host.endpoint, drawn])
  workers.push(worker)
  await once(worker, 'message') // it is ready
  return worker
}
const [victim, other] = await Promise.all([startWorker(), startWorker()])
const begun = once(victim, 'message') // it has begun to draw

const count = 12
const pictures = Array.from({ length: count }, (_, index) => ({ name: `picture-${index + 1}`, zoom: index + 1 }))
await Promise.all(pictures.map((picture) => producer.send(picture, { id: picture.name }))) // on disk
console.log(`${count} pictures are ordered`)

await begun
victim.kill('SIGKILL')
const [, signal] = await once(victim, 'exit')
console.log(`a worker has ended with ${signal}`)
const next = await startWorker()

const { delivered } = await firstValueFrom(queue.changes.pipe(filter(({ acked }) => acked === count)))
console.log(
  `${readdirSync(drawn).filter((file) => file.endsWith('.pgm')).length} pictures are drawn, and ${delivered > count ? 'some' : 'none'} were begun twice`,
)

const ended = [other, next].map((worker) => once(worker, 'exit'))
for (const worker of [other, next]) worker.kill('SIGTERM')
console.log(`the workers have ended with ${(await Promise.all(ended)).map(([code]) => code)}`)
