/**
 * Publishers of a socket that cannot be followed over links, where a policy says who may publish what: plain ZeroMQ sockets, and
 * Rivulets that do not know how.
 *
 * Pure but for a clock. They are not subscribed to, so that nothing shows them but that they do not answer, and frames that they
 * send all the same.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import type { SecurityGuard } from '../../src/security/index.js'

/** What it needs. */
export interface PlainPublishersPorts {
  readonly clock: Clock
  /** Connections that peers have made. */
  accepted(): number
  /** Whether answers are read now. */
  isReading(): boolean
  /** So many connections do not lead to publishers that can be followed, or so many frames have come on a topic. */
  denied(count: number, topic?: Buffer): void
}

/** How long a publisher may take to answer, in milliseconds: counted from the last connection that came or went. */
const graceMs = 1500

/** Publishers that are counted. */
const maxSources = 4096

/** Compares the connections of a socket with the publishers that have answered over it. */
export class PlainPublishers {
  readonly #ports: PlainPublishersPorts
  /** Over how many connections each publisher has answered at least. */
  readonly #found = new Map<string, number>()
  #reported = 0
  #timer: Timer | undefined
  #isClosed = false

  constructor(ports: PlainPublishersPorts) {
    this.#ports = ports
  }

  /** A connection came, or one has `ended`: whose it was is not known, so that all are asked again. */
  changed(ended: boolean): void {
    if (this.#isClosed) return
    if (ended) this.#found.clear()
    this.#timer?.cancel()
    this.#later()
  }

  /** A publisher that can be followed has answered, and how many connections that proves. */
  answered(source: string, connections: number): void {
    const known = this.#found.get(source)
    if (known === undefined && this.#found.size >= maxSources) return
    this.#found.set(source, Math.max(known ?? 0, connections))
  }

  /** A frame has come. */
  frame(topic: Buffer): void {
    this.#ports.denied(1, topic)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #later(): void {
    this.#timer = this.#ports.clock.setTimer(() => this.#look(), graceMs)
  }

  #look(): void {
    if (!this.#ports.isReading()) {
      this.#later()
      return
    }
    let found = 0
    for (const connections of this.#found.values()) found += connections
    const excess = Math.max(0, this.#ports.accepted() - found)
    if (excess > this.#reported) this.#ports.denied(excess - this.#reported)
    this.#reported = excess
  }
}

/** Reports connections that lead to no publisher that can be followed, or frames of one on a topic. */
export function notePlain(guard: SecurityGuard | undefined, count: number, topic: Buffer | undefined): void {
  const target = topic && { target: topic.toString().replace(/\.$/, '') }
  for (let times = 0; times < count; times++) guard?.note({ kind: 'denied', reason: 'publish', ...target })
}
