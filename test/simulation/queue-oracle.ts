/**
 * What the durable queue promises, as seen from outside: what producers and consumers were told, and what their host stored
 * and dealt out.
 *
 * It knows every message by its text, and survives every crash.
 */

import type {
  LeasedBlock,
  MessageExtras,
  QueueSettings,
  SendOutcome,
  Settlement,
  SettleOutcome,
} from '../../src/engine/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { SendResult } from '../../src/reliable-send/pending-send.js'
import { KeyTurns } from './queue-key-turns.js'
import { type DeadLetter, type Handed, type Known, type KnownLease, newMessage, whatIsWrong } from './queue-messages.js'
import { textsOf } from './queue-schemas.js'
import type { Scheduler } from './scheduler.js'
import { BrokenPromise } from './session-oracle.js'

/** Errors that honest sides never give each other cause for. */
const accusations = [
  'RIVULET_INTERNAL',
  'RIVULET_INVALID_REQUEST',
  'RIVULET_INVALID_MESSAGE',
  'RIVULET_PROTOCOL_VIOLATION',
  'RIVULET_STORE_CORRUPT',
  'RIVULET_STORE_FAILED',
  'RIVULET_UNIMPLEMENTED',
  'RIVULET_UNKNOWN_QUEUE',
  'RIVULET_UNKNOWN_SCHEMA',
  'RIVULET_MESSAGE_TOO_LARGE',
]

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
  readonly #keys: KeyTurns
  /** Whether dead letters were moved back, which gives them other positions, and the attempts of new messages. */
  #wereRedriven = false
  /** Messages that were dealt to consumers and not handed out by them, by consumer, text and attempt. */
  readonly #dealt = new Map<string, number>()

  constructor(settings: QueueSettings, scheduler: Scheduler) {
    this.#settings = settings
    this.#scheduler = scheduler
    this.#keys = new KeyTurns(settings)
  }

  /** The host is opened, and its clock was set forward since it was opened before. */
  skipped(ms: number): void {
    this.#skippedMs += ms
  }

  /** Looks at something; a promise that is broken ends the run behind the turn, and not the code that is watched. */
  watch(look: (oracle: this) => void): void {
    try {
      look(this)
    } catch (cause) {
      this.broken ??=
        cause instanceof BrokenPromise ? cause : new BrokenPromise((cause as Error).stack ?? String(cause))
    }
  }

  /** Somebody reports an error. */
  reported(who: string, error: RivuletError): void {
    if (accusations.includes(error.code)) this.watch(() => this.#fail(`${who} reports ${error.code}: ${error.message}`))
  }

  /** A message will be sent. */
  made(text: string, { key, id, delayMs = 0, ttlMs }: Omit<MessageExtras, 'index'>): void {
    const { maxAgeMs, overflow, maxLength, maxBytes } = this.#settings
    const isBounded = overflow === 'drop-oldest' && Math.min(maxLength, maxBytes) !== Number.POSITIVE_INFINITY
    const mayGo = ttlMs !== undefined || isBounded || maxAgeMs !== Number.POSITIVE_INFINITY
    this.known.set(text, newMessage({ text, key, id, delayMs, ttlMs, notBefore: this.#now + delayMs, mayGo }))
  }

  /** A block has come to the host, which gives it to its engine. */
  sent(texts: readonly string[], extras: readonly MessageExtras[]): void {
    for (const [index, text] of texts.entries()) {
      const { key, id, delayMs, ttlMs } = this.#of(text)
      const own = extras.find((one) => one.index === index)
      const isSame = own?.key === key && own?.id === id && (own?.delayMs ?? 0) === delayMs && own?.ttlMs === ttlMs
      if (!isSame) this.#fail(`${text} came with options that are not its own: ${JSON.stringify(own)}`)
    }
  }

  /** The engine has told what became of a block. */
  blockDone(texts: readonly string[], sequence: number, outcome: SendOutcome): void {
    const { repeated, position, duplicates } = outcome
    const stored =
      outcome.kind === 'stored' ? texts.length : Math.max(0, Math.min(texts.length, outcome.expected - sequence))
    let place = position
    for (const [index, text] of texts.slice(0, stored).entries()) {
      const duplicate = duplicates.find((one) => one.index === index)
      const isNew = index >= repeated && !duplicate
      this.#stored(this.#of(text), isNew && position > 0 ? place++ : undefined, duplicate !== undefined)
    }
  }

  /** A sender was told that its message is stored. */
  confirmed(text: string, { id, duplicate }: SendResult): void {
    const message = this.#of(text)
    message.outcome = 'stored'
    if (!message.stored) this.#fail(`${text} was confirmed before it was stored`)
    if (duplicate && !message.isDuplicate) this.#fail(`the sender of ${text} was told that it is a duplicate`)
    if (message.id !== undefined && id !== message.id) this.#fail(`${text} was confirmed as ${id}`)
    if (message.id === undefined && id !== '') this.#placeNew(message, Number(id))
  }

  /** A sender was told that so many of its messages are stored, and not which. */
  allConfirmed(texts: readonly string[], sent: number): void {
    const messages = texts.map((text) => this.#of(text))
    for (const message of messages) message.outcome = sent === texts.length ? 'stored' : 'maybe'
    const stored = messages.filter((message) => message.stored).length
    if (stored < sent)
      this.#fail(`of the messages from ${texts[0]} on ${sent} were confirmed, and ${stored} are stored`)
  }

  /** A sender was told that its message is not stored, or that nobody knows. */
  failed(text: string, { code, executed }: Pick<RivuletError, 'code' | 'executed'>): void {
    if (accusations.includes(code)) this.#fail(`${text} failed with ${code}`)
    const message = this.#of(text)
    message.outcome = executed === 'no' ? 'no' : 'maybe'
    if (message.outcome === 'no' && message.stored)
      this.#fail(`${text} is stored, and its sender was told that it is not`)
  }

  /** The process of a sender has died before it was told of its messages. */
  abandoned(texts: Iterable<string>): void {
    for (const text of texts) this.#of(text).outcome = 'maybe'
  }

  /** Messages were dealt out by the engine. */
  dealt(leased: LeasedBlock, consumer: string): void {
    const { lease, positions, times, extras, messages } = leased
    const texts = textsOf(messages)
    if (this.#leases.has(lease)) this.#fail(`lease ${lease} was given twice`)
    this.#leases.set(lease, { texts, consumer })
    texts.forEach((text, index) => {
      const own = extras.find((one) => one.index === index)
      const attempt = own?.attempt ?? 1
      const dealt = `${consumer} ${text} ${attempt}`
      this.#dealt.set(dealt, (this.#dealt.get(dealt) ?? 0) + 1)
      this.#dealtOne(text, positions[index] as number, times[index] as number, attempt, lease, own)
    })
  }

  /** A consumer was handed a message. */
  handed(consumer: string, text: string, { position, attempt, id, key }: Handed): void {
    const message = this.#of(text)
    const dealt = `${consumer} ${text} ${attempt}`
    const left = (this.#dealt.get(dealt) ?? 0) - 1
    if (left < 0) this.#fail(`${consumer} was handed ${text}, attempt ${attempt}, more often than it was dealt`)
    this.#dealt.set(dealt, left)
    const isMoved = this.#wereRedriven && message.position !== position
    if (message.position !== position && !isMoved) this.#fail(`${consumer} was handed ${text} as of ${position}`)
    if (id !== message.id || key !== message.key) this.#fail(`${consumer} was handed ${text} with another key or id`)
  }

  /** A consumer acknowledges a message. */
  acks(text: string): void {
    this.#of(text).ackSaid = true
  }

  /** A consumer was told that a message is acknowledged. */
  acked(text: string): void {
    if (!this.#of(text).acked) this.#fail(`the ack of ${text} was confirmed before it was stored`)
  }

  /** A consumer says something about messages, and the engine has heard it. */
  said({ lease, index, count, kind }: Settlement): void {
    for (const message of this.#messagesOf(lease, index, count)) {
      if (message.lease !== lease && !(kind === 'ack' && this.#mayAckLate(message, lease))) continue
      if (kind === 'ack' && !message.ackSaid) this.#fail(`an ack of ${message.text} came that nobody has given`)
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
      if (kind === 'ack' || kind === 'reject' || (kind === 'nack' && isLast)) this.#keys.release(message)
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
    this.#keys.crashed()
  }

  /** All is at rest, and the queue was emptied: this is what the dead letters are. */
  checkEnd(dead: readonly DeadLetter[]): void {
    const what = whatIsWrong(this.known, dead, this.#settings.maxAttempts, this.#wereRedriven)
    if (what !== undefined) this.#fail(what)
  }

  get #now(): number {
    return this.#scheduler.now + this.#skippedMs
  }

  #dealtOne(
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
    if (message.outcome === 'no') this.#fail(`${text} was delivered, and its sender was told that it is not stored`)
    message.stored = true
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
    const broken = this.#keys.begin(message, { ready: isNew ? time : time + message.delayMs, position }, isNew)
    if (broken !== undefined) this.#fail(broken)
    message.attempt = attempt
    message.hidden = 0
    message.lease = lease
    message.mayRepeat = false
    message.maybeGone = false
    message.maybeDead = false
  }

  /** A message is stored, at a place if that is known. */
  #stored(message: Known, position: number | undefined, isDuplicate: boolean): void {
    const { text } = message
    message.stored = true
    message.isDuplicate ||= isDuplicate
    if (message.outcome === 'no') this.#fail(`${text} is stored, and its sender was told that it is not`)
    if (isDuplicate) {
      if (message.id === undefined) this.#fail(`${text} is called a duplicate, and has no id`)
      if (message.position !== undefined) this.#fail(`${text} is called a duplicate, and was delivered`)
    } else if (position !== undefined) this.#placeNew(message, position)
    // one that was stored before may have been a duplicate then, which nobody was told
    else if (message.id !== undefined) message.mayGo = true
  }

  /** A message is told to be at a place. */
  #placeNew(message: Known, position: number): void {
    // it may be back from the dead letters, behind where it was, before its sender is told
    const isBack = this.#wereRedriven && message.position !== undefined && message.position > position
    if (!isBack) this.#place(message, position)
  }

  /** A message is back from the dead letters. */
  #comesBack(message: Known): void {
    this.#keys.release(message)
    message.position = undefined
    message.attempt = 0
    message.hidden = 0
  }

  /** Whether nobody but the consumer of a lease has kept a message since: it was given back, or came to that one again. */
  #mayAckLate(message: Known, lease: number): boolean {
    const consumerOf = (number: number) => this.#leases.get(number)?.consumer
    return message.mayRepeat || consumerOf(message.lease) === consumerOf(lease)
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
