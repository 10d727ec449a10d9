/**
 * Files that decide about security: opened once, so that what is checked is what is read, and never waited for.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { invalidOption } from '../options/index.js'

/** What others may not do with a file: read a secret, or change a list. */
export type Privacy = 'secret' | 'list'

/**
 * The absolute path of a file.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function checkedPath(subject: string, path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidOption(subject, 'the path', 'a text that is not empty', path)
  }
  return resolve(path)
}

/** Opens a file; one that another process would have to open first (a pipe) does not block. */
export function openForReading(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** What is wrong with a file, as the end of a sentence; `undefined` if nothing is. */
export function fileFault(stats: Stats, privacy: Privacy): string | undefined {
  if (!stats.isFile()) return 'is no regular file'
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
  if (privacy === 'list') {
    return (stats.mode & 0o022) === 0 ? undefined : `can be changed by others (mode ${mode}): say chmod go-w`
  }
  if (stats.uid !== user && stats.uid !== 0) return 'belongs to another user'
  return (stats.mode & 0o077) === 0 ? undefined : `can be accessed by others (mode ${mode}): say chmod 600`
}

/**
 * Reads a file as a text.
 *
 * @throws RangeError if it is too large, or grows meanwhile.
 */
export async function readText(file: FileHandle, mostBytes: number): Promise<string> {
  const { size } = await file.stat()
  if (size > mostBytes) throw new RangeError(`the file has more than ${mostBytes} bytes`)
  const bytes = Buffer.alloc(size + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null)
    length += bytesRead
    if (length > size) throw new RangeError('the file grows while it is read')
    if (bytesRead === 0) return bytes.toString('utf8', 0, length)
  }
}
