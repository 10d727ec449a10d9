/**
 * One consumer at a host: gives its credit to the engine as far as it reads what it is sent, and holds what it settles to
 * the leases that it has.
 *
 * It knows no link: a stream of calls carries it, or a consumer of the same process.
 */
import type { LeasedMessages, RangeOutcome, SettledRange } from '../../../src/delivery/index.js'
import type { Attachment, LeasedBlock, Settlement, SettleOutcome } from '../../../src/engine/index.js'
import { OncePerTurn, Waiters } from '../../../src/lifecycle/index.js'
import { bufferOf } from '../../../src/memory/index.js'
import type { SessionHost, SessionPorts } from './produce-session.js'
import { invalidRequest, nameOf, settlementOf } from './request-validation.js'
import type { SessionOwner } from './session-owner.js'
import type { ConsumeAnswer, ConsumeRequest } from './wire.js'

/** Schemas that a consumer may name as those that it cannot read. */
const maxUnreadable = 1024

/** What a consumer may say that it has room for, in messages, at once and altogether. */
const maxCredit = 1_000_000

/** What the engine is let deal out before the consumer has read it: in messages, and in bytes as far as their size is known. */
const grantMessages = 2048
const grantBytes = 4_194_304

/** The same before any message has come, in messages: they may be large. */
const firstGrant = 16

/** Settlements that the engine has and has not stored, in bytes: beyond that, no more is taken. */
const settlingBytes = 1_048_576

/** What a settlement costs beside its texts, in bytes. */
const rangeBytes = 64

/** The most leases and settlements of one request. */
const maxListed = 65_536

/** What may wait for a consumer that does not read: then it gets no more, in bytes. */
const backlogBytes = 262_144

const stale: RangeOutcome = Object.freeze({ settled: 0, stale: 0 })

/** How a session is doing with what it sent. */
export interface ConsumePorts extends SessionPorts<ConsumeAnswer> {
  /** What it sent and was not read, in bytes. */
  unread(): number
  /** How long nothing has come from the consumer, in milliseconds, if that can be known. */
  readonly silentMs?: (() => number) | undefined
  /** Takes back deliveries that have not left; returns their leases. */
  withdraw(): LeasedMessages[]
  /** Puts an end to it: another session of the same consumer has come. */
  superseded(): void
}

/** A consumer that is connected. */
export class ConsumeSession {
  readonly #host: SessionHost
  readonly #ports: ConsumePorts
  readonly #owner: SessionOwner | undefined
  #attachment: Attachment | undefined
  /** The leases that it has, with how many of their messages are not settled; infinite if that is not known. */
  readonly #leases = new Map<number, number>()
  readonly #sentSchemas = new Set<string>()
  /** Credit that the engine has not been given, and what it has been given and not used. */
  #credit = 0
  #granted = 0
  /** What it may be given and not used, in messages as large as the last ones. */
  #window = firstGrant
  /** Schemas that it has named. */
  #unreadable = 0
  #settling = 0
  #settlingBytes = 0
  #settled: NonNullable<ConsumeAnswer['settled']>[number][] = []
  #extended: number[] = []
  #lost: number[] = []
  #isSuspended = false
  #detached = false
  #ended = false
  readonly #drained = new Waiters()
  readonly #answers = new OncePerTurn(() => this.#sendAnswers())

  constructor(host: SessionHost, ports: ConsumePorts, owner?: SessionOwner) {
    this.#host = host
    this.#ports = ports
    this.#owner = owner
  }

  /** The queue and the name of the consumer, once it has opened; together they are one consumer. */
  key: string | undefined

  /** Whether it has so much to read, or has said so much, that it should say no more for now. */
  isBusy(): boolean {
    return this.#isBehind || this.#settlingBytes >= settlingBytes
  }

  /** Whether it has much to read. */
  get #isBehind(): boolean {
    return this.#ports.unread() >= backlogBytes
  }

  /** Another session of this consumer has come: it is given nothing any more. */
  supersede(): void {
    if (this.#ended) return
    this.end()
    this.#ports.superseded()
  }

  /**
   * Takes what the consumer says.
   *
   * @throws RIVULET_INVALID_REQUEST for an invalid request, RIVULET_UNKNOWN_QUEUE, RIVULET_PERMISSION_DENIED: then the session is to
   * be ended.
   */
  receive(request: ConsumeRequest, opened: (session: ConsumeSession, key: string) => void): void {
    const { open, number = 0, credit = 0, settlements = [], extend = [], unreadable = [] } = request
    if (open) this.#open(open, opened)
    const attachment = this.#attachment
    if (attachment === undefined) throw invalidRequest('a consumer speaks before it opens')
    if (credit < 0 || credit > maxCredit) throw invalidRequest(`a credit of ${credit} messages`)
    if (settlements.length > maxListed || extend.length > maxListed) throw invalidRequest('a request of a long list')
    // before the messages that it gives back since it cannot read them
    if (unreadable.length > 0) this.#cannotRead(attachment, unreadable)
    if (settlements.length > 0) this.#settle(attachment, number, settlements)
    if (extend.length > 0) this.#extend(attachment, number, extend)
    if (credit > 0) {
      this.#credit = Math.min(maxCredit, this.#credit + credit)
      this.grant()
    }
  }

  /** Gives credit to the engine, as far as the client has read its answers. */
  grant(): void {
    if (this.#detached || this.#credit === 0 || this.#isBehind) return
    const messages = Math.min(this.#credit, this.#window - this.#granted)
    if (messages <= 0) return
    this.#credit -= messages
    this.#granted += messages
    this.#attachment?.grant(messages)
  }

  /** Gets nothing more, and resolves when all its settlements have their outcome, and that was sent. */
  drained(): Promise<void> {
    this.#detach()
    if (this.#ended || (this.#settling === 0 && !this.#answers.isScheduled)) return Promise.resolve()
    return this.#drained.wait()
  }

  /** The consumer cannot be reached for now: it is dealt nothing more, and what has not left goes to others. */
  suspend(): void {
    this.#isSuspended = true
    const unsent = this.#ports.withdraw()
    for (const { lease, lengths } of unsent) {
      this.#leases.delete(lease)
      this.#granted += lengths.length
    }
    // the texts of schemas that it was to get with them have not left either
    if (unsent.length > 0) this.#sentSchemas.clear()
    this.#attachment?.suspend(unsent.map(({ lease }) => lease))
  }

  /** The consumer can be reached again. */
  resume(): void {
    this.#isSuspended = false
    this.#attachment?.resume()
    this.grant()
  }

  /** Ends it for good: the consumer does not come back, and what it holds goes to others. */
  abandon(): void {
    if (this.#ended) return
    this.#attachment?.abandon()
    this.end()
  }

  /** Ends it: its leases run on until it comes back, or they run out. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#detach()
    this.#drained.wake()
  }

  #detach(): void {
    if (this.#detached) return
    this.#detached = true
    this.#attachment?.detach()
  }

  #open(
    { queue, consumer: name, held = [], unreadable = [] }: NonNullable<ConsumeRequest['open']>,
    opened: (session: ConsumeSession, key: string) => void,
  ): void {
    if (this.#attachment !== undefined) throw invalidRequest('a consumer opens twice')
    nameOf('the name of a consumer', name)
    this.#owner?.admit('consume', queue)
    const consumer = this.#owner?.nameOf(name) ?? name
    if (held.length > maxListed) throw invalidRequest('a consumer holds too many leases')
    const { engine } = this.#host
    this.#host.enter(queue)
    this.key = JSON.stringify([queue, consumer])
    opened(this, this.key)
    const attachment = engine.attach(queue, consumer, {
      deliver: (leased) => this.#deliver(leased),
      lost: (lease) => this.#loses(lease),
      ...(this.#ports.silentMs && { silentMs: this.#ports.silentMs }),
    })
    this.#attachment = attachment
    if (this.#isSuspended) attachment.suspend([])
    const possible = held.filter((lease) => Number.isSafeInteger(lease) && lease >= 0)
    if (unreadable.length > 0) this.#cannotRead(attachment, unreadable)
    const lost = attachment.adopt(possible)
    for (const lease of possible) this.#leases.set(lease, Number.POSITIVE_INFINITY)
    for (const lease of lost) this.#leases.delete(lease)
    const gone = held.filter((lease) => !this.#leases.has(lease))
    const leaseMs = this.#host.leaseMsOf(queue)
    this.#ports.answer({ opened: { epoch: engine.epoch, leaseMs, lost: gone, setsAside: true } })
  }

  #cannotRead(attachment: Attachment, schemaIds: readonly Uint8Array[]): void {
    this.#unreadable += schemaIds.length
    if (this.#unreadable > maxUnreadable) throw invalidRequest(`more than ${maxUnreadable} schemas cannot be read`)
    if (schemaIds.some(({ length }) => length !== 16)) throw invalidRequest('the hash of a schema is not of 16 bytes')
    attachment.cannotRead(schemaIds)
  }

  #settle(attachment: Attachment, number: number, ranges: NonNullable<ConsumeRequest['settlements']>): void {
    // the engine knows what an acknowledgement under a lease that has run out is worth
    const mayHave = ({ lease, kind }: SettledRange) => kind === 'ack' || this.#leases.has(lease)
    const settlements = ranges.map((range) => settlementOf(range, mayHave))
    const known = settlements.filter((settlement): settlement is Settlement => settlement !== undefined)
    const all = (outcomes: readonly SettleOutcome[]): void => {
      let next = 0
      this.#settled.push({
        number,
        outcomes: settlements.map((settlement, at) => {
          if (settlement === undefined) return { ...stale, stale: (ranges[at] as { count: number }).count }
          const outcome = outcomes[next++]
          return outcome === undefined ? stale : this.#outcomeOf(settlement, outcome)
        }),
      })
      this.#answers.schedule()
    }
    if (known.length === 0) {
      all([])
      return
    }
    let bytes = 0
    for (const { reason = '', stack = '' } of known) bytes += rangeBytes + reason.length + stack.length
    this.#settling += 1
    this.#settlingBytes += bytes
    attachment.settle(known, (outcomes) => {
      const wasBusy = this.isBusy()
      this.#settling -= 1
      this.#settlingBytes -= bytes
      all(outcomes)
      if (wasBusy && !this.isBusy()) this.#ports.room()
    })
  }

  #outcomeOf({ lease, count }: Settlement, { settled, stale, error }: SettleOutcome): RangeOutcome {
    if (error !== undefined) return { settled, stale, code: error.code, message: error.message }
    const left = (this.#leases.get(lease) ?? 0) - count
    if (left > 0) this.#leases.set(lease, left)
    else this.#leases.delete(lease)
    return { settled, stale }
  }

  #extend(attachment: Attachment, number: number, leases: readonly number[]): void {
    const known = leases.filter((lease) => this.#leases.has(lease))
    for (const lease of leases) if (!this.#leases.has(lease)) this.#lost.push(lease)
    for (const lease of attachment.extend(known)) this.#loses(lease)
    this.#extended.push(number)
    this.#answers.schedule()
  }

  #deliver(leased: LeasedBlock): void {
    const { count, bodies } = leased.messages
    this.#granted -= count
    this.#window = Math.max(1, Math.min(grantMessages, Math.floor((grantBytes * count) / (bodies.length + 1))))
    if (this.#ended) return
    this.#leases.set(leased.lease, count)
    this.#ports.answer({ leased: this.#messagesOf(leased) })
    this.grant()
  }

  #loses(lease: number): void {
    this.#leases.delete(lease)
    this.#lost.push(lease)
    this.#answers.schedule()
  }

  /** The text of a schema goes with the first messages that were written with it. */
  #messagesOf({ lease, positions, times, messages, extras, senders }: LeasedBlock): LeasedMessages {
    const key = Buffer.from(messages.schemaId).toString('latin1')
    const schema = this.#sentSchemas.has(key) ? undefined : this.#host.engine.schemaText(messages.schemaId)
    if (schema !== undefined) {
      if (this.#sentSchemas.size >= maxSentSchemas) this.#sentSchemas.clear()
      this.#sentSchemas.add(key)
    }
    const position = positions[0] ?? 0
    const time = times[0] ?? 0
    return {
      lease,
      position,
      positions: isRow(positions) ? [] : positions.map((each) => each - position),
      time,
      times: times.every((each) => each === time) ? [] : times.map((each) => each - time),
      schemaId: bufferOf(messages.schemaId),
      schema: schema ?? null,
      lengths: messages.lengths as number[],
      checks: bufferOf(messages.checks),
      bodies: bufferOf(messages.bodies),
      extras: extras.map(({ index, attempt = 1, id = null, key = null }) => ({ index, attempt, id, key })),
      senders: senders.map(({ index, sender }) => ({ index, ...(sender ?? unknownSender) })),
    }
  }

  /** One answer for all that became of leases in this turn. */
  #sendAnswers(): void {
    const [settled, extended, lost] = [this.#settled, this.#extended, this.#lost]
    this.#settled = []
    this.#extended = []
    this.#lost = []
    if (!this.#ended) this.#ports.answer({ settled, extended, lost })
    if (this.#settling === 0) this.#drained.wake()
  }
}

/** The sender of messages of which it is not known. */
const unknownSender = Object.freeze({ name: '', publicKey: '' })

/** Schemas that one consumer is remembered to know. */
const maxSentSchemas = 64

function isRow(positions: readonly number[]): boolean {
  const first = positions[0] ?? 0
  for (let i = 1; i < positions.length; i++) if (positions[i] !== first + i) return false
  return true
}
