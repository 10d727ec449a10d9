/**
 * A module hook that prints the URL of every module that is resolved, also those that are only tried.
 *
 * Registers itself when given to `node --import`; the hooks run in a thread of their own, so they write synchronously.
 */
import { writeSync } from 'node:fs'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) register(import.meta.url)

export async function resolve(specifier, context, nextResolve) {
  writeSync(1, `tried ${specifier}\n`)
  const resolved = await nextResolve(specifier, context)
  writeSync(1, `loaded ${resolved.url}\n`)
  return resolved
}
