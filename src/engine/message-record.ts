/**
 * One message as a record of its own: one that was delayed, failed, was given back, or is a dead letter.
 *
 * It holds all there is to know about it, so that its block can go. Layout: version, flags, attempts u32, time u64,
 * expires u64, check u32, schema id (16), bytes of the rest u32; the rest (JSON), the body. All numbers are big-endian.
 */
import type { PeerIdentity } from '../security/index.js'
import { readU64, writeU64 } from '../store/index.js'
import type { FailedAttempt } from './engine.js'

/** A single message. */
export interface StoredMessage {
  readonly schemaId: Uint8Array
  /** When it was stored, in milliseconds since 1970. */
  readonly time: number
  /** Deliveries that count so far. */
  readonly attempts: number
  /** Not to be delivered from here on, in milliseconds since 1970; 0 for no end. */
  readonly expires: number
  readonly check: number
  readonly body: Uint8Array
  readonly id?: string | undefined
  readonly key?: string | undefined
  readonly history?: readonly FailedAttempt[] | undefined
  readonly origin?: { readonly queue: string; readonly position: number } | undefined
  /** The sender, if it is known. */
  readonly sender?: PeerIdentity | undefined
}

/** The last failures that are kept of a message, and what they may take, in bytes. */
const keptFailures = 10
const reasonChars = 1024
const stackChars = 4096
const historyBytes = 49_152

const version = 1
const fixedBytes = 46

/** A message as the parts of a record. */
export function encodeMessage(message: StoredMessage): Uint8Array[] {
  const { id, key, history, origin, sender } = message
  const hasMore =
    id !== undefined || key !== undefined || origin !== undefined || sender || (history && history.length > 0)
  const rest = hasMore ? Buffer.from(JSON.stringify({ id, key, history, origin, sender })) : undefined
  const head = Buffer.allocUnsafe(fixedBytes + (rest?.length ?? 0))
  head[0] = version
  head[1] = 0
  head.writeUInt32BE(message.attempts, 2)
  writeU64(head, message.time, 6)
  writeU64(head, message.expires, 14)
  head.writeUInt32BE(message.check, 22)
  head.set(message.schemaId, 26)
  head.writeUInt32BE(rest?.length ?? 0, 42)
  if (rest) head.set(rest, fixedBytes)
  return [head, message.body]
}

/** Reads a message. */
export function decodeMessage(value: Uint8Array, intern: (schemaId: Uint8Array) => Uint8Array): StoredMessage {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const bodyAt = fixedBytes + bytes.readUInt32BE(42)
  const rest = bodyAt > fixedBytes ? JSON.parse(bytes.toString('utf8', fixedBytes, bodyAt)) : undefined
  return {
    schemaId: intern(bytes.subarray(26, 42)),
    time: readU64(bytes, 6),
    attempts: bytes.readUInt32BE(2),
    expires: readU64(bytes, 14),
    check: bytes.readUInt32BE(22),
    body: bytes.subarray(bodyAt),
    id: rest?.id,
    key: rest?.key,
    history: rest?.history,
    origin: rest?.origin,
    sender: rest?.sender,
  }
}

/** The history of a message with one failure more: the last ones, of a bounded size. */
export function withFailure(history: readonly FailedAttempt[] | undefined, failure: FailedAttempt): FailedAttempt[] {
  const { reason, stack, ...rest } = failure
  const cut: FailedAttempt = {
    ...rest,
    ...(reason === undefined ? undefined : { reason: reason.slice(0, reasonChars) }),
    ...(stack === undefined ? undefined : { stack: stack.slice(0, stackChars) }),
  }
  const kept = [...(history ?? []), cut].slice(-keptFailures)
  while (kept.length > 1 && Buffer.byteLength(JSON.stringify(kept)) > historyBytes) kept.shift()
  return kept
}
