/**
 * What a sender and its host say of numbered messages: the shapes. The service of a host describes them in Avro.
 */

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
  readonly opened?: { readonly maxMessageBytes: number } | null | undefined
  readonly stored?: readonly StoredBatch[] | undefined
  readonly refused?: readonly RefusedBatch[] | undefined
}

/** A message whose id was there already, and its place. */
export interface Duplicate {
  readonly index: number
  readonly position: number
}

/** A batch that is stored. */
export interface StoredBatch {
  readonly number: number
  readonly repeated?: number | undefined
  readonly position: number
  readonly duplicates?: readonly Duplicate[] | undefined
}

/** A batch that was not stored, or not all of it. */
export interface RefusedBatch {
  readonly number: number
  readonly expected: number
  readonly code: string
  readonly message: string
  readonly repeated?: number | undefined
  readonly position?: number | undefined
  readonly duplicates?: readonly Duplicate[] | undefined
}
