/**
 * What the durable queue promises, as seen from outside of the engine: who was told what, and what was delivered.
 *
 * It knows every message by its text, and survives every crash.
 */
import type {
  FailedAttempt,
  LeasedBlock,
  MessageExtras,
  QueueSettings,
  Settlement,
  SettleOutcome,
} from '../../src/engine/index.js'
import { textsOf } from '../engine/engine-world.js'
import type { Scheduler } from './scheduler.js'
import { BrokenPromise } from './session-oracle.js'

/** What is known of one message. */
export interface Known {
  readonly text: string
  readonly key: string | undefined
  readonly id: string | undefined
  /** When it may be delivered at the earliest, as the host counts time. */
  readonly notBefore: number
  readonly delayMs: number
  /** Whether it may be dropped, by a limit or a time of its own. */
  mayGo: boolean
  /** Its sender was told that it is stored, or that another one is in its place. */
  confirmed: boolean
  isDuplicate: boolean
  position: number | undefined
  /** The last lease and the last attempt that it was delivered under. */
  lease: number
  attempt: number
  /** Attempts that may have been counted since without a delivery: their leases were stored by writes before a crash. */
  hidden: number
  /** Whether it may be delivered under the same attempt once more: somebody gave it back, or may have. */
  mayRepeat: boolean
  /** What was said of it that may have been stored, without the outcome having been told. */
  maybeGone: boolean
  maybeDead: boolean
  acked: boolean
}

/** A dead letter as it is found in the end. */
export interface DeadLetter {
  readonly text: string
  /** Where it was in its queue. */
  readonly position: number
  readonly history: readonly FailedAttempt[]
}

/** When a message has its turn: the time from which it is ready, by the clock of the host, and its position. */
interface Turn {
  readonly ready: number
  readonly position: number
}

/** A lease as it was delivered. */
interface KnownLease {
  readonly texts: readonly string[]
  readonly consumer: string
  readonly host: number
}

/** Takes down what happens, and compares it with what was promised. */
export class QueueOracle {
  readonly known = new Map<string, Known>()
  delivered = 0
  broken: BrokenPromise | undefined
  readonly #settings: QueueSettings
  readonly #scheduler: Scheduler
  /** Time that has passed for the host alone, since its clock was set forward before it was opened, in milliseconds. */
  #skippedMs = 0
  readonly #leases = new Map<number, KnownLease>()
  readonly #positions = new Map<number, string>()
  /** Of each key, the message that was delivered and is not settled, and the last turn that was begun. */
  readonly #holders = new Map<string, Known>()
  readonly #begun = new Map<string, Turn>()
  /** Whether dead letters were moved back, which gives them other positions, and the attempts of new messages. */
  #wereRedriven = false

  constructor(settings: QueueSettings, scheduler: Scheduler) {
    this.#settings = settings
    this.#scheduler = scheduler
  }

  /** The host is opened, and its clock was set forward since it was opened before. */
  skipped(ms: number): void {
    this.#skippedMs += ms
  }

  /** A message will be sent. */
  made(text: string, { key, id, delayMs = 0, ttlMs }: Omit<MessageExtras, 'index'>): void {
    const { maxAgeMs, overflow, maxLength, maxBytes } = this.#settings
    const isBounded = overflow === 'drop-oldest' && Math.min(maxLength, maxBytes) !== Number.POSITIVE_INFINITY
    this.known.set(text, {
      text,
      key,
      id,
      notBefore: this.#now + delayMs,
      delayMs,
      mayGo: ttlMs !== undefined || isBounded || maxAgeMs !== Number.POSITIVE_INFINITY,
      confirmed: false,
      isDuplicate: false,
      position: undefined,
      lease: 0,
      attempt: 0,
      hidden: 0,
      mayRepeat: true,
      maybeGone: false,
      maybeDead: false,
      acked: false,
    })
  }

  /** A sender was told that a message is stored, at a place if that is known. */
  confirmed(text: string, position: number | undefined, isDuplicate: boolean): void {
    const message = this.#of(text)
    message.confirmed = true
    message.isDuplicate ||= isDuplicate
    if (isDuplicate) {
      if (message.id === undefined) this.#fail(`${text} is called a duplicate, and has no id`)
      if (message.position !== undefined) this.#fail(`${text} is called a duplicate, and was delivered`)
    } else if (position !== undefined) {
      // it may be back from the dead letters, behind where it was, before its sender is told
      const isBack = this.#wereRedriven && message.position !== undefined && message.position > position
      if (!isBack) this.#place(message, position)
    }
    // one that was stored before may have been a duplicate then, which nobody was told
    else if (message.id !== undefined) message.mayGo = true
  }

  /** Messages were delivered by the engine. */
  arrived(leased: LeasedBlock, consumer: string, host: number): void {
    const { lease, positions, times, extras } = leased
    const texts = textsOf(leased)
    if (this.#leases.has(lease)) this.#fail(`lease ${lease} was given twice`)
    this.#leases.set(lease, { texts, consumer, host })
    texts.forEach((text, index) => {
      const own = extras.find((one) => one.index === index)
      this.#arrivedOne(text, positions[index] as number, times[index] as number, own?.attempt ?? 1, lease, own)
    })
  }

  /** A consumer says something about messages, and the engine has heard it. */
  said({ lease, index, count, kind }: Settlement): void {
    for (const message of this.#messagesOf(lease, index, count)) {
      if (message.lease !== lease && !(kind === 'ack' && this.#mayAckLate(message, lease))) continue
      if (kind === 'ack') message.maybeGone = true
      if (kind === 'release') message.mayRepeat = true
      const isLast = message.attempt >= this.#settings.maxAttempts
      if (kind === 'reject' || (kind === 'nack' && isLast)) message.maybeDead = true
    }
  }

  /** The engine has told what became of that. */
  told({ lease, index, count, kind }: Settlement, { settled, stale, error }: SettleOutcome): void {
    if (error) return
    if (settled + stale < count) this.#fail(`of ${count} messages ${settled} were settled, ${stale} stale`)
    for (const message of settled === count ? this.#messagesOf(lease, index, count) : []) {
      if (message.lease !== lease && !(kind === 'ack' && this.#mayAckLate(message, lease)))
        this.#fail(`${message.text} was settled under lease ${lease}, it has ${message.lease}`)
      if (kind === 'ack') message.acked = true
      const isLast = message.attempt >= this.#settings.maxAttempts
      if (kind === 'ack' || kind === 'reject' || (kind === 'nack' && isLast)) this.#release(message)
    }
  }

  /** A lease is given back, since it has not left its host; returns how many messages it had. */
  withdrawn(lease: number): number {
    const texts = this.#leases.get(lease)?.texts ?? []
    for (const message of this.#messagesOf(lease, 0, texts.length)) {
      if (message.lease === lease) message.mayRepeat = true
    }
    return texts.length
  }

  /** Leases of a consumer but these are given back. */
  adopted(consumer: string, leases: readonly number[]): void {
    for (const [number, lease] of this.#leases) {
      if (lease.consumer !== consumer || leases.includes(number)) continue
      for (const message of this.#messagesOf(number, 0, lease.texts.length)) {
        if (message.lease === number) message.mayRepeat = true
      }
    }
  }

  /** Some dead letters may be moved back. */
  redriven(): void {
    this.#wereRedriven = true
  }

  /** The host has crashed. */
  crashed(): void {
    for (const message of this.#holders.values()) message.hidden += 1
  }

  /** All is at rest, and the queue was emptied: this is what the dead letters are. */
  checkEnd(dead: readonly DeadLetter[]): void {
    const buried = new Set<string>()
    for (const { text, position, history } of dead) {
      const message = this.#of(text)
      if (buried.has(text)) this.#fail(`${text} is a dead letter twice`)
      buried.add(text)
      if (message.position !== undefined && message.position !== position && !this.#wereRedriven)
        this.#fail(`${text} was never at ${position}`)
      if (message.acked) this.#fail(`${text} was acknowledged, and is a dead letter`)
      // a lease counts, also if a crash kept its messages from ever being delivered
      const last = history[history.length - 1]
      const isRejected = last?.cause === 'reject' && message.maybeDead
      if (!isRejected && (last?.attempt ?? 0) !== this.#settings.maxAttempts) {
        this.#fail(`${text} is a dead letter after ${last?.attempt} attempts`)
      }
    }
    for (const message of this.known.values()) {
      const { text, confirmed, isDuplicate, acked, maybeGone, mayGo } = message
      if (isDuplicate) continue
      if (!confirmed) this.#fail(`${text} was never confirmed`)
      if (!acked && !maybeGone && !buried.has(text) && !mayGo) this.#fail(`${text} was confirmed, and is lost`)
    }
  }

  get #now(): number {
    return this.#scheduler.now + this.#skippedMs
  }

  #arrivedOne(
    text: string,
    position: number,
    time: number,
    attempt: number,
    lease: number,
    own?: { id?: string; key?: string },
  ): void {
    const message = this.known.get(text)
    if (!message) this.#fail(`${text} was never sent`)
    this.delivered += 1
    if (message.acked) this.#fail(`${text} was delivered after its ack was confirmed`)
    if (message.isDuplicate) this.#fail(`${text} was delivered, and is a duplicate`)
    if (own?.key !== message.key || own?.id !== message.id) this.#fail(`${text} has another key or id`)
    const isNew = this.#wereRedriven && message.position !== undefined && message.position < position
    if (isNew) this.#comesBack(message)
    this.#place(message, position)
    if (attempt > this.#settings.maxAttempts) this.#fail(`${text} was delivered for the ${attempt}th time`)
    const least = message.mayRepeat ? message.attempt : message.attempt + 1
    if (attempt < least) this.#fail(`${text} was delivered as attempt ${attempt} after ${message.attempt}`)
    if (lease <= message.lease) this.#fail(`${text} was delivered under lease ${lease} after ${message.lease}`)
    if (this.#now < message.notBefore) this.#fail(`${text} was delivered before its delay was over`)
    this.#checkKey(message, { ready: isNew ? time : time + message.delayMs, position }, isNew)
    message.attempt = attempt
    message.hidden = 0
    message.lease = lease
    message.mayRepeat = false
    message.maybeGone = false
    message.maybeDead = false
  }

  /** A message is back from the dead letters. */
  #comesBack(message: Known): void {
    this.#release(message)
    message.position = undefined
    message.attempt = 0
    message.hidden = 0
  }

  #checkKey(message: Known, turn: Turn, isNew: boolean): void {
    const { key } = message
    if (key === undefined || !this.#settings.keyOrder) return
    const holder = this.#holders.get(key)
    if (holder && holder !== message) {
      const mayBeOver = holder.maybeGone || holder.maybeDead || holder.mayGo
      const isOver = mayBeOver || holder.attempt + holder.hidden >= this.#settings.maxAttempts
      if (!isOver) this.#fail(`${message.text} was delivered while ${holder.text} has the key ${key}`)
    }
    this.#holders.set(key, message)
    if (message.lease !== 0 && !isNew) return
    const begun = this.#begun.get(key)
    if (begun && isBefore(turn, begun)) {
      this.#fail(`${message.text} of ${turn.ready} was delivered after one of ${begun.ready} of its key`)
    }
    this.#begun.set(key, turn)
  }

  /** Whether nobody but the consumer of a lease has kept a message since: it was given back, or came to that one again. */
  #mayAckLate(message: Known, lease: number): boolean {
    const consumerOf = (number: number) => this.#leases.get(number)?.consumer
    return message.mayRepeat || consumerOf(message.lease) === consumerOf(lease)
  }

  #release(message: Known): void {
    if (message.key !== undefined && this.#holders.get(message.key) === message) this.#holders.delete(message.key)
  }

  #place(message: Known, position: number): void {
    const { text } = message
    message.position ??= position
    if (message.position !== position) this.#fail(`${text} is at ${position} and at ${message.position}`)
    const other = this.#positions.get(position)
    if (other !== undefined && other !== text) this.#fail(`${text} and ${other} are both at ${position}`)
    this.#positions.set(position, text)
  }

  #messagesOf(lease: number, index: number, count: number): Known[] {
    const texts = this.#leases.get(lease)?.texts ?? []
    return texts.slice(index, index + count).map((text) => this.#of(text))
  }

  #of(text: string): Known {
    return this.known.get(text) ?? this.#fail(`${text} was never sent`)
  }

  /** A promise is broken. */
  fail(what: string): never {
    return this.#fail(what)
  }

  #fail(what: string): never {
    this.broken ??= new BrokenPromise(what)
    throw this.broken
  }
}

function isBefore(one: Turn, other: Turn): boolean {
  return one.ready < other.ready || (one.ready === other.ready && one.position < other.position)
}
