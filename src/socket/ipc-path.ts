/**
 * Paths of Unix-domain sockets, looked at before they are bound: libzmq deletes whatever is there, without a word.
 *
 * Two that bind the same path at the same moment are not told apart.
 */
import { lstat } from 'node:fs/promises'
import { connect } from 'node:net'
import { errnoOf } from './translate.js'

/**
 * Makes sure that nobody listens on a path, and that no other file is lost. A socket that a process which was killed has
 * left behind is no hindrance.
 *
 * @error with `code` EADDRINUSE or EEXIST, as the system has them.
 */
export async function mustBeFree(path: string): Promise<void> {
  // not a path: the system itself looks after such names, and `*` takes a new one
  if (path.startsWith('@') || path === '*') return
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw failure('EEXIST', `${path} is a file and no socket`)
  if (await hasListener(path)) throw failure('EADDRINUSE', `${path} is in use`)
}

function hasListener(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    const end = (isThere: boolean) => {
      probe.destroy()
      resolve(isThere)
    }
    probe.once('connect', () => end(true))
    probe.once('error', (error) => end(errnoOf(error) === 'EAGAIN')) // its queue of connections is full
  })
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
