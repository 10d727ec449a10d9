/**
 * The library `lmdb`, as the store uses it: loaded when the first store opens, its options, its errors in our words.
 *
 * Options that the promises rest on stand here with their reasons. What is read from the sources of the library holds for
 * the version that package.json pins.
 */
import type { Key, RootDatabase } from 'lmdb'
import { RivuletError } from '../errors/index.js'

/** A database of the library, with bytes as keys and values. */
export type Database = RootDatabase<Uint8Array, Key>

/** A look at the environment, of what `getStats` answers. */
export interface Stats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly entryCount: number
  readonly lastPageNumber: number
  readonly lastTxnId: number
  readonly mapSize: number
  readonly free: {
    readonly treeBranchPageCount: number
    readonly treeLeafPageCount: number
    readonly overflowPages: number
  }
}

/**
 * MDB_MAP_FULL, ENOSPC, EDQUOT, EFBIG; and EIO, by which LMDB tells that the system wrote less than it was asked to, which
 * is how a disk gets full. An EIO of the flush is another matter: then the transaction is visible already.
 */
const fullCodes = new Set([-30_792, 28, 122, 27, 5])
/** MDB_BAD_TXN: a change after the one that failed in the same transaction; the library keeps the last code only. */
const afterFailure = -30_782
const corruptCodes = new Set([-30_796, -30_797])
const formatCodes = new Set([-30_793, -30_794])

/** Opens or makes the database in a folder. */
export async function openDatabase(path: string, mapBytes: number, flushedOnly: boolean): Promise<Database> {
  const { open } = await import('lmdb')
  return open<Uint8Array, Key>({
    path,
    // else a folder with a dot in its name is taken for a file
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    mapSize: mapBytes,
    maxDbs: 1,
    // a commit is followed by its flush while the next one is made; settled at creation, and not to be had on Windows
    overlappingSync: process.platform !== 'win32',
    separateFlushed: true,
    // the store gathers its batches itself; where the library does, a commit that fails is an unhandled rejection as well
    eventTurnBatching: false,
    txnStartThreshold: Number.MAX_SAFE_INTEGER,
    safeRestore: flushedOnly,
    // unused parts of pages are zeroed, so that no memory of the process gets on the disk
    noMemInit: false,
  } as Parameters<typeof open>[0])
}

/** Releases a database without a current write. */
export async function closeDatabase(database: Database): Promise<void> {
  // The library would wait for the flush of a commit that has failed, which never comes.
  Object.defineProperty(database, '_endWrites', { value: () => undefined })
  await database.close()
}

/** The statistics of the environment. */
export function statsOf(database: Database): Stats {
  return database.getStats() as Stats
}

/** How many have the database open, in this process and in others, and which processes they are. */
export function openedBy(database: Database): number[] {
  // Each keeps a slot in the table of readers from its first read on, and the system's lock of the process shows which process is alive.
  const { readerCheck, readerList } = database as unknown as Record<'readerCheck' | 'readerList', () => string>
  readerCheck.call(database)
  const lines = readerList.call(database).split('\n')
  return lines.map((line) => Number.parseInt(line, 10)).filter((pid) => !Number.isNaN(pid))
}

/** The reason behind a commit that failed. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> }
  return commitError === undefined
    ? error
    : commitError.then(
        () => error,
        (reason: unknown) => reason,
      )
}

/** Whether a commit failed for want of room; `mayBeFull` decides where the library has lost the reason. */
export function isFull(reason: unknown, mayBeFull: () => boolean): boolean {
  const { code } = reason as { code?: unknown }
  return fullCodes.has(code as number) || (code === afterFailure && mayBeFull())
}

/** What failed in opening or reading, in our words. */
export function translate(cause: unknown, doing: string): RivuletError {
  const code = (cause as { code?: unknown }).code as number
  const message = `${doing}: ${(cause as Error).message}`
  if (formatCodes.has(code)) return new RivuletError('RIVULET_STORE_FORMAT', message, { cause })
  if (corruptCodes.has(code)) return new RivuletError('RIVULET_STORE_CORRUPT', message, { cause })
  return new RivuletError('RIVULET_STORE_FAILED', message, { cause })
}
