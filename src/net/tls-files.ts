/**
 * The files of TLS, read again when they have changed.
 *
 * They are looked at for each connection, so that the next one uses what has replaced them, without a timer. It reads bytes;
 * whether they are certificates is for `tls-material.ts` to say.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** The files of one side, by what they hold. */
export type TlsPaths = Readonly<Partial<Record<'cert' | 'key' | 'ca', string>>>

/** What they hold. */
export type TlsContents = Readonly<Partial<Record<'cert' | 'key' | 'ca', Buffer>>>

const mostBytes = 1_048_576

/** A file may change again within this time without a change of its times, in milliseconds. */
const racyMs = 2000

/** The files of one side. */
export class TlsFiles {
  readonly #paths: readonly (readonly ['cert' | 'key' | 'ca', string])[]
  #version: string | undefined

  constructor(paths: TlsPaths) {
    this.#paths = Object.entries(paths) as [keyof TlsPaths, string][]
  }

  /** Whether the files may have changed since they were read. */
  haveChanged(): boolean {
    return this.#paths.length > 0 && (this.#version === undefined || this.#look() !== this.#version)
  }

  /**
   * Reads all of them.
   *
   * @throws Error if one cannot be read or is no private file; the next look finds them changed.
   */
  read(): TlsContents {
    // before they are read: what changes meanwhile is found by the next look
    const version = this.#look()
    this.#version = undefined
    const contents = Object.fromEntries(this.#paths.map(([role, path]) => [role, readFile(path, role === 'key')]))
    this.#version = version
    return contents
  }

  /** The times and sizes of the files; a text of its own for each look while one of them is younger than its times tell. */
  #look(): string | undefined {
    const found = this.#paths.map(([, path]) => statSync(path, { bigint: true, throwIfNoEntry: false }))
    const now = Date.now()
    if (found.some((stats) => stats === undefined || now - Number(stats.mtimeMs) < racyMs)) return undefined
    return found.map((stats) => [stats?.dev, stats?.ino, stats?.size, stats?.mtimeNs, stats?.ctimeNs].join()).join(' ')
  }
}

/** Reads a small file; one that another process would have to open first (a pipe) does not block. */
function readFile(path: string, isSecret: boolean): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    const fault = faultOf(stats, isSecret)
    if (fault !== undefined) throw new Error(`${path} ${fault}`)
    const bytes = Buffer.alloc(stats.size + 1)
    let length = 0
    for (;;) {
      const count = readSync(file, bytes, length, bytes.length - length, null)
      length += count
      if (length > stats.size) throw new Error(`${path} grows while it is read`)
      if (count === 0) return bytes.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
}

/** What is wrong with a file, as the end of a sentence; a group may read a key, as mounted secrets and `ssl-cert` need it. */
function faultOf(stats: Stats, isSecret: boolean): string | undefined {
  if (!stats.isFile()) return 'is no regular file'
  if (stats.size > mostBytes) return `has more than ${mostBytes} bytes`
  if (!isSecret || process.geteuid === undefined || (stats.mode & 0o027) === 0) return undefined
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
  return `holds a key and can be accessed by others (mode ${mode}): say chmod 600`
}
