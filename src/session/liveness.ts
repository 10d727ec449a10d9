/**
 * What one side knows of its peer by the clock: silent or not, acknowledging or not; and of itself, whether it stalled.
 *
 * Silence alone never ends a session: a busy event loop is no dead one. It costs the connection, which may be dead. DESIGN §4,
 * Liveness.
 */
import type { SessionSettings } from './session-settings.js'

/** Heartbeats without a tick after which this side has stalled. */
const stalledBeats = 3

/** The clock's part of a session; all times in milliseconds. */
export class Liveness {
  readonly #settings: SessionSettings
  #receivedAt: number
  #progressAt: number
  #tickedAt: number
  #cutAt = 0
  #suspected = false

  constructor(settings: SessionSettings, now: number) {
    this.#settings = settings
    this.#receivedAt = this.#progressAt = this.#tickedAt = now
  }

  /** When the last frame came. */
  get receivedAt(): number {
    return this.#receivedAt
  }

  /** Whether nothing has come for long. */
  get suspected(): boolean {
    return this.#suspected
  }

  /** A frame has come; returns whether the peer was suspected. */
  received(now: number): boolean {
    const suspected = this.#suspected
    this.#receivedAt = now
    this.#suspected = false
    return suspected
  }

  /** The peer has acknowledged something, or has nothing to acknowledge. */
  progressed(now: number): void {
    this.#progressAt = now
  }

  /** A connection begins. */
  connected(now: number): void {
    this.#receivedAt = this.#progressAt = now
    this.#suspected = false
  }

  /** There is a connection, on which the peer has not answered yet: its process lives. */
  reached(now: number): void {
    this.#cutAt = now
  }

  /** The connection is lost. */
  cut(now: number): void {
    this.#cutAt = now
  }

  /** To be called with each tick: a side that has stalled knows nothing of its peer, and gives it a fresh period. */
  tick(now: number): void {
    const { heartbeatMs } = this.#settings
    if (now - this.#tickedAt > stalledBeats * heartbeatMs) this.#receivedAt = this.#progressAt = this.#cutAt = now
    this.#tickedAt = now
  }

  /** Whether there has been no connection for so long that the session ends. */
  isLost(now: number): boolean {
    return now - this.#cutAt > this.#settings.retentionMs
  }

  /** Suspects the peer if nothing has come for long; returns whether that is new. */
  suspect(now: number): boolean {
    if (this.#suspected || now - this.#receivedAt <= this.#settings.silenceMs) return false
    this.#suspected = true
    return true
  }

  /** Whether the peer has acknowledged nothing for a heartbeat, though there was something. */
  isBehind(now: number): boolean {
    return now - this.#progressAt > this.#settings.heartbeatMs
  }

  /** Whether the peer is received and yet acknowledges nothing. */
  isStuck(now: number): boolean {
    const { heartbeatMs, silenceMs } = this.#settings
    return now - this.#progressAt > silenceMs && now - this.#receivedAt < stalledBeats * heartbeatMs
  }
}
