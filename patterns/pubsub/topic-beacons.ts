/**
 * When topics send beacons: soon after the last message of a burst, and again a few times with doubling pauses, then never again.
 *
 * A beacon shows a subscriber that has lost the last messages where the numbers of the topic stand. Pure but for a clock and the
 * next turn; the work of one turn is bounded. It makes no frames.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import { Fifo } from '../../src/lifecycle/index.js'

/** What beacons keep of a topic; it is the owner's, and begins with `unused`. */
export interface Beaconed {
  /** The interval in which it was last used. */
  usedIn: number
}

/** Of a topic that was never used. */
export const unused = -1

/** What beacons need. */
export interface BeaconPorts<Topic> {
  readonly clock: Clock
  /** Calls back in the next turn of the event loop. */
  nextTurn(callback: () => void): void
  /** A topic sends a beacon now, if anybody wants it. */
  send(topic: Topic): void
}

/** How often topics that have become quiet are looked for, in milliseconds: a beacon leaves after one to two of these. */
const intervalMs = 200

/** The pauses between the beacons of one burst, in milliseconds. */
const pausesMs = [500, 1000, 2000, 4000, 8000, 16_000, 32_000]

/** Beacons that are sent in one turn. */
const beaconsPerTurn = 64

/** Further beacons that are remembered; beyond that, those that are due first are forgotten. */
const maxRemembered = 65_536

/** The next beacon of a burst. */
interface Due<Topic> {
  readonly topic: Topic
  /** The interval in which its burst ended. */
  readonly usedIn: number
  readonly at: number
  /** Which pause it has waited for. */
  readonly step: number
}

/** Sends the beacons of the topics of one publisher. */
export class TopicBeacons<Topic extends Beaconed> {
  readonly #ports: BeaconPorts<Topic>
  #interval = 0
  /** Used in this interval, and in the one before, each topic once. */
  #fresh: Topic[] = []
  #lately: Topic[] = []
  /** Bursts that wait for their next beacon, by its pause and in order. */
  readonly #waiting = pausesMs.map(() => new Fifo<Due<Topic>>())
  #remembered = 0
  /** Beacons to be sent now. */
  readonly #due = new Fifo<Due<Topic>>()
  #isSending = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isClosed = false
  readonly #continue = () => {
    this.#isSending = false
    this.#sendSome()
  }

  constructor(ports: BeaconPorts<Topic>) {
    this.#ports = ports
  }

  /** A topic sends messages. */
  used(topic: Topic): void {
    if (topic.usedIn === this.#interval) return
    topic.usedIn = this.#interval
    this.#fresh.push(topic)
    if (this.#fresh.length === 1) this.#arm(this.#ports.clock.now() + intervalMs)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#fresh = []
    this.#lately = []
    this.#due.clear()
    for (const waiting of this.#waiting) waiting.clear()
  }

  #arm(at: number): void {
    if (this.#isClosed || at >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = at
    const { clock } = this.#ports
    this.#timer = clock.setTimer(() => this.#onTimer(), Math.max(0, at - clock.now()))
  }

  #onTimer(): void {
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#ports.clock.now()
    const quiet = this.#lately
    this.#lately = this.#fresh
    this.#fresh = []
    for (const topic of quiet) {
      // one that was used in this interval is among those of the next
      if (topic.usedIn < this.#interval) this.#due.push({ topic, usedIn: topic.usedIn, at: now, step: 0 })
    }
    this.#interval += 1
    for (const waiting of this.#waiting) {
      for (let due = waiting.first; due !== undefined && due.at <= now; due = waiting.first) {
        waiting.shift()
        this.#remembered -= 1
        this.#due.push(due)
      }
    }
    this.#sendSome()
    if (this.#lately.length > 0) this.#arm(now + intervalMs)
    for (const { first } of this.#waiting) if (first !== undefined) this.#arm(first.at)
  }

  /** Sends some beacons in this turn, and the others in the next ones. */
  #sendSome(): void {
    if (this.#isSending) return
    for (let sent = 0; this.#due.length > 0; sent++) {
      if (sent === beaconsPerTurn) {
        this.#isSending = true
        this.#ports.nextTurn(this.#continue)
        return
      }
      const { topic, usedIn, step } = this.#due.shift() as Due<Topic>
      // another burst has its own beacons
      if (topic.usedIn !== usedIn) continue
      this.#ports.send(topic)
      this.#remember(topic, usedIn, step)
    }
  }

  #remember(topic: Topic, usedIn: number, step: number): void {
    const pauseMs = pausesMs[step]
    if (pauseMs === undefined || this.#isClosed) return
    const at = this.#ports.clock.now() + pauseMs
    this.#waiting[step]?.push({ topic, usedIn, at, step: step + 1 })
    this.#remembered += 1
    this.#arm(at)
    if (this.#remembered <= maxRemembered) return
    const longest = this.#waiting.reduce((one, other) => (other.length > one.length ? other : one))
    longest.shift()
    this.#remembered -= 1
  }
}
