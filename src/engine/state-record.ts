/**
 * The numbers of a queue that every write may change, as one record: where it begins and ends, and what it holds.
 *
 * They spare an engine that is opened a look at the messages themselves.
 */
import { readU64, writeU64 } from '../store/index.js'

/** The numbers, in the order in which they are written; a version may add some at the end. */
const fields = [
  'nextPosition',
  'nextLease',
  'headStart',
  'headOffset',
  'headBytes',
  'ready',
  'readyBytes',
  'due',
  'delayed',
  'laterBytes',
  'parked',
  'parkedBytes',
  'leases',
  'keyOrder',
  'scannedDue',
  'scannedPosition',
  'writtenAt',
  'held',
  'aside',
] as const

/** Where the time of the write is, which alone does not make another state. */
const timeAt = 8 * fields.indexOf('writtenAt')

/** The state of a queue on disk. */
export type QueueState = Record<(typeof fields)[number], number>

/** A state as a record. */
export function encodeState(state: QueueState): Buffer {
  const bytes = Buffer.allocUnsafe(8 * fields.length)
  for (let at = 0; at < fields.length; at++) writeU64(bytes, state[fields[at] as keyof QueueState], 8 * at)
  return bytes
}

/** Reads a state. */
export function decodeState(value: Uint8Array): QueueState {
  const number = (at: number): number => (8 * at < value.length ? readU64(value, 8 * at) : 0)
  return Object.fromEntries(fields.map((field, at) => [field, number(at)])) as QueueState
}

/** Whether a state is that of a record, but for the time. */
export function isSameState(state: Buffer, record: Buffer): boolean {
  const isSame = (from: number, to: number) => state.compare(record, from, to, from, to) === 0
  return record.length === state.length && isSame(0, timeAt) && isSame(timeAt + 8, state.length)
}
