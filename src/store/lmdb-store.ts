/**
 * The store on disk: one LMDB database in a folder of its own, a checksum in front of each record.
 *
 * Opening looks at the file first, then makes sure that nobody else has it, then at the record of the format. LMDB
 * decides about the pages below the records, and the order in which they reach the disk.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { defaults, flag, instance, integer, oneOf, required, resolveOptions } from '../options/index.js'
import { inspectDataFile } from './data-file.js'
import { GroupCommit } from './group-commit.js'
import { checkBatch, checkKey, maxKeyBytes } from './keys.js'
import { closeDatabase, type Database, openDatabase, openedBy, statsOf, translate } from './lmdb.js'
import { checksumBytes, foundChecksum, Sealer, storedChecksum } from './record.js'
import { Room } from './room.js'
import type { Change, CorruptRecord, RangeOptions, Store, StoredRecord, StoreUsage } from './store.js'

/** Where a store on disk lies, and what it promises. */
export interface LmdbStoreOptions {
  /** The folder, made if it is not there in its own; on a disk of this machine, not on NFS. */
  readonly path: string
  /** What a resolved write has outlived. Default: `flushed`. */
  readonly durability?: 'flushed' | 'committed'
  /** What the records may take, in bytes, from 65,536 on. The file may become an eighth larger, and some. Default: `storeBytes`. */
  readonly maxBytes?: number
  /** Opens at the last flushed transaction, as after a crash of the machine, whatever was committed after it. Default: false. */
  readonly flushedOnly?: boolean
  /** Called for each corrupt record whenever it is read; must not throw. */
  readonly onCorrupt?: (record: CorruptRecord) => void
  /** Called once when nothing can be written any more. */
  readonly onFailed?: (error: RivuletError) => void
}

/** The options, each with a value. */
type Settings = Required<Omit<LmdbStoreOptions, 'onCorrupt' | 'onFailed'>> &
  Pick<LmdbStoreOptions, 'onCorrupt' | 'onFailed'>

const isFunction = (value: unknown): value is (...values: never[]) => unknown => typeof value === 'function'

const rules = {
  path: instance('a path', (value): value is string => typeof value === 'string' && value !== '', required),
  durability: oneOf(['flushed', 'committed'], defaults.durability),
  maxBytes: integer({ min: 65_536, max: 2 ** 44, fallback: defaults.storeBytes }),
  flushedOnly: flag(defaults.flushedOnly),
  onCorrupt: instance('a function', isFunction, undefined),
  onFailed: instance('a function', isFunction, undefined),
}

/** After every key that a user may have. */
const formatKey = Buffer.alloc(maxKeyBytes + 1, 0xff)
const format = 'rivulet store '
const formatVersion = 1

/** A file that says that the folder has held a store, so that a data file which is lost is not taken for a new store. */
const markerName = 'store'

/** Records and bytes that a range reads in one look. */
const pieceRecords = 64
const pieceBytes = 1_048_576

/**
 * Opens the store in a folder, or makes it.
 *
 * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 * @throws RIVULET_INVALID_OPTION
 */
export function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  return open(resolveOptions('openLmdbStore', options, rules) as Settings)
}

async function open(settings: Settings): Promise<Store> {
  let database: Database | undefined
  try {
    if (!existsSync(settings.path)) mkdirSync(settings.path)
    const path = realpathSync(settings.path)
    const file = join(path, 'data.mdb')
    const marker = join(path, markerName)
    const state = inspectDataFile(file)
    if (state === 'absent' && existsSync(marker)) {
      throw new RivuletError('RIVULET_STORE_CORRUPT', `${file} is empty or gone, and there has been a store`)
    }
    const flushedOnly = settings.flushedOnly || state === 'flushed only'
    database = await openDatabase(path, Room.mapBytes(settings.maxBytes), flushedOnly)
    const store = new LmdbStore(database, file, settings)
    await store.begin()
    if (!existsSync(marker)) markFolder(path, marker)
    return store
  } catch (error) {
    if (database) await closeDatabase(database)
    throw isRivuletError(error) ? error : translate(error, `the store in ${settings.path} cannot be opened`)
  }
}

/** Leaves the mark, and makes new files outlast a crash of the machine: their flush does not flush the folders that name them. */
function markFolder(path: string, marker: string): void {
  writeFileSync(marker, `${format}${formatVersion}\n`, { flush: true })
  if (process.platform === 'win32') return
  for (const folder of [path, dirname(path)]) {
    const descriptor = openSync(folder, 'r')
    fsyncSync(descriptor)
    closeSync(descriptor)
  }
}

class LmdbStore implements Store {
  readonly durability: 'flushed' | 'committed'
  readonly #database: Database
  readonly #file: string
  readonly #settings: Settings
  readonly #sealer = new Sealer()
  readonly #room: Room
  readonly #commits: GroupCommit
  #closing: Promise<void> | undefined

  constructor(database: Database, file: string, settings: Settings) {
    this.durability = settings.durability
    this.#database = database
    this.#file = file
    this.#settings = settings
    this.#room = new Room(settings.maxBytes, () => statsOf(database))
    this.#commits = new GroupCommit(database, {
      flushed: this.durability === 'flushed',
      release: (batch) => {
        this.#sealer.release(batch)
        this.#room.release(batch.bytes)
      },
      full: (cause) => this.#full(cause),
      failed: (cause) => this.#fail(cause),
    })
  }

  /** Makes sure that the database is ours alone, and of this format. */
  async begin(): Promise<void> {
    const found = this.#database.get(formatKey)
    const holders = openedBy(this.#database)
    if (holders.length !== 1) {
      const others = holders.filter((pid) => pid !== process.pid)
      const who = others.length > 0 ? `process ${others.join(', ')}` : 'this process'
      throw new RivuletError('RIVULET_STORE_LOCKED', `${this.#file} is open already, in ${who}`)
    }
    if (found === undefined && statsOf(this.#database).entryCount === 0) {
      await this.#push([{ key: formatKey, value: Buffer.from(`${format}${formatVersion}`) }])
      return
    }
    const value = found && this.#open(formatKey, found)
    const version = value && Buffer.from(value).toString('latin1')
    if (version !== `${format}${formatVersion}`) {
      const what = version?.startsWith(format) ? `format ${version.slice(format.length)}` : 'no format that is known'
      throw new RivuletError('RIVULET_STORE_FORMAT', `${this.#file} has ${what}; this is format ${formatVersion}`)
    }
  }

  write(batch: readonly Change[]): Promise<void> {
    checkBatch(batch)
    if (this.#closing) return Promise.reject(this.#closed())
    return this.#push(batch)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    checkKey('get', key)
    if (this.#closing) throw this.#closed()
    try {
      const record = this.#database.get(key)
      return record && this.#open(key, record)
    } catch (error) {
      throw translate(error, `${this.#file} cannot be read`)
    }
  }

  *range(from?: Uint8Array, to: Uint8Array = formatKey, options: RangeOptions = {}): Generator<StoredRecord> {
    const { reverse = false, damaged = false } = options
    let left = options.limit ?? Number.POSITIVE_INFINITY
    let low = from && from.length > 0 ? from : Buffer.of(0)
    let high = Buffer.compare(to, formatKey) > 0 ? formatKey : to
    while (left > 0) {
      if (this.#closing) throw this.#closed()
      const piece = this.#read(low, high, Math.min(left, pieceRecords), { reverse, damaged })
      for (const record of piece.records) yield record
      if (piece.last === undefined) return
      left -= piece.records.length
      if (reverse) high = piece.last
      else low = Buffer.concat([piece.last, Buffer.of(0)])
    }
  }

  usage(): StoreUsage {
    if (this.#closing) throw this.#closed()
    const { used, free, limit } = this.#room.measure()
    // a file that was deleted while it is open has no size that can be asked for
    const file = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
    return { file, used, free, limit }
  }

  close(): Promise<void> {
    this.#closing ??= this.#commits.settled().then(() => closeDatabase(this.#database))
    return this.#closing
  }

  #push(batch: readonly Change[]): Promise<void> {
    const bytes = this.#room.take(batch)
    if (bytes === undefined) return Promise.reject(this.#full(undefined))
    const { changes, slab } = this.#sealer.seal(batch)
    return new Promise((resolve, reject) => {
      this.#commits.push({ changes, slab, bytes, resolve, reject })
    })
  }

  /** Some records of a range, and the key to continue after; none if the range is at its end. */
  #read(low: Uint8Array, high: Uint8Array, limit: number, { reverse, damaged }: Required<Omit<RangeOptions, 'limit'>>) {
    const records: StoredRecord[] = []
    if (Buffer.compare(low, high) >= 0) return { records, last: undefined }
    const bounds = reverse
      ? { start: high, exclusiveStart: true, end: low, inclusiveEnd: true, reverse: true }
      : { start: low, end: high }
    let bytes = 0
    try {
      for (const { key, value: record } of this.#database.getRange(bounds)) {
        const value = this.#open(key as Uint8Array, record)
        if (value) records.push({ key: key as Uint8Array, value })
        else if (damaged) records.push({ key: key as Uint8Array, value: record.subarray(checksumBytes), damaged })
        bytes += record.length
        if (records.length >= limit || bytes >= pieceBytes) return { records, last: key as Uint8Array }
      }
    } catch (error) {
      throw translate(error, `${this.#file} cannot be read`)
    }
    return { records, last: undefined }
  }

  /** The value of a record; `undefined` if it is not what was written. */
  #open(key: Uint8Array, record: Uint8Array): Uint8Array | undefined {
    const expected = storedChecksum(record)
    const found = foundChecksum(key, record)
    if (expected === found) return record.subarray(checksumBytes)
    this.#settings.onCorrupt?.({ key, place: this.#file, expected, found })
    return undefined
  }

  #full(cause: unknown): RivuletError {
    const limit = this.#room.limit
    return new RivuletError(
      'RIVULET_STORE_FULL',
      `${this.#file} or its disk is full; the store may have ${limit} bytes`,
      {
        cause,
      },
    )
  }

  #fail(cause: unknown): RivuletError {
    const failure = translate(cause, `${this.#file} cannot be written any more`)
    this.#settings.onFailed?.(failure)
    return failure
  }

  #closed(): RivuletError {
    return new RivuletError('RIVULET_CLOSED', `the store in ${this.#file} is closed`)
  }
}
