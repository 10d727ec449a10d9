/**
 * What a sender and its host say of numbered messages: the records of the answers, which the service of a host takes up, and
 * the shape of a batch, whose extras are the service's own.
 */
import { type InferIn, record } from '../avro/index.js'
import { items } from '../wire/index.js'

/** The records of a host's answers. */
export const sendTypes = [
  // a message whose id was there already, and its place
  record('Duplicate', { index: 'int', position: 'long' }),
  record('StoredBatch', {
    number: 'long',
    repeated: { schema: 'int', default: 0 },
    position: 'long',
    duplicates: items('Duplicate'),
  }),
  // one that was not stored, or not all of it
  record('RefusedBatch', {
    number: 'long',
    expected: 'long',
    code: 'string',
    message: 'string',
    repeated: { schema: 'int', default: 0 },
    position: { schema: 'long', default: 0 },
    duplicates: items('Duplicate'),
  }),
] as const

type Named<Name extends string> = InferIn<Name, number, (typeof sendTypes)[number]>

/** A message whose id was there already, and its place. */
export type Duplicate = Named<'Duplicate'>

/** A batch that was not stored, or not all of it. */
export type RefusedBatch = Named<'RefusedBatch'>

/** What a message may have beside its value; more of it is what the host makes of it. */
export interface Extras {
  /** The id that its sender gave it, which its outcome names. */
  readonly id?: string | null | undefined
}

/** What a sender says: how it begins, or a batch. */
export interface SendRequest<Open, E extends Extras> {
  open?: Open | null | undefined
  batch?: Batch<E> | null | undefined
}

/** Messages that are sent together. */
export interface Batch<E extends Extras> {
  /** The number of the transmission on this stream, from 1 on. */
  number: number
  /** The sequence of its first message, which it keeps over all streams. */
  sequence: number
  schemaId: Uint8Array
  schema?: string | null | undefined
  lengths: readonly number[]
  checks: Uint8Array
  bodies: Uint8Array
  extras?: readonly IndexedExtras<E>[] | undefined
}

/** What the message at an index has. */
export type IndexedExtras<E extends Extras> = E & { index: number }

/** The answers to a sender: which batches are stored, and which were refused. */
export interface SendAnswer {
  /** The host takes this stream; `expected` is the sequence of the next message, which some hosts report. */
  readonly opened?: { readonly maxMessageBytes: number; readonly expected?: number | undefined } | null | undefined
  readonly stored?: readonly Named<'StoredBatch'>[] | undefined
  readonly refused?: readonly RefusedBatch[] | undefined
}
