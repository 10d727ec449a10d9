/**
 * The contract between the benchmarks and a way to move messages between two processes.
 *
 * A new row is a new file beside this one and a line in `index.ts`. A way that cannot do one of these leaves it out.
 */
import type { Observable } from 'rxjs'
import type { Tick } from '../tick.js'

/** Where a peer is to be reached. */
export type Endpoints = readonly string[]

/** A way to move messages, as its users would write it. */
export interface Way {
  /** Receives, and hands the messages to `take` as an observable; resolves when it can be reached. */
  consume(take: (messages: Observable<Tick>) => void): Promise<Endpoints>
  /** Sends as fast as it is let, in the named manner; never ends. */
  readonly produce: Readonly<Record<string, (endpoints: Endpoints) => Promise<never>>>
  /** Sends everything back that arrives; resolves when it can be reached. */
  echo?(): Promise<Endpoints>
  /** Connects to an echo; returns what sends one message and resolves with its echo. */
  exchange?(endpoints: Endpoints): Promise<(value: Tick) => Promise<Tick>>
  /** Receives and works on one message at a time, each for so long; resolves when it can be reached. */
  consumeSlowly?(workMs: number, done: () => void): Promise<Endpoints>
}
