/** What a folder of queues holds, read from a copy: as it is, or at the last flushed transaction alone. */

import { cpSync, rmSync } from 'node:fs'
import { codecOf } from '../../src/avro/codec.js'
import { systemClock } from '../../src/clock/index.js'
import { openLocalEngine, type PeekedMessage } from '../../src/engine/index.js'
import { openLmdbStore } from '../../src/store/index.js'
import { Job } from '../support/job.js'
import type { Found } from './ledger.js'
import { wrongOf } from './load.js'

/** Messages of the queue `jobs`, and its dead letters. */
export interface Contents {
  readonly waiting: readonly Found[]
  readonly dead: readonly Found[]
  /** What was wrong with the folder, in words. */
  readonly complaints: readonly string[]
}

const endless = Number.MAX_SAFE_INTEGER
const codec = codecOf(Job)

/** Copies a folder that nobody has open, and reads the copy. */
export async function contentsOf(folder: string, flushedOnly: boolean): Promise<Contents> {
  const path = `${folder}-copy`
  cpSync(folder, path, { recursive: true })
  const complaints: string[] = []
  const store = await openLmdbStore({
    path,
    flushedOnly,
    onCorrupt: () => complaints.push('a corrupt record'),
    onFailed: ({ code }) => complaints.push(code),
  })
  const report = ({ code }: { readonly code: string }) => complaints.push(code)
  const engine = openLocalEngine({ store, clock: systemClock, report })
  const read = (queue: string) => (engine.queues.includes(queue) ? engine.peek(queue, endless).map(foundOf) : [])
  const contents = { waiting: read('jobs'), dead: read('jobs.dead'), complaints }
  await engine.close()
  await store.close()
  rmSync(path, { recursive: true })
  return contents
}

/** A message as an engine shows it, or as users see it. */
type Peeked = Omit<PeekedMessage, 'schemaId' | 'time' | 'due' | 'history'> &
  Pick<Found, 'history'> & {
    readonly time: number | Date
    readonly due?: number | Date
  }

/** A message as the account wants it. */
export function foundOf({ body, ...rest }: Peeked): Found {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const value = codec.readerFor(codec.text)(bytes, view, { position: 0 }, bytes.length)
  const isNew = rest.state === 'delayed' && rest.attempts === 0
  const times = { time: new Date(rest.time), due: isNew && rest.due !== undefined ? new Date(rest.due) : undefined }
  return { ...rest, id: value.id, wrong: wrongOf(value, { ...rest, ...times }) }
}
