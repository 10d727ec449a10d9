/**
 * Storing what producers send: duplicates are not stored again, and messages that do not fit are refused.
 *
 * A block is kept as it came wherever that is possible; where some of its messages are duplicates or delayed, what is
 * between them is.
 */
import { RivuletError } from '../errors/index.js'
import { type BlockExtras, bodyStart, bytesOf, checkAtIndex, extrasAt } from './block-record.js'
import type { MessageBlock, MessageExtras, SendOutcome } from './engine.js'
import type { Queue } from './queue.js'
import type { Transaction } from './transaction.js'

/** The most that one record takes, if it has more than one message. */
const recordMessages = 4096
const recordBytes = 1_048_576

/** The longest id and key, in characters. */
export const maxNameChars = 1024

/** Duplicates of a block, by index. */
type Duplicates = { index: number; position: number }[]

/** Stores what is new of a block. */
export function store(
  tx: Transaction,
  queue: Queue,
  producer: string,
  sequence: number,
  block: MessageBlock,
  schemaId: Uint8Array,
): SendOutcome {
  const { count } = block
  const last = queue.producers.last(tx, producer)
  if (last !== undefined && sequence > last + 1) {
    const message = `queue ${queue.name}: number ${sequence} of a producer does not follow ${last}`
    return refusedFrom(last + 1, new RivuletError('RIVULET_PROTOCOL_VIOLATION', message))
  }
  const repeated = last === undefined ? 0 : Math.min(count, last + 1 - sequence)
  queue.counters.duplicates += repeated
  if (repeated === count) return { kind: 'stored', repeated, position: 0, duplicates: [] }
  const run = new Run(tx, queue, block, schemaId)
  const position = queue.nextPosition
  const duplicates: Duplicates = []
  const end = isPlain(queue, block, repeated)
    ? run.take(repeated, count)
    : storeEach(tx, queue, block, repeated, run, duplicates)
  run.end()
  let expected = sequence + end
  if (end > repeated) queue.producers.stored(tx, producer, expected - 1)
  else expected = queue.producers.expected(tx, producer, sequence)
  const stored = { repeated, position: queue.nextPosition > position ? position : 0, duplicates }
  if (end === count) return { kind: 'stored', ...stored }
  return { kind: 'refused', expected, error: fullError(queue), ...stored }
}

/** A refusal of a whole block. */
export function refusedFrom(expected: number, error: RivuletError): SendOutcome {
  return { kind: 'refused', expected, error, repeated: 0, position: 0, duplicates: [] }
}

/**
 * Makes sure that a block is what it says.
 *
 * @throws RIVULET_INVALID_MESSAGE
 */
export function checkBlock(sequence: number, block: MessageBlock): void {
  const { count, schemaId, lengths, checks, bodies, extras } = block
  const wrong = (what: string) => new RivuletError('RIVULET_INVALID_MESSAGE', `a block of messages: ${what}`)
  if (!(Number.isSafeInteger(sequence) && sequence >= 1)) throw wrong(`its number is ${sequence}`)
  if (!(count >= 1 && lengths.length === count && checks.length === 4 * count)) throw wrong(`its count is ${count}`)
  if (schemaId.length !== 16) throw wrong(`the hash of its schema has ${schemaId.length} bytes`)
  let bytes = 0
  for (let index = 0; index < count; index++) {
    const length = lengths[index] as number
    if (!(length >= 0)) throw wrong(`message ${index} has ${length} bytes`)
    bytes += length
  }
  if (bytes !== bodies.length) throw wrong(`it has ${bodies.length} bytes, not ${bytes}`)
  let before = -1
  for (const { index, id = '', key = '', delayMs = 0, ttlMs = 1 } of extras) {
    if (!(Number.isInteger(index) && index > before && index < count)) throw wrong(`it has no message ${index}`)
    before = index
    if (id.length > maxNameChars) throw wrong(`an id has ${id.length} characters, over ${maxNameChars}`)
    if (key.length > maxNameChars) throw wrong(`a key has ${key.length} characters, over ${maxNameChars}`)
    if (!(delayMs >= 0 && delayMs < 2 ** 48)) throw wrong(`a delay is ${delayMs} ms`)
    if (!(ttlMs > 0)) throw wrong(`a time to live is ${ttlMs} ms`)
  }
}

/** Messages of a block that are stored side by side. */
class Run {
  readonly #tx: Transaction
  readonly #queue: Queue
  readonly #block: MessageBlock
  readonly #schemaId: Uint8Array
  #from = 0
  #to = 0
  #bytes = 0
  #bodyAt = 0
  #extras: BlockExtras[] = []

  constructor(tx: Transaction, queue: Queue, block: MessageBlock, schemaId: Uint8Array) {
    this.#tx = tx
    this.#queue = queue
    this.#block = block
    this.#schemaId = schemaId
  }

  /** Stores messages that have nothing of their own. */
  take(from: number, to: number): number {
    const { lengths } = this.#block
    for (let index = from; index < to; index++) this.add(index, lengths[index] as number, undefined)
    return to
  }

  /** Adds a message, which must be the next one, unless the run was ended. */
  add(index: number, length: number, extras: Omit<BlockExtras, 'index'> | undefined): void {
    const size = this.#to - this.#from
    if (size >= recordMessages || (size > 0 && this.#bytes + length > recordBytes)) this.end()
    if (this.#to === this.#from) {
      // the bytes between this run and the one before it are those of messages that were left out
      this.#bodyAt += bytesOf(this.#block.lengths, this.#to, index - this.#to)
      this.#from = index
    }
    this.#to = index + 1
    this.#bytes += length
    if (extras) this.#extras.push({ index: index - this.#from, ...extras })
  }

  /** Stores what is in the run; the next message need not follow it. */
  end(): void {
    const count = this.#to - this.#from
    if (count === 0) return
    const { lengths, checks, bodies } = this.#block
    const isWhole = count === this.#block.count
    const start = this.#queue.nextPosition
    this.#queue.nextPosition += count
    this.#queue.counters.stored += count
    this.#queue.log.append(this.#tx, {
      start,
      count,
      time: this.#tx.wall,
      schemaId: this.#schemaId,
      lengths: isWhole ? lengths : lengths.slice(this.#from, this.#to),
      checks: isWhole ? checks : checks.subarray(4 * this.#from, 4 * this.#to),
      bodies: isWhole ? bodies : bodies.subarray(this.#bodyAt, this.#bodyAt + this.#bytes),
      extras: this.#extras,
      sender: this.#block.sender,
    })
    this.#bodyAt += this.#bytes
    this.#bytes = 0
    this.#from = this.#to
    this.#extras = []
  }

  /** The position that the next message gets. */
  get position(): number {
    return this.#queue.nextPosition + this.#to - this.#from
  }

  /** Messages and bytes that are not counted in the queue yet. */
  get pendingCount(): number {
    return this.#to - this.#from
  }

  get pendingBytes(): number {
    return this.#bytes
  }
}

/** Whether no message from an index on needs a look of its own. */
function isPlain(queue: Queue, { count, bodies, extras }: MessageBlock, from: number): boolean {
  if (extras.length > 0) return false
  const { maxLength, maxBytes, overflow } = queue.settings
  if (overflow === 'drop-oldest') return true
  return queue.depth + count - from <= maxLength && queue.bytes + bodies.length <= maxBytes
}

/** Stores messages one by one; returns the index of the first one that does not fit. */
function storeEach(
  tx: Transaction,
  queue: Queue,
  block: MessageBlock,
  from: number,
  run: Run,
  duplicates: Duplicates,
): number {
  const { settings } = queue
  const maxLength = settings.overflow === 'reject' ? settings.maxLength : Number.POSITIVE_INFINITY
  const maxBytes = settings.overflow === 'reject' ? settings.maxBytes : Number.POSITIVE_INFINITY
  let bodyEnd = bodyStart(block.lengths, from)
  for (let index = from; index < block.count; index++) {
    const extras = extrasAt(block.extras, index)
    const length = block.lengths[index] as number
    bodyEnd += length
    tx.pieces += 1
    if (extras?.id !== undefined) {
      const former = queue.ids.find(tx, extras.id, settings.dedupeMs)
      if (former !== undefined) {
        duplicates.push({ index, position: former })
        queue.counters.duplicates += 1
        run.end()
        continue
      }
    }
    const isFull = queue.depth + run.pendingCount + 1 > maxLength || queue.bytes + run.pendingBytes + length > maxBytes
    if (isFull) return index
    if (extras?.id !== undefined) queue.ids.take(tx, extras.id, run.position)
    if (extras && (extras.delayMs ?? 0) > 0) {
      run.end()
      storeDelayed(tx, queue, block, index, block.bodies.subarray(bodyEnd - length, bodyEnd), extras)
    } else {
      run.add(index, length, extras && ownExtras(tx, extras))
    }
  }
  return block.count
}

function storeDelayed(
  tx: Transaction,
  queue: Queue,
  block: MessageBlock,
  index: number,
  body: Uint8Array,
  extras: MessageExtras,
): void {
  const { delayMs = 0, id, key } = extras
  queue.counters.stored += 1
  queue.scheduled.put(tx, Math.ceil(tx.wall + delayMs), queue.nextPosition++, {
    schemaId: block.schemaId,
    time: tx.wall,
    attempts: 0,
    expires: expiryOf(tx, extras) ?? 0,
    check: checkAtIndex(block.checks, index),
    body,
    id,
    key,
    sender: block.sender,
  })
}

function ownExtras(tx: Transaction, extras: MessageExtras): Omit<BlockExtras, 'index'> | undefined {
  const { id, key } = extras
  const expires = expiryOf(tx, extras)
  if (id === undefined && key === undefined && expires === undefined) return undefined
  return {
    ...(id === undefined ? undefined : { id }),
    ...(key === undefined ? undefined : { key }),
    ...(expires === undefined ? undefined : { expires }),
  }
}

function expiryOf(tx: Transaction, { ttlMs }: MessageExtras): number | undefined {
  return ttlMs === undefined || ttlMs > 2 ** 48 ? undefined : Math.ceil(tx.wall + ttlMs)
}

function fullError({ name, settings }: Queue): RivuletError {
  const limits = [`${settings.maxLength} messages`, `${settings.maxBytes} bytes`].filter(
    (one) => !one.startsWith('Inf'),
  )
  return new RivuletError('RIVULET_QUEUE_FULL', `queue ${name} is full: it may have ${limits.join(' and ')}`)
}
