/** The contract between the benchmarks and a durable queue of which the depth is kept while messages pass. */
import type { Counter } from './durable-way.js'
import type { Endpoints } from './way.js'

export type { Counter } from './durable-way.js'

/** The most messages that the consumer has. */
export const prefetch = 4096

/** Messages that are published beyond those that are replaced: those that are being written to the disk. */
export const ahead = 4096

/** A host that was opened. */
export interface OpenedHost {
  /** How long that took, in milliseconds. */
  readonly ms: number
  readonly endpoints: Endpoints
}

/** What a queue holds, in messages. */
export interface Look {
  /** Those that wait. */
  readonly ready: number
  /** All, those that the consumer has included. */
  readonly depth: number
}

/** A durable queue at a depth. */
export interface DepthWay {
  /** Opens a host with a folder, and serves. */
  open(folder: string): Promise<OpenedHost>
  /** Counts the messages of this moment; for the process of the host. */
  look(): Look
  /** Publishes so many messages, and waits for their confirmations. */
  fill(endpoints: Endpoints, messages: number): Promise<void>
  /** Acknowledges all that comes, as soon as the one who replaces it has come to the port, but at first it holds it. */
  consume(endpoints: Endpoints): Promise<{ readonly port: number; readonly counter: Counter }>
  /** Lets a consumer hold what comes, or acknowledge it and all that it has held. */
  hold(isHeld: boolean): void
  /** Publishes so many more, and then as many as are acknowledged. */
  replace(endpoints: Endpoints, port: number, more: number): Promise<void>
  /** Ends the work of this process; unsettled messages go back. */
  end(): Promise<void>
}
