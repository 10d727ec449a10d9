/**
 * A process of the demonstration: takes batches of files from the durable queue, hashes them, and reports the results.
 *
 * Arguments: its number, the endpoints of the directory of processes and of the transient queue, the directory of files. It
 * works until its parent closes the channel.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory } from 'rivulet/directory'
import { createConsumer, createProducer, createPush, type Delivery } from 'rivulet/queue'
import { parentGone } from './children.js'
import { Keyring } from './keyring.js'
import { Activity, Batch, Report, type Result } from './schemas.js'

/** Batches in work at the same time: while one is reported, another is hashed. */
const concurrency = 2
/** Batches that are leased to this worker: few, so that few wait for its lease if it is killed. */
const prefetch = 4
const pieceBytes = 256 * 1024

const [number = '', finder = '', activityEndpoint = '', directory = ''] = process.argv.slice(2)
const worker = Number(number)
const gone = parentGone()
const keyring = Keyring.inherit()
const processes = await createDirectory({ connect: finder, ...keyring.connectingTo('main') })
const queues = { connect: processes.endpoints('queues'), ...keyring.connecting }
const batches = await createConsumer({ ...queues, queue: 'files', schema: Batch, prefetch })
const reports = await createProducer({ ...queues, queue: 'reports', schema: Report })
const toMain = { connect: activityEndpoint, ...keyring.connectingTo('main') }
const activity = await createPush({ ...toMain, schema: Activity, overflow: 'drop-newest' })
const sockets = [batches, reports, activity, processes]
for (const { errors } of sockets) errors.subscribe(({ message }) => console.error(message))
let inWork = 0
const buffers: Buffer[] = []

const work = batches.process(hashBatch, { concurrency }).subscribe()
await gone
work.unsubscribe()
await Promise.all(sockets.map((socket) => socket.close({ drain: false })))

/** Resolves when the report is confirmed; the library then acknowledges the batch. */
async function hashBatch(files: Batch, { attempt }: Delivery<Batch>): Promise<void> {
  inWork += files.length
  activity.next(`worker ${worker} hashes ${files[0]?.path}`)
  const results = await Promise.all(files.map(hashFile))
  inWork -= files.length
  await reports.send({ worker, attempt, inWork, results })
}

async function hashFile({ id, path }: Batch[number]): Promise<Result> {
  const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)
  let file: FileHandle | undefined
  try {
    // a link is not followed, and a pipe that has replaced the file does not block
    file = await open(join(directory, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const hash = createHash('sha256')
    for (let bytes = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes)
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
      if (bytesRead < pieceBytes) return { Hashed: { id, bytes, sha256: hash.digest() } }
    }
  } catch (error) {
    return { Unreadable: { id, code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' } }
  } finally {
    buffers.push(buffer)
    await file?.close()
  }
}
