/**
 * A look at a data file before LMDB gets it: LMDB trusts its files, and reads past the end of a cut one kill the process.
 *
 * The layout is that of the pinned `lmdb` (data version 2, `libraries/liblmdb/mdb.c`). A file that is as long as it says is
 * trusted; the trees of a shorter one are walked, since the last pages may be free and never written. Damage inside of
 * pages is not looked for: the checksums of the records find it.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { RivuletError } from '../errors/index.js'

const magic = 0xbeefc0de
const dataVersion = 2
const pageHeaderBytes = 24
const metaBytes = 144
const pageFlag = { branch: 1, leaf: 2, meta: 8 } as const
const bigData = 1
/** How often a file is looked at that another process changes meanwhile: pages of a tree may be gone before they are read. */
const maxAttempts = 10
const noPage = 0xffff_ffff_ffff_ffffn

/** What may be done with a data file. */
export type DataFileState = 'absent' | 'whole' | 'flushed only'

/** The roots of the two trees, the last page, and the number of the transaction that left them. */
interface Meta {
  readonly roots: readonly bigint[]
  readonly lastPage: number
  readonly transaction: bigint
}

/**
 * Tells whether a data file can be opened as it is, or only at its last flushed transaction.
 *
 * @throws RIVULET_STORE_FORMAT for another kind of file, RIVULET_STORE_CORRUPT for one that lacks pages,
 * RIVULET_STORE_LOCKED for one that another process is writing.
 */
export function inspectDataFile(file: string): DataFileState {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 'absent'
    throw new RivuletError('RIVULET_STORE_FAILED', `${file} cannot be read`, { cause })
  }
  try {
    return inspect(descriptor, file)
  } finally {
    closeSync(descriptor)
  }
}

function inspect(descriptor: number, file: string): DataFileState {
  const length = fstatSync(descriptor).size
  if (length === 0) return 'absent'
  const first = read(descriptor, 0, pageHeaderBytes + metaBytes)
  if (first.length < pageHeaderBytes + metaBytes) throw cutShort(file, length)
  const isMeta = (first.readUInt16LE(18) & pageFlag.meta) !== 0 && first.readUInt32LE(pageHeaderBytes) === magic
  const version = first.readUInt32LE(pageHeaderBytes + 4) & 0xffff
  const pageBytes = first.readUInt32LE(pageHeaderBytes + 24)
  if (!isMeta || pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
    throw new RivuletError('RIVULET_STORE_FORMAT', `${file} is no data file of a store`)
  }
  if (version !== dataVersion) {
    throw new RivuletError('RIVULET_STORE_FORMAT', `${file} has the data version ${version}, this is ${dataVersion}`)
  }
  if (length < 2 * pageBytes) throw cutShort(file, length)
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const metas = [0, pageBytes].map((at) => readMeta(descriptor, at)).sort(newestFirst)
    const flushed = readMeta(descriptor, pageBytes >> 1)
    // after what refers to it: another process may write, and the file only grows
    const { size } = fstatSync(descriptor)
    const isWhole = (meta: Meta | undefined) => meta !== undefined && hasPages(descriptor, meta, pageBytes, size)
    if (isWhole(metas[0])) return 'whole'
    const isFlushed = flushed.transaction > 0n && isWhole(flushed)
    const now = [0, pageBytes].map((at) => readMeta(descriptor, at)).sort(newestFirst)
    if (now[0]?.transaction !== metas[0]?.transaction || fstatSync(descriptor).size !== size) continue
    if (isFlushed) return 'flushed only'
    throw cutShort(file, size)
  }
  throw new RivuletError('RIVULET_STORE_LOCKED', `${file} is being written by another process`)
}

function readMeta(descriptor: number, at: number): Meta {
  const meta = read(descriptor, at + pageHeaderBytes, metaBytes)
  return {
    roots: [meta.readBigUInt64LE(64), meta.readBigUInt64LE(112)],
    lastPage: Number(meta.readBigUInt64LE(120)),
    transaction: meta.readBigUInt64LE(128),
  }
}

function newestFirst(one: Meta, other: Meta): number {
  return one.transaction < other.transaction ? 1 : -1
}

/** Whether every page that the trees reach lies within the file. */
function hasPages(descriptor: number, meta: Meta, pageBytes: number, length: number): boolean {
  if (length >= (meta.lastPage + 1) * pageBytes) return true
  const pending = meta.roots.filter((root) => root !== noPage)
  for (let page = pending.pop(); page !== undefined; page = pending.pop()) {
    const at = Number(page) * pageBytes
    if (at + pageBytes > length) return false
    const bytes = read(descriptor, at, pageBytes)
    const kind = bytes.readUInt16LE(18) & (pageFlag.branch | pageFlag.leaf)
    if (kind === 0 || bytes.readBigUInt64LE(0) !== page) return false
    for (let index = 0; index < bytes.readUInt16LE(20) >> 1; index++) {
      const node = pageHeaderBytes + bytes.readUInt16LE(pageHeaderBytes + 2 * index)
      if (node + 8 > pageBytes) return false
      if (kind === pageFlag.branch) {
        pending.push(BigInt(bytes.readUIntLE(node, 6)))
      } else if ((bytes.readUInt16LE(node + 4) & bigData) !== 0) {
        const overflow = node + 8 + bytes.readUInt16LE(node + 6)
        if (overflow + 8 > pageBytes) return false
        const end = Number(bytes.readBigUInt64LE(overflow)) * pageBytes + pageHeaderBytes + bytes.readUInt32LE(node)
        if (end > length) return false
      }
    }
  }
  return true
}

function read(descriptor: number, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count)
  return bytes.subarray(0, readSync(descriptor, bytes, 0, count, at))
}

function cutShort(file: string, length: number): RivuletError {
  return new RivuletError('RIVULET_STORE_CORRUPT', `${file} lacks pages that it refers to: it has ${length} bytes`)
}
