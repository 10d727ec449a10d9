/**
 * Paths of Unix-domain sockets, looked at before they are bound: libzmq deletes whatever is there, without a word.
 *
 * Two that bind the same path at the same moment are not told apart.
 */
import { mkdirSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { errnoOf } from '../errors/index.js'

/** How long a listener must keep a connection to count as alive, in milliseconds: the system ends a killed process slowly. */
const aliveMs = 500

/** What the end of a connection to a path says about its listener, by the code of the system. */
const meanings: Readonly<Record<string, 'none' | 'alive' | 'ending'>> = {
  ECONNREFUSED: 'none',
  ENOENT: 'none',
  ETIMEDOUT: 'alive', // it has lasted
  EAGAIN: 'alive', // its queue of connections is full
  EPROTOTYPE: 'alive', // it is a socket of another type
  ECONNRESET: 'ending',
  EPIPE: 'ending',
}

/**
 * Makes sure that nobody listens on a path, and that no other file is lost. A socket that a process which was killed has
 * left behind is no hindrance, nor is a process that is being ended.
 *
 * @error with the `code` of the system: EADDRINUSE, EEXIST, ENOENT, or what keeps this process from looking.
 */
export async function mustBeFree(path: string): Promise<void> {
  // not a path: the system itself looks after such names, and `*` takes a new one
  if (path.startsWith('@') || path === '*') return
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) {
    const folder = dirname(path)
    if (await isMissing(folder)) throw failure('ENOENT', `its folder ${folder} does not exist; make the folder first`)
    return
  }
  if (!found.isSocket()) throw failure('EEXIST', `${path} is a file and no socket`)
  const deadline = performance.now() + aliveMs
  for (;;) {
    const listener = await findListener(path)
    if (listener === 'none') return
    if (listener === 'alive' || performance.now() >= deadline) throw failure('EADDRINUSE', `${path} is in use`)
  }
}

/** How libzmq names what it binds for a wildcard: a folder of its own, which it removes with its listener. */
const wildcardPath = /(?:^|\/)tmp[A-Za-z0-9]{6}\/socket$/

/** Makes the folder of a path that was a wildcard, so that it can be bound again; does nothing where there is one. */
export function restoreFolder(path: string): void {
  if (wildcardPath.test(path)) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
}

/** Connects to a path: nobody is there, somebody keeps the connection, or ends it at once as a process that is ended. */
function findListener(path: string): Promise<'none' | 'alive' | 'ending'> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path }) // not the bare text: a number would be a port
    let code = ''
    probe.setTimeout(aliveMs, () => {
      code = 'ETIMEDOUT'
      probe.destroy()
    })
    probe.once('error', (error) => {
      code = errnoOf(error)
      if (!(code in meanings)) reject(error)
    })
    probe.once('close', () => resolve(meanings[code] ?? 'ending'))
    probe.resume()
  })
}

/** Whether there is nothing at a path. */
function isMissing(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error) => errnoOf(error) === 'ENOENT',
  )
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
