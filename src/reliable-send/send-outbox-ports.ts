/** The contract between an outbox and its sender. */
import type { RivuletError } from '../errors/index.js'
import type { Extras } from './protocol.js'
import type { ExtrasCost } from './sent-batch.js'

/** What a sender does about what its outbox tells. */
export interface SendOutboxPorts<Open, E extends Extras> {
  /** How a stream begins; asked for at each. */
  readonly opening: Open
  /** What the extras of a message take, in bytes. */
  readonly costOf: ExtrasCost<E>
  readonly limitBytes: number
  /** Whether each message has a check, for a host that stores it. Default: true. */
  readonly checks?: boolean | undefined
  /** The first buffer for messages, in bytes. Default: 64 KiB. */
  readonly smallestSlabBytes?: number | undefined
  /** There is something to take. */
  wake(): void
  /** Messages were taken and are lost; of `unreported` ones no promise says why. */
  lost(reason: string, messages: number, unreported: number, error: RivuletError): void
}
