/**
 * Gathers the messages of one lease: what comes out of one block as a whole goes out as it is, without a copy.
 *
 * The dispatcher decides which messages are gathered, and for which consumer.
 */
import type { PeerIdentity } from '../security/index.js'
import { type Block, extrasAt } from './block-record.js'
import type { DeliveryExtras, LeasedBlock, SenderRun } from './engine.js'
import type { Segment } from './leases.js'
import type { ScheduledMessage } from './scheduled-messages.js'

/** The most that the messages of one lease take, in bytes. */
export const leaseBytes = 1_048_576

/** Messages of a block, one after the other. */
interface BlockPiece {
  readonly block: Block
  readonly offset: number
  readonly count: number
  readonly bodyAt: number
  readonly bytes: number
}

/** Messages that will be under one lease. */
export class LeaseBatch {
  count = 0
  bytes = 0
  schemaId: Uint8Array | undefined
  readonly segments: Segment[] = []
  readonly extras: DeliveryExtras[] = []
  readonly #senders: SenderRun[] = []
  readonly #pieces: (BlockPiece | ScheduledMessage)[] = []

  /** Whether a message of a schema and a size may be added; the first one may be of any. */
  fits(schemaId: Uint8Array, bytes: number, most: number): boolean {
    return this.count === 0 || (this.schemaId === schemaId && this.bytes + bytes <= most)
  }

  /** Takes messages of a block. */
  addBlock(block: Block, offset: number, count: number, bodyAt: number, bytes: number): void {
    const position = block.start + offset
    this.segments.push({ index: this.count, count, position, block: block.start, due: 0, bytes })
    this.#pieces.push({ block, offset, count, bodyAt, bytes })
    if (block.extras.length > 0) {
      for (let at = 0; at < count; at++) {
        const extras = extrasAt(block.extras, offset + at)
        if (extras) this.#addExtras(this.count + at, 1, extras.id, extras.key)
      }
    }
    this.#sentBy(block.sender)
    this.#grow(block.schemaId, count, bytes)
  }

  /** Takes a single message. */
  addSingle(entry: ScheduledMessage): void {
    const { due, position, message } = entry
    const { length } = message.body
    this.segments.push({ index: this.count, count: 1, position, block: -1, due, bytes: length })
    this.#pieces.push(entry)
    this.#addExtras(this.count, message.attempts + 1, message.id, message.key)
    this.#sentBy(message.sender)
    this.#grow(message.schemaId, 1, length)
  }

  /** What is dealt out. */
  build(lease: number): LeasedBlock {
    const positions: number[] = new Array(this.count)
    const times: number[] = new Array(this.count)
    const first = this.#pieces[0] as BlockPiece | ScheduledMessage
    let at = 0
    for (const piece of this.#pieces) {
      if ('block' in piece) {
        const start = piece.block.start + piece.offset
        for (let index = 0; index < piece.count; index++, at++) {
          positions[at] = start + index
          times[at] = piece.block.time
        }
      } else {
        positions[at] = piece.position
        times[at++] = piece.message.time
      }
    }
    const messages = this.#pieces.length === 1 && 'block' in first ? partOf(first) : this.#joined()
    return { lease, positions, times, messages, extras: this.extras, senders: this.#senders }
  }

  #grow(schemaId: Uint8Array, count: number, bytes: number): void {
    this.schemaId = schemaId
    this.count += count
    this.bytes += bytes
  }

  /** The next messages are those of a sender. */
  #sentBy(sender: PeerIdentity | undefined): void {
    const last = this.#senders.at(-1)?.sender
    if (last?.publicKey === sender?.publicKey && last?.name === sender?.name) return
    this.#senders.push({ index: this.count, sender })
  }

  #addExtras(index: number, attempt: number, id: string | undefined, key: string | undefined): void {
    if (attempt === 1 && id === undefined && key === undefined) return
    this.extras.push({
      index,
      ...(attempt === 1 ? undefined : { attempt }),
      ...(id === undefined ? undefined : { id }),
      ...(key === undefined ? undefined : { key }),
    })
  }

  #joined(): LeasedBlock['messages'] {
    const lengths: number[] = new Array(this.count)
    const checks = Buffer.allocUnsafe(4 * this.count)
    const bodies = Buffer.allocUnsafe(this.bytes)
    let at = 0
    let bodyAt = 0
    for (const piece of this.#pieces) {
      if ('block' in piece) {
        const { block, offset, count, bytes } = piece
        checks.set(block.checks.subarray(4 * offset, 4 * (offset + count)), 4 * at)
        bodies.set(block.bodies.subarray(piece.bodyAt, piece.bodyAt + bytes), bodyAt)
        for (let index = 0; index < count; index++) lengths[at++] = block.lengths[offset + index] as number
        bodyAt += bytes
      } else {
        const { body, check } = piece.message
        checks.writeUInt32BE(check, 4 * at)
        bodies.set(body, bodyAt)
        lengths[at++] = body.length
        bodyAt += body.length
      }
    }
    return { count: this.count, schemaId: this.schemaId as Uint8Array, lengths, checks, bodies }
  }
}

function partOf({ block, offset, count, bodyAt, bytes }: BlockPiece): LeasedBlock['messages'] {
  const { schemaId, lengths, checks, bodies } = block
  if (count === block.count) return { count, schemaId, lengths, checks, bodies }
  return {
    count,
    schemaId,
    lengths: lengths.slice(offset, offset + count),
    checks: checks.subarray(4 * offset, 4 * (offset + count)),
    bodies: bodies.subarray(bodyAt, bodyAt + bytes),
  }
}

/** How many messages of a block, from an offset on, fit into so many bytes; at least one, if there is a limit at all. */
export function fitting(block: Block, offset: number, limit: number, bytes: number): { count: number; bytes: number } {
  const rest = Math.min(limit, block.count - offset)
  if (rest === block.count && block.bodies.length <= bytes) return { count: rest, bytes: block.bodies.length }
  let count = 1
  let taken = block.lengths[offset] as number
  while (count < rest && taken + (block.lengths[offset + count] as number) <= bytes) {
    taken += block.lengths[offset + count] as number
    count += 1
  }
  return { count, bytes: taken }
}
