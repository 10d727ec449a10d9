/**
 * A worker process: the consumer in the main thread, where leases are extended, and a thread for each picture in work.
 *
 * Arguments: the endpoint of the queue, and the folder of the pictures.
 */
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createConsumer } from 'rivulet/queue'
import { drawing } from './drawing.js'
import { Picture } from './picture.js'

const [connect = '', folder = ''] = process.argv.slice(2)
const startThread = () => new Worker(drawing, { eval: true })
const threads = 2 // as many as cores: availableParallelism() of node:os
const idle = Array.from({ length: threads }, startThread)

/** Draws in a thread; the name of the file follows from the order, so that drawing twice is harmless. */
async function draw({ name, zoom }: Picture): Promise<string> {
  process.send?.(name)
  const thread = idle.pop() ?? startThread()
  thread.postMessage(zoom)
  const [bytes] = await once(thread, 'message') // rejects if the thread fails: the order is delivered again
  idle.push(thread)
  const file = join(folder, `${name}.pgm`)
  const part = `${file}.${process.pid}`
  writeFileSync(part, bytes)
  renameSync(part, file) // whole or not at all
  return name
}

const consumer = await createConsumer({ connect, queue: 'images', schema: Picture, prefetch: threads })
consumer.errors.subscribe(({ code, message }) => console.error(code, message))
consumer.process(draw, { concurrency: threads }).subscribe()

process.once('SIGTERM', async () => {
  await consumer.close() // waits for the pictures in work
  await Promise.all(idle.map((thread) => thread.terminate()))
  if (process.connected) process.disconnect()
})
process.send?.('ready')
