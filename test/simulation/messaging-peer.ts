/** A peer in a simulated process: it sends to names, is given messages of two schemas, and watches the others. */
import type { Subscription } from 'rxjs'
import { type Answering, PeerAnswers } from '../../patterns/messaging/answers.js'
import { finishPeer } from '../../patterns/messaging/closing.js'
import { defineAsk } from '../../patterns/messaging/define-ask.js'
import { LocalPeer } from '../../patterns/messaging/local-peer.js'
import type { PeerDelivery } from '../../patterns/messaging/mail-supply.js'
import type { PeerNode } from '../../patterns/messaging/node.js'
import type { PeerSendOptions } from '../../patterns/messaging/options.js'
import { PeerAsks } from '../../patterns/messaging/peer-asks.js'
import type { PeerRef } from '../../patterns/messaging/peer-claim.js'
import type { PresenceEvent } from '../../patterns/messaging/presence-event.js'
import { defineSchema } from '../../src/avro/index.js'
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { waitFor } from '../../src/lifecycle/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { MessagingOracle, Note } from './messaging-oracle.js'
import type { MessagingPlan } from './messaging-plan.js'
import type { Random } from './random.js'

const fields = [
  { name: 'from', type: 'string' },
  { name: 'number', type: 'int' },
  { name: 'padding', type: 'string' },
] as const

/** The schemas of messages; one order holds over both. */
export const noteSchemas = [
  defineSchema({ type: 'record', name: 'Letter', fields }),
  defineSchema({ type: 'record', name: 'Card', fields }),
] as const

/** An ask of every peer: answered with the incarnation that has answered. */
const question = defineAsk(
  'question',
  defineSchema({ type: 'record', name: 'Question', fields: [...fields] }),
  defineSchema({ type: 'record', name: 'Reply', fields: [{ name: 'from', type: 'string' }] }),
)

/** Padding of messages that are large, in bytes. */
const large = [3000, 30_000, 90_000]

/** What a peer needs of its process. */
export interface PeerProcess {
  readonly world: { readonly oracle: MessagingOracle; readonly plan: MessagingPlan }
  readonly random: Random
  readonly clock: Clock
  readonly life: number
  readonly now: number
  readonly identity: PeerIdentity | undefined
  note(what: string, ...numbers: readonly number[]): void
  enqueueLater(delayMs: number, event: () => void): void
  report(error: RivuletError): void
}

/** A peer. */
export class SimulatedPeer {
  readonly ref: PeerRef
  readonly local: LocalPeer
  readonly #asks: PeerAsks
  readonly #answers: PeerAnswers
  readonly #process: PeerProcess
  readonly #node: PeerNode
  readonly #random: Random
  readonly #life: number
  #isOpen = true
  readonly #onClosing = new Set<() => void>()
  #readers: Subscription[] = []
  #answering: Answering | undefined
  #isBounded = false
  /** Whether it is handed everything in order over all schemas: it consumes all of them from the beginning, without a bound. */
  #isOrdered = false
  /** Since when it consumes, by its wall clock. */
  #readsSince = 0
  #pending = 0
  #finished: Promise<void> | undefined

  constructor(process: PeerProcess, node: PeerNode, name: string) {
    const { random, clock, world } = process
    this.#process = process
    this.#node = node
    this.#random = random.fork()
    this.#life = process.life
    this.ref = { name, incarnation: random.bytes(16).toString('hex'), identity: process.identity }
    this.local = new LocalPeer(this.ref, world.plan.habits, {
      clock,
      name: () => `peer '${name}'`,
      isOpen: () => this.#isOpen,
      onClosing: (callback) => {
        this.#onClosing.add(callback)
        return () => this.#onClosing.delete(callback)
      },
      report: (error) => process.report(error),
      waitUntil: (deadline, done) => this.#waitUntil(deadline, done),
      epoch: () => node.epochOf(this.ref),
      nextAttempt: () => node.nextAttempt(),
      wayTo: (to) => node.wayTo(this.local, to),
      isPresent: (to) => node.roster.find(to) !== undefined,
      present: node.present,
      isSender: (member) => node.roster.get(member) !== undefined,
      hasLeft: (to) => node.hasLeft(to),
    })
    const peer = this
    this.#asks = new PeerAsks(node.asks, {
      incarnation: this.ref.incarnation,
      number: node.asks.callers.take(this.ref.incarnation),
      name: () => `peer '${name}'`,
      get isOpen() {
        return peer.#isOpen
      },
      onClosing: (callback) => this.#onClosing.add(callback),
      get problem() {
        return peer.local.problem
      },
      timeoutMs: world.plan.habits.patienceMs,
      waitForReady: true,
    })
    this.#answers = new PeerAnswers(this.ref, {
      clock,
      host: node.callHost,
      get isOpen() {
        return peer.#isOpen
      },
      version: node.asks.version,
      asker: (session, caller) => node.asks.asker(session, caller),
      changed: (answers) => node.roster.changeLocal(this.ref.incarnation, answers),
    })
  }

  /** Messages that it has sent and whose outcome it does not know. */
  get pending(): number {
    return this.#pending
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether it consumes. */
  get isReading(): boolean {
    return this.#readers.length > 0 || !this.#isOpen
  }

  /** Begins to watch, and perhaps to read. */
  begin(): void {
    const { oracle, plan } = this.#process.world
    const { name } = this.ref
    oracle.watch(() => oracle.born(this.ref))
    this.local.presence.events.subscribe((event) => {
      const about = event.kind === 'complete' ? '' : `${event.peer.name} ${event.peer.incarnation.slice(28)}`
      this.#process.note(`${name} sees ${event.kind} ${about}`)
      this.#look(() => oracle.sees(this.ref, this.#node.id, event))
    })
    if (this.#random.chance(0.7)) this.answer()
    this.#isBounded = this.#random.chance(plan.habits.bounded)
    if (this.#random.chance(plan.habits.idle)) return
    this.#isOrdered = !this.#isBounded
    this.read()
  }

  /** Consumes, with a bound or without. */
  read(): void {
    if (this.#readers.length > 0) return
    this.#readsSince = this.#process.clock.wallNow()
    this.#readers = noteSchemas.map((schema, kind) => {
      const deliveries = this.local.mailbox.laneOf(schema).deliveries
      if (!this.#isBounded) return deliveries.subscribe((delivery) => this.#given(kind, delivery))
      return deliveries
        .process((delivery) => {
          this.#given(kind, delivery)
          return this.#work()
        })
        .subscribe()
    })
  }

  /** Consumes nothing for a while. */
  rest(): void {
    this.#isOrdered = false
    for (const reader of this.#readers) reader.unsubscribe()
    this.#readers = []
  }

  /** Looks at the others as a late subscriber. */
  look(): void {
    const events: PresenceEvent[] = []
    this.local.presence.events.subscribe((event) => events.push(event)).unsubscribe()
    this.#look((oracle) => oracle.snapshot(this.ref, events))
  }

  /** Sends some messages to a name, of either schema. */
  send(to: string): void {
    const { habits } = this.#process.world.plan
    for (let count = this.#random.between(1, 2 * habits.together); count > 0; count--) this.#sendOne(to)
  }

  /** Asks a peer a question. */
  ask(to: string): void {
    const { oracle, plan } = this.#process.world
    const random = this.#random
    const number = oracle.asked(this.ref, to)
    const query: Note = { from: this.ref.incarnation, number, padding: '' }
    const isUnready = random.chance(plan.habits.unready)
    const options = { ...this.#impatience(), ...(isUnready && { waitForReady: false }) }
    this.#process.note(`asks ${to}`, number)
    this.#pending += 1
    const settle = (look: () => void) => {
      this.#pending -= 1
      if (this.#life === this.#process.life && oracle.isAlive(this.ref)) this.#look(look)
    }
    this.#asks.ask(to, question, query, options).then(
      (reply) => settle(() => oracle.replied(this.ref, to, number, reply.from)),
      (error: RivuletError) => settle(() => oracle.unanswered(this.ref, to, number, error)),
    )
  }

  /** Begins to answer questions, or stops. */
  answer(): void {
    const { oracle } = this.#process.world
    const answering = this.#answering
    this.#answering = undefined
    if (answering !== undefined) {
      void answering.close()
      return
    }
    this.#answering = this.#answers.answer(question, async (query, { from }) => {
      this.#process.note(`${this.ref.name} is asked by ${from.name}`, query.number)
      this.#look(() => oracle.answered(this.ref, from, query))
      if (this.#random.chance(0.5)) await this.#work()
      return { from: this.ref.incarnation }
    })
  }

  /** Closes; resolves when what it has sent is taken, or the time is up. */
  finish(deadline: number): Promise<void> {
    this.#finished ??= this.#finish(deadline)
    return this.#finished
  }

  async #finish(deadline: number): Promise<void> {
    this.#isOpen = false
    for (const callback of [...this.#onClosing]) callback()
    const [node, local, asks, answers] = [this.#node, this.local, this.#asks, this.#answers]
    const { clock } = this.#process
    await finishPeer({ clock, node, local, asks, answers, waitUntil: (...wait) => this.#waitUntil(...wait) }, deadline)
    this.ended()
  }

  async #waitUntil(deadline: number, done: Promise<unknown>): Promise<void> {
    const { clock } = this.#process
    await waitFor(this.ref.name, done, clock, { timeoutMs: Math.max(0, deadline - clock.now()) }).catch(() => {})
  }

  /** Its life has ended, in whatever way. */
  ended(): void {
    this.#isOpen = false
    this.rest()
    const { oracle } = this.#process.world
    oracle.watch(() => oracle.died(this.ref))
  }

  #sendOne(to: string): void {
    const { oracle, plan } = this.#process.world
    const { large: larges, unready, atLeastOnce, patienceMs } = plan.habits
    const random = this.#random
    const isRepeatable = random.chance(atLeastOnce)
    const options: PeerSendOptions = {
      timeoutMs: patienceMs,
      ...this.#impatience(),
      ...(random.chance(unready) && { waitForReady: false }),
      ...(isRepeatable && { delivery: 'at-least-once' as const }),
    }
    const number = oracle.made(this.ref, to, isRepeatable)
    const padding = 'x'.repeat(random.chance(larges) ? random.pick(large) : random.below(20))
    this.#pending += 1
    const value: Note = { from: this.ref.incarnation, number, padding }
    const settle = (look: () => void) => {
      this.#pending -= 1
      if (this.#life === this.#process.life && oracle.isAlive(this.ref)) this.#look(look)
    }
    this.#process.note(`sends ${this.ref.incarnation.slice(28)} to ${to}`, number)
    this.local.send(to, random.pick(noteSchemas), value, options).then(
      () => settle(() => oracle.taken(this.ref, to, number)),
      (error: RivuletError) => settle(() => oracle.failed(this.ref, to, number, error)),
    )
  }

  #impatience(): Pick<PeerSendOptions, 'timeoutMs' | 'signal'> {
    const random = this.#random
    if (!random.chance(this.#process.world.plan.habits.impatient)) return {}
    if (random.chance(0.5)) return { timeoutMs: random.below(3000) }
    const controller = new AbortController()
    this.#process.enqueueLater(random.below(1000), () => controller.abort())
    return { signal: controller.signal }
  }

  #given(schema: number, delivery: PeerDelivery<unknown>): void {
    const kind = this.#isOrdered ? '' : String(schema)
    this.#process.note(`${this.ref.name} is given by ${delivery.from.name}`, delivery.sequence)
    // presence does not wait for messages that nobody consumed
    const isBacklog = delivery.time.getTime() <= this.#readsSince
    this.#look((oracle) => oracle.given(this.ref, kind, delivery as PeerDelivery<Note>, isBacklog))
  }

  #work(): Promise<void> {
    const { workMs } = this.#process.world.plan.habits
    return new Promise((resolve) => this.#process.enqueueLater(this.#random.below(workMs + 1), resolve))
  }

  #look(look: (oracle: MessagingOracle) => void): void {
    if (this.#life === this.#process.life) this.#process.world.oracle.watch(look)
  }
}
