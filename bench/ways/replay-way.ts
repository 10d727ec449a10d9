/**
 * The contract between the benchmarks and a log of a topic that is read again: one process stores, others read from the
 * beginning.
 */
import type { Endpoints } from './way.js'

/** A log, as its users would write it. */
export interface ReplayWay {
  /** The settings of its clients, for people. */
  readonly settings: string
  /**
   * Stores messages; resolves when they are, with where they are read. The process stays.
   *
   * @param server - Where the server is, of a way that has one.
   * @param folder - Where a way may keep them; empty.
   */
  store(server: Endpoints, messages: number, folder: string): Promise<Endpoints>
  /** Reads from the beginning until so many messages came; resolves with the milliseconds that it took, once connected. */
  replay(endpoints: Endpoints, messages: number): Promise<number>
}
