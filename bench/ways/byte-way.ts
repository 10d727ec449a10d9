/**
 * The contract between the benchmarks and a way to move bytes between two processes, in pieces of 64 KiB.
 */
import type { Counter } from './durable-way.js'
import type { Endpoints } from './way.js'

/** What is sent at a time, in bytes. */
export const pieceBytes = 65_536

/** A way to move bytes, as its users would write it. */
export interface ByteWay {
  /** Receives; resolves when it can be reached. The counter counts pieces, also in parts. */
  receive(): Promise<{ readonly endpoints: Endpoints; readonly counter: Counter }>
  /** Sends pieces as fast as it is let; never ends. */
  send(endpoints: Endpoints): Promise<never>
}
