/**
 * A process of the demonstration: takes files from the queue, hashes them, and reports what became of each.
 *
 * Arguments: its number, the endpoint of the queue, the directory. Its report is safe before its work is acknowledged: if
 * it is killed in between, the files are hashed once more by another, and none is forgotten. It does not know when there
 * is nothing more to do; it works until the process that started it lets it go.
 */
import { join } from 'node:path'
import { createConsumer, createProducer, type Delivery } from 'rivulet/queue'
import { firstValueFrom } from 'rxjs'
import { codeOf, hashFile } from './hash.js'
import { parentGone } from './lifeline.js'
import { Batch, type File, type Outcome, Report } from './schemas.js'
import { batchesAtOnce, filesQueue, prefetch, reportsQueue } from './work-queue.js'

const [number = '', connect = '', directory = ''] = process.argv.slice(2)
const gone = parentGone()
const reports = await createProducer({ connect, queue: reportsQueue, schema: Report })
const batches = await createConsumer({ connect, queue: filesQueue, schema: Batch, prefetch })
let inWork = 0

const complaints = [reports, batches].map(({ errors }) => errors.subscribe(({ message }) => console.error(message)))
const work = batches.process(take, { concurrency: batchesAtOnce }).subscribe()
await firstValueFrom(gone)
for (const each of [...complaints, work]) each.unsubscribe() // nobody waits for what is still in work
await Promise.all([batches.close({ drain: false }), reports.close({ drain: false })])

/** Resolves when what became of the files is safe; the library then acknowledges them. */
async function take({ files }: Batch, { attempt }: Delivery<Batch>): Promise<void> {
  inWork += files.length
  const outcomes = await Promise.all(files.map(hash))
  inWork -= files.length
  await reports.send({ worker: Number(number), attempt, inWork, outcomes })
}

async function hash({ id, path }: File): Promise<Outcome> {
  try {
    return { Hashed: { id, ...(await hashFile(join(directory, path))) } }
  } catch (error) {
    return { Unreadable: { id, code: codeOf(error) } }
  }
}
