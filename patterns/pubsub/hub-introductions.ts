/**
 * The schemas that a new subscriber of a hub may need at once: those of the topics that were used within the last second.
 *
 * A publisher announces its schema to the first subscriber of a prefix, and once a second. Those that follow at a hub are
 * unknown to it, so the hub announces for it, by frames without messages that have the numbers of the publisher.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import { type DataFrame, writeIntroduction } from '../../src/wire/index.js'

/** Topics of which that is known. */
const maxTopics = 4096

interface UsedTopic {
  readonly part: Buffer
  readonly fingerprint: Buffer
  readonly schemaId: Buffer
  readonly source: Buffer
  readonly writerSchema: string
  /** The number of the next message, and the positions of it and of the last one. */
  sequence: number
  position: number
  previous: number
  /** How often prefixes had come to be wanted when it was forwarded last. */
  seenAt: number
}

/** What it needs of its hub. */
export interface HubIntroductionPorts {
  readonly clock: Clock
  /** How often publishers announce their schemas while they send, in milliseconds. */
  readonly announceMs: number
  /** Whether a topic, as on the wire, is wanted without a break since a number of changes. */
  isWanted(part: Buffer, changes: number): boolean
  /** Sends a frame without messages. */
  send(part: Buffer, frame: Buffer): void
}

/** Announces schemas to new subscribers. */
export class HubIntroductions {
  readonly #ports: HubIntroductionPorts
  /** Topics that were used since the last tick, and before it. */
  #recent = new Map<string, UsedTopic>()
  #former = new Map<string, UsedTopic>()
  #tick: Timer | undefined
  /** Prefixes that were subscribed in this turn. */
  readonly #prefixes = new Set<string>()
  // once for all subscriptions of a turn, since a flood of them would search all topics as often
  readonly #introducing = new OncePerTurn(() => this.#introduce())

  constructor(ports: HubIntroductionPorts) {
    this.#ports = ports
  }

  /**
   * A frame of a topic was forwarded, whose schema is known.
   *
   * @param seenAt - How often prefixes came to be wanted.
   */
  forwarded(key: string, { header, topic }: DataFrame, writerSchema: string, seenAt: number): void {
    const { position, sequence, count, previous } = header
    let used = this.#recent.get(key)
    if (used === undefined && this.#recent.size >= maxTopics) return
    if (used === undefined || used.writerSchema !== writerSchema) {
      // copies, since what was read may be a part of a large frame
      used = {
        part: Buffer.from(topic as Buffer),
        fingerprint: Buffer.from(header.fingerprint),
        schemaId: Buffer.from(header.schemaId),
        source: Buffer.from(header.source),
        writerSchema,
        sequence: 0,
        position: 0,
        previous: 0,
        seenAt,
      }
      this.#recent.set(key, used)
    }
    used.sequence = sequence + count
    used.position = position + count
    used.previous = count > 0 ? position + count - 1 : previous
    used.seenAt = seenAt
    this.#tick ??= this.#ports.clock.setTimer(() => this.#onTick(), this.#ports.announceMs)
  }

  /** Somebody has subscribed to a prefix. */
  subscribed(prefix: Buffer): void {
    if (this.#recent.size + this.#former.size === 0) return
    this.#prefixes.add(prefix.toString('latin1'))
    this.#introducing.schedule()
  }

  close(): void {
    this.#tick?.cancel()
    this.#tick = undefined
    this.#recent.clear()
    this.#former.clear()
  }

  #onTick(): void {
    this.#former = this.#recent
    this.#recent = new Map()
    const isIdle = this.#former.size === 0
    this.#tick = isIdle ? undefined : this.#ports.clock.setTimer(() => this.#onTick(), this.#ports.announceMs)
  }

  #introduce(): void {
    for (const topic of this.#recent.values()) if (this.#isWanted(topic.part)) this.#send(topic)
    for (const [key, topic] of this.#former) {
      if (!this.#recent.has(key) && this.#isWanted(topic.part)) this.#send(topic)
    }
    this.#prefixes.clear()
  }

  /** Whether one of the prefixes is a beginning of a topic in whole words. */
  #isWanted(part: Buffer): boolean {
    if (this.#prefixes.has('')) return true
    const text = part.toString('latin1')
    for (let dot = text.indexOf('.'); dot >= 0; dot = text.indexOf('.', dot + 1)) {
      if (this.#prefixes.has(text.slice(0, dot + 1))) return true
    }
    return false
  }

  #send({ part, seenAt, ...header }: UsedTopic): void {
    // what left while nobody wanted it is not known here; its publisher is subscribed again, and announces it
    if (!this.#ports.isWanted(part, seenAt)) return
    this.#ports.send(part, writeIntroduction({ ...header, time: this.#ports.clock.wallNow() }, part))
  }
}
