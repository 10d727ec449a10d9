/**
 * The contract between the benchmarks and a way to call functions of another process.
 */
import type { Observable } from 'rxjs'
import type { Tick } from '../tick.js'

/** Where a peer is to be reached. */
export type Endpoints = readonly string[]

/** What calls. */
export interface Caller {
  /** Calls a function that returns what it is given. */
  call(tick: Tick): Promise<Tick>
  /** Calls a function with a stream of responses without end. */
  watch?(take: (responses: Observable<Tick>) => void): void
}

/** A way to call, as its users would write it. */
export interface CallWay {
  /** Serves; resolves when it can be reached. */
  serve(): Promise<Endpoints>
  connect(endpoints: Endpoints): Promise<Caller>
}
