/** Consumers of a durable queue beside a model: they read in one of the ways that users have, and settle in any order. */
import { Observable, Subscription } from 'rxjs'
import { type Consumer, type ConsumerOptions, createConsumer, type Delivery } from '../../patterns/queue/index.js'
import type { ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { CloseOptions } from '../../src/lifecycle/index.js'
import { total, turn } from '../support/events.js'
import type { Lab } from './lab.js'
import type { Outcome } from './outcomes.js'
import { versions } from './transient-workers.js'

/** How a worker takes messages. */
export const readings = ['deliveries', 'deliveries', 'iterate', 'process', 'mixed', 'nothing'] as const

/** One of them; `mixed` is a `process` whose work ends in every way. */
export type Reading = (typeof readings)[number]

/** How work of `process` ends. */
const works = ['value', 'promise', 'later', 'observable', 'throws', 'rejects', 'fails', 'settles', 'held'] as const

/** How a delivery was settled. */
export type Kind = 'ack' | 'nack' | 'reject'

/** A delivery that a worker was handed. */
export interface Handed {
  readonly number: number
  readonly worker: QueueWorker
  readonly delivery: Delivery<unknown>
  readonly attempt: number
  /** Whether `process` settles it. */
  readonly isWorked: boolean
  /** Since when its lease runs at the latest. */
  since: number
  said?: Kind
  saidAt?: number
  reason?: string
  /** What became of what was said first. */
  outcome?: 'done' | ErrorCode
  /** Whether `process` may have given it up in the moment when its work ended. */
  isUnsure?: boolean
}

/** What workers tell their model. */
export interface Ledger {
  readonly lab: Lab
  /** A delivery was handed out. */
  took(handed: Handed): void
}

/** A consumer that closes has this long for its last words, less what is in transit, in milliseconds. */
const farewellMs = 400

/** Codes that something which is said of a delivery may reject with. */
const rejects = ['RIVULET_LEASE_LOST', 'RIVULET_CLOSED', 'RIVULET_UNKNOWN_OUTCOME'] as const

/** A worker. */
export class QueueWorker {
  readonly consumer: Consumer<unknown>
  readonly version: keyof typeof versions
  readonly prefetch: number
  readonly name: string | undefined
  readonly handed: Handed[] = []
  /** Messages whose work failed by itself. */
  readonly failed: Handed[] = []
  readonly errors: RivuletError[] = []
  left = false
  /** Where it connects, if it does. */
  way = ''
  readonly #ledger: Ledger
  #reading = new Subscription()
  /** Iterators in use, also those that are about to end: each may bring what it was handed. */
  #iterators = 0
  #leftAt = 0
  #closedAt: number | undefined
  /** Ends work that lasts. */
  readonly #held: (() => void)[] = []

  constructor(
    ledger: Ledger,
    consumer: Consumer<unknown>,
    version: keyof typeof versions,
    options: { readonly prefetch?: number; readonly name?: string },
  ) {
    const { prefetch = 64, name } = options
    this.#ledger = ledger
    this.consumer = consumer
    this.version = version
    this.prefetch = prefetch
    this.name = name
    consumer.errors.subscribe((error) => this.errors.push(error))
  }

  /** Whether it took long to close, also since time was let pass: then what it said last may have come too late. */
  get leftLate(): boolean {
    return this.left && (this.#closedAt ?? this.#ledger.lab.clock.now()) - this.#leftAt > farewellMs
  }

  static async open(
    ledger: Ledger,
    place: Pick<ConsumerOptions<unknown>, 'host' | 'connect'>,
    version: keyof typeof versions,
    options: { readonly prefetch?: number; readonly name?: string },
  ): Promise<QueueWorker> {
    const { lab } = ledger
    const schema = versions[version]
    const consumer = await createConsumer({ runtime: lab.runtime, queue: 'jobs', schema, ...place, ...options })
    return new QueueWorker(ledger, lab.watch(consumer), version, options)
  }

  /** Takes messages in this way from now on. */
  read(reading: Reading, concurrency = 1): void {
    this.#reading.unsubscribe()
    const subscription = new Subscription()
    this.#reading = subscription
    const { consumer } = this
    if (reading === 'nothing' || consumer.status !== 'open') return
    if (reading === 'deliveries') subscription.add(consumer.deliveries.subscribe((one) => void this.#take(one)))
    else if (reading === 'iterate') void this.#iterate(subscription)
    else {
      const work = (_: unknown, delivery: Delivery<unknown>) => this.#work(delivery, reading === 'mixed')
      subscription.add(consumer.process(work, { concurrency }).subscribe())
    }
  }

  /** Settles a delivery; a second word has the outcome of the first. */
  say(handed: Handed, kind: Kind | 'extend', delayMs?: number): void {
    const { lab } = this.#ledger
    const { delivery, number } = handed
    if (kind === 'extend') {
      const at = lab.clock.now()
      const extended = () =>
        delivery.extend().then(() => {
          if (!delivery.settled) handed.since = at
        })
      lab.call(`extend ${number}`, extended, { rejects })
      return
    }
    // `process` may have settled it already, which is noted a turn later
    const isFirst = handed.said === undefined && !(handed.isWorked && delivery.settled)
    const reason = `attempt ${handed.attempt} of ${number}`
    if (isFirst) this.#note(handed, kind, reason)
    const options = { reason, ...(delayMs !== undefined && { delayMs }) }
    const saying = () =>
      kind === 'ack' ? delivery.ack() : kind === 'nack' ? delivery.nack(options) : delivery.reject(reason)
    const outcome = lab.call(`${kind} ${number}`, () => saying().then(...outcomeOf(handed, isFirst)), { rejects })
    if (isFirst) this.#again(handed, outcome)
  }

  /** Ends work that lasts. */
  finish(): void {
    for (const finish of this.#held.splice(0)) finish()
  }

  leave(options: CloseOptions): void {
    this.left = true
    const { lab } = this.#ledger
    this.#leftAt = lab.clock.now()
    void this.consumer.whenClosed.then(() => {
      this.#closedAt = lab.clock.now()
    })
    const closing = lab.close(this.consumer, options)
    lab.atEnd(() => {
      const { value } = closing
      const unsaid = this.handed.filter(({ said, outcome }) => said === undefined || outcome !== 'done').length
      if (value) lab.expect(value.undelivered <= unsaid, () => `${value.undelivered} given up of ${unsaid}`)
    })
  }

  /** Checks the counts. */
  check(): void {
    const { lab } = this.#ledger
    const stats = this.consumer.stats()
    const { received, delivered, pending, dropped, unsettled } = stats
    const text = () => `a consumer: ${JSON.stringify(stats)}`
    lab.expect(received === delivered + pending + total(dropped), text)
    lab.expect(unsettled + pending <= this.prefetch, text)
    // an iterator has its next delivery some promise jobs before its user
    const onItsWay = delivered - this.handed.length
    lab.expect(onItsWay >= 0 && onItsWay <= this.#iterators, () => `${text()}, handed ${this.handed.length}`)
    const inHand = this.handed.filter(({ delivery }) => !delivery.settled).length
    lab.expect(unsettled - inHand >= 0 && unsettled - inHand <= onItsWay, () => `${text()}, in hand ${inHand}`)
  }

  /** Checks that each failure of work was reported, with its delivery. */
  checkErrors(): void {
    const { lab } = this.#ledger
    const reported = this.errors.filter(({ code }) => code === 'RIVULET_HANDLER_FAILED')
    for (const { delivery, cause } of reported) {
      const found = this.failed.find(({ number, attempt }) => `attempt ${attempt} of ${number}` === messageOf(cause))
      const isOwn = delivery?.queue === 'jobs' && delivery.consumer === this.name
      const isThis = found?.delivery.position === delivery?.position && found?.attempt === delivery?.attempt
      lab.expect(isOwn && isThis, () => `a failure is reported as ${JSON.stringify(delivery)}: ${messageOf(cause)}`)
    }
    const unread = this.errors.filter(({ code }) => code === 'RIVULET_INCOMPATIBLE_SCHEMA')
    lab.expect(unread.length <= (this.version === 'other' ? 1 : 0), `${unread.length} schemas cannot be read`)
    lab.expect(this.version !== 'other' || this.handed.length === 0, 'a consumer was handed what it cannot read')
    const sure = this.failed.filter(({ isUnsure }) => !isUnsure).length
    const { length } = reported
    lab.expect(length >= sure && length <= this.failed.length, () => `${length} of ${sure} failures are reported`)
  }

  #take(delivery: Delivery<unknown>, isWorked = false): Handed {
    const { lab } = this.#ledger
    const { id } = delivery.value as { id: number }
    const handed: Handed = {
      number: id,
      worker: this,
      delivery,
      attempt: delivery.attempt,
      isWorked,
      since: lab.clock.now(),
    }
    this.handed.push(handed)
    this.#ledger.took(handed)
    return handed
  }

  #note(handed: Handed, kind: Kind, reason: string): void {
    handed.said = kind
    handed.saidAt = this.#ledger.lab.clock.now()
    if (kind !== 'ack') handed.reason = reason
  }

  /** Asks for the outcome once more when it is there: what is said later changes nothing. */
  #again(handed: Handed, first: Outcome<unknown>): void {
    const { lab } = this.#ledger
    if (handed.number % 4 !== 0) return
    lab.atEnd(() =>
      handed.delivery.ack().then(
        () => lab.expect(first.error === undefined, () => `${first.label} rejected, and a later word did not`),
        () => lab.expect(first.error !== undefined, () => `${first.label} resolved, and a later word rejected`),
      ),
    )
  }

  /** Works on a message as `process` has it done; what it settles by itself is known from the delivery. */
  #work(delivery: Delivery<unknown>, isMixed: boolean): unknown {
    const handed = this.#take(delivery, true)
    const how = isMixed ? works[(handed.number + handed.attempt) % works.length] : works[handed.number % 4]
    const failure = new Error(`attempt ${handed.attempt} of ${handed.number}`)
    const fails = () => {
      this.failed.push(handed)
      this.#expects(handed, 'nack', String(failure))
      return failure
    }
    if (how === 'throws') throw fails()
    if (how === 'rejects') return Promise.reject(fails())
    if (how === 'settles') {
      this.say(handed, handed.number % 2 === 0 ? 'reject' : 'nack')
      return handed.number
    }
    if (how === 'fails') {
      return new Observable((subscriber) => {
        subscriber.next(1)
        subscriber.error(fails())
      })
    }
    if (how === 'value') {
      this.#expects(handed, 'ack')
      return handed.number
    }
    return this.#succeed(handed, how)
  }

  /** Work that takes a while; it may be given up meanwhile, and then is not done. */
  #succeed(handed: Handed, how: (typeof works)[number] | undefined): unknown {
    const done = () => {
      if (!handed.delivery.settled) this.#expects(handed, 'ack')
      return handed.number
    }
    if (how === 'promise') return Promise.resolve().then(done)
    if (how === 'later') return turn().then(done)
    if (how === 'held') return new Promise((resolve) => this.#held.push(() => resolve(done())))
    return new Observable((subscriber) => {
      subscriber.next(1)
      void turn().then(() => {
        subscriber.next(done())
        subscriber.complete()
      })
    })
  }

  /** `process` is about to settle it like this, unless its results lose their subscriber; what comes of it is asked for. */
  #expects(handed: Handed, kind: Kind, reason = ''): void {
    const { lab } = this.#ledger
    const reading = this.#reading
    void turn().then(() => {
      if (handed.said !== undefined || !handed.delivery.settled) return
      this.#note(handed, kind, reason)
      handed.isUnsure = reading.closed || this.consumer.closed
      lab.call(`work ${handed.number}`, () => handed.delivery.ack().then(...outcomeOf(handed, true)), { rejects })
    })
  }

  async #iterate(subscription: Subscription): Promise<void> {
    this.#iterators += 1
    const iterator = this.consumer.deliveries[Symbol.asyncIterator]()
    subscription.add(() => void iterator.return?.())
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) break
      this.#take(value)
    }
    this.#iterators -= 1
  }
}

/** Enters what became of what was said. */
function outcomeOf(handed: Handed, isFirst: boolean): [() => void, (error: RivuletError) => never] {
  return [
    () => {
      if (isFirst) handed.outcome = 'done'
    },
    (error) => {
      if (isFirst) handed.outcome = error.code
      throw error
    },
  ]
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
