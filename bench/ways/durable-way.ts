/**
 * The contract between the benchmarks and a durable queue.
 *
 * The queue is empty at first; one process publishes to it, later another consumes from it. What is counted is asked for,
 * so that counting costs nothing for each message.
 */
import type { Endpoints } from './way.js'

/** Messages so far. */
export type Counter = () => number

/** How messages are published: one by one, with so many in flight; or in bulk, as fast as the way can. */
export type PublishManner = 'send' | 'sendAll'

/** A durable queue, as its users would write it. */
export interface DurableWay {
  /** The kind of the queue and the settings of its clients, for people. */
  readonly settings: string
  /** Serves from an empty folder; resolves when it can be reached. A way without it has a server that is no Node process. */
  host?(folder: string): Promise<Endpoints>
  /** Publishes without end; resolves when it has begun, with a counter of confirmed messages. */
  readonly publish: Readonly<Record<PublishManner, (endpoints: Endpoints) => Promise<Counter>>>
  /** Consumes, and acknowledges every message; resolves when it has begun, with a counter of acknowledged messages. */
  consume(endpoints: Endpoints): Promise<Counter>
}

/** How many messages are in flight where each is sent alone. */
export const inFlight = 256

/** Calls so often at the same time, without end; returns what counts the calls that have succeeded. */
export function callForEver(call: (id: number) => Promise<unknown>): Counter {
  let id = 0
  let done = 0
  const loop = async (): Promise<never> => {
    for (;;) {
      id += 1
      await call(id)
      done += 1
    }
  }
  for (let one = 0; one < inFlight; one++) void loop()
  return () => done
}
