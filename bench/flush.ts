/** How long the disk takes to flush: what bounds every durable queue whose confirmations come one after the other. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from './clean-up.js'
import { quantile } from './statistics.js'

const writes = 200

/** What is written before each flush, in bytes. */
const writeBytes = 4096

/** Flushes a file that grows, in the folder for temporary files, where all queues are kept; the median, in microseconds. */
export function measureFlush(): number {
  using folder = makeFolder()
  const file = openSync(join(folder.path, 'flushed'), 'w')
  try {
    const microseconds = Array.from({ length: writes }, () => {
      writeSync(file, Buffer.alloc(writeBytes, 1))
      const start = performance.now()
      fdatasyncSync(file)
      return (performance.now() - start) * 1000
    })
    return quantile(microseconds, 0.5)
  } finally {
    closeSync(file)
  }
}
