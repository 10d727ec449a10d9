/**
 * The walker: finds every file below a directory.
 *
 * Symbolic links are not followed and special files are not opened: both are counted. A directory that cannot be read is
 * named and passed over.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EMPTY, expand, from, ignoreElements, lastValueFrom, mergeAll, of } from 'rxjs'
import { codeOf } from './hash.js'

/** What a walk passed over. */
export interface Skipped {
  symbolicLinks: number
  /** Pipes, sockets and devices. */
  specialFiles: number
  readonly unreadableDirectories: { readonly path: string; readonly code: string }[]
}

const directoriesAtOnce = 8

/** Walks; resolves when everything was found, and stops early without an error if the signal is aborted. */
export async function walk(root: string, found: (path: string) => void, signal: AbortSignal): Promise<Skipped> {
  const skipped: Skipped = { symbolicLinks: 0, specialFiles: 0, unreadableDirectories: [] }

  /** Reads one directory; returns those in it. Paths are relative to the root. */
  async function read(directory: string): Promise<string[]> {
    const within: string[] = []
    try {
      for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
        const path = join(directory, entry.name)
        if (entry.isFile()) found(path)
        else if (entry.isDirectory()) within.push(path)
        else if (entry.isSymbolicLink()) skipped.symbolicLinks += 1
        else skipped.specialFiles += 1
      }
    } catch (error) {
      skipped.unreadableDirectories.push({ path: directory || '.', code: codeOf(error) })
    }
    return within
  }

  const tree = of('').pipe(
    expand((directory) => (signal.aborted ? EMPTY : from(read(directory)).pipe(mergeAll())), directoriesAtOnce),
  )
  await lastValueFrom(tree.pipe(ignoreElements()), { defaultValue: undefined })
  return skipped
}
