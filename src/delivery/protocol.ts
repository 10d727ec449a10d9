/**
 * What a consumer and its host say of messages under leases: the shapes, and their bounds. The service of a host describes
 * them in Avro.
 */

/** Characters of a reason, and of a stack, that are kept of a failure: a consumer sends no more, a host stores no more. */
export const maxReasonCharacters = 1000
export const maxStackCharacters = 4096

/** The longest delay of a message, in milliseconds: ten years. */
export const maxDelayMs = 315_360_000_000

/** The bounds of the time of a lease, in milliseconds: up to a day. */
export const minLeaseMs = 100
export const maxLeaseMs = 86_400_000

/** What a consumer says: how it begins, for how many messages it has room, and what became of those that it had. */
export interface DeliveryRequest<Open> {
  open?: Open | null | undefined
  number?: number | undefined
  credit?: number | undefined
  settlements?: SettledRange[] | undefined
  extend?: number[] | undefined
  unreadable?: Buffer[] | undefined
}

/** The answers, and the messages. */
export interface DeliveryAnswer {
  readonly opened?: DeliveryOpened | null | undefined
  readonly leased?: LeasedMessages | null | undefined
  readonly settled?: SettledRequest[] | undefined
  readonly extended?: number[] | undefined
  readonly lost?: number[] | undefined
}

/** How its stream begins. */
export interface DeliveryOpened {
  readonly epoch: string
  readonly leaseMs: number
  readonly lost?: number[] | undefined
  readonly setsAside?: boolean | undefined
}

/** What became of messages that are side by side under one lease. */
export interface SettledRange {
  lease: number
  index: number
  count: number
  kind: 'ack' | 'nack' | 'reject' | 'release'
  delayMs?: number | null | undefined
  reason?: string | null | undefined
  stack?: string | null | undefined
  unreadable?: boolean | undefined
}

/** What becomes of messages, without their place. */
export type Fate = Pick<SettledRange, 'kind' | 'delayMs' | 'reason' | 'stack' | 'unreadable'>

/** Messages under a lease. */
export interface LeasedMessages {
  lease: number
  position: number
  positions?: number[] | undefined
  time: number
  times?: number[] | undefined
  schemaId: Buffer
  schema?: string | null | undefined
  lengths: number[]
  checks: Buffer
  bodies: Buffer
  extras?: DeliveredExtras[] | undefined
}

/** What some of them have. */
export interface DeliveredExtras {
  index: number
  attempt?: number | undefined
  id?: string | null | undefined
  key?: string | null | undefined
}

/** What became of the settlements of a request. */
export interface SettledRequest {
  readonly number: number
  readonly outcomes: RangeOutcome[]
}

/** What became of a settlement. */
export interface RangeOutcome {
  readonly settled: number
  readonly stale: number
  readonly code?: string | null | undefined
  readonly message?: string | null | undefined
}
