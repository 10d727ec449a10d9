/**
 * A module hook that prints the URL of every module that is resolved, also those that are only tried.
 *
 * Registers itself when given to `node --import`; the hooks run in a thread of their own, so they write synchronously.
 */
import { writeSync } from 'node:fs'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

const nothing = new Int32Array(new SharedArrayBuffer(4))

if (isMainThread) register(import.meta.url)

/** Waits while the pipe is full, whose reader may be slow. */
function tell(line) {
  const bytes = Buffer.from(line)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(nothing, 0, 0, 1)
    }
  }
}

export async function resolve(specifier, context, nextResolve) {
  tell(`tried ${specifier}\n`)
  const resolved = await nextResolve(specifier, context)
  tell(`loaded ${resolved.url}\n`)
  return resolved
}
