/**
 * Peers that all send and ask each other without a pause, and the account of it: what became of each message and each ask, held
 * against what it must be.
 *
 * Each message has its place among those of its pair, each ask a number. What happens to the peers meanwhile is for the test to do.
 */
import { defineAsk, type Peer } from '../../patterns/messaging/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { turn, until } from '../support/events.js'
import { Order, Report } from './peers.js'

/** The ask of all of them. */
export const echo = defineAsk('echo', defineSchema('int'), defineSchema('int'))

/** Messages that a pair has in flight, in one direction. */
const inFlight = 16

/** Every so many messages one may be sent again where its outcome is not known. */
const repeatEvery = 4

/** Whether a message or an ask of a pair may fail in this way, as `code executed`. */
export type Tolerates = (outcome: string, from: string, to: string) => boolean

/** What one peer sends to another, and asks it. */
export class LoadedPair {
  readonly from: Peer
  readonly to: Peer
  sent = 0
  /** The place that is due. */
  received = 0
  asked = 0
  answered = 0
  /** How often each outcome other than the wanted one came, for messages and for asks. */
  readonly failures = { send: new Map<string, number>(), ask: new Map<string, number>() }
  readonly #fault: (what: string) => void
  readonly #tolerates: (outcome: string) => boolean
  /** How often each ask was run, by number. */
  readonly #runs = new Map<number, number>()
  /** Messages that failed, with whether they may have been taken; and those that did not arrive before a later one. */
  readonly #failed = new Map<number, string>()
  readonly #missing = new Set<number>()
  #stopped = false
  #ends: Promise<void>[] = []

  constructor(from: Peer, to: Peer, fault: (what: string) => void, tolerates: Tolerates) {
    this.from = from
    this.to = to
    this.#fault = (what) => fault(`${from.name} to ${to.name}: ${what}`)
    this.#tolerates = (outcome) => tolerates(outcome, from.name, to.name)
  }

  /** Whether all that was taken has arrived, once it was stopped. */
  get isSettled(): boolean {
    let due = this.sent
    while (due > this.received && this.#failed.has(due - 1)) due -= 1
    return this.received >= due
  }

  start(): void {
    this.#ends = [this.#asks(), ...Array.from({ length: inFlight }, () => this.#sends())]
  }

  /** Resolves when everything has its outcome. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#ends)
  }

  take(place: number): void {
    if (place < this.received) this.#fault(`${place} came where ${this.received} is due`)
    for (let missing = this.received; missing < place; missing++) this.#missing.add(missing)
    this.received = Math.max(this.received, place + 1)
  }

  run(number: number): void {
    this.#runs.set(number, (this.#runs.get(number) ?? 0) + 1)
  }

  check(): void {
    for (let place = this.received; place < this.sent; place++) this.#missing.add(place)
    for (const place of this.#missing) {
      if (!this.#failed.has(place)) this.#fault(`message ${place} was taken, and has not arrived`)
    }
    for (const [place, executed] of this.#failed) {
      if (executed === 'no' && !this.#missing.has(place)) this.#fault(`message ${place} was not taken, and has arrived`)
    }
  }

  async #sends(): Promise<void> {
    while (!this.#stopped) {
      const place = this.sent++
      const schema = place % 3 === 0 ? Order : Report
      const delivery = place % repeatEvery === 0 ? 'at-least-once' : 'at-most-once'
      await this.from.send(this.to.name, schema, { id: place }, { delivery }).catch((error: RivuletError) => {
        this.#failed.set(place, String(error.executed))
        return this.#failure('send', error, `message ${place}`)
      })
    }
  }

  async #asks(): Promise<void> {
    while (!this.#stopped) {
      const number = this.asked++
      const outcome = await this.from.ask(this.to.name, echo, number).catch((error: RivuletError) => error)
      const runs = this.#runs.get(number) ?? 0
      if (typeof outcome === 'number') {
        if (outcome !== number || runs !== 1) this.#fault(`ask ${number} ran ${runs} times, its answer is ${outcome}`)
      } else {
        await this.#failure('ask', outcome, `ask ${number}`)
        if (runs > (outcome.executed === 'no' ? 0 : 1)) this.#fault(`ask ${number} ran ${runs} times and failed`)
      }
      this.answered += 1
    }
  }

  /** Resolves in another turn, so that what fails at once is not tried again without an end. */
  async #failure(kind: 'send' | 'ask', { code, executed, message }: RivuletError, what: string): Promise<void> {
    const outcome = `${code} ${executed}`
    const counts = this.failures[kind]
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    if (!this.#tolerates(outcome)) this.#fault(`${what} has the outcome ${outcome}: ${message}`)
    await turn()
  }
}

/** All pairs of some peers. */
export class LoadedPairs {
  readonly #fault: (what: string) => void
  readonly #tolerates: Tolerates
  readonly #peers: Peer[] = []
  readonly #pairs = new Map<string, LoadedPair>()

  /** @param tolerates - Which failures are none; all are without it. */
  constructor(fault: (what: string) => void, tolerates: Tolerates = () => false) {
    this.#fault = fault
    this.#tolerates = tolerates
  }

  get all(): readonly LoadedPair[] {
    return [...this.#pairs.values()]
  }

  /** Lets a peer take and answer what the others send. */
  enter(peer: Peer): void {
    this.#peers.push(peer)
    const pairFrom = (from: { readonly name: string }) => this.#pairs.get(`${from.name} ${peer.name}`)
    for (const schema of [Order, Report]) {
      peer.deliveries(schema).subscribe(({ from, value: { id } }) => pairFrom(from)?.take(id))
    }
    peer.answer(echo, (number, { from }) => {
      pairFrom(from)?.run(number)
      return number
    })
  }

  /** Lets all that have entered send and ask each other. */
  start(): void {
    for (const from of this.#peers) {
      for (const to of this.#peers.filter((peer) => peer !== from)) {
        this.#pairs.set(`${from.name} ${to.name}`, new LoadedPair(from, to, this.#fault, this.#tolerates))
      }
    }
    for (const pair of this.all) pair.start()
  }

  /** Resolves when everything has its outcome. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((pair) => pair.stop()))
  }

  /** Resolves when each pair has received so many messages and an answer more, or when `isEnough` says so. */
  async progress(
    messages: number,
    isEnough: () => boolean,
    of: (pair: LoadedPair) => boolean = () => true,
  ): Promise<void> {
    const marks = this.all.filter(of).map((pair) => ({ pair, received: pair.received, answered: pair.answered }))
    await until(
      () =>
        isEnough() ||
        marks.every(({ pair, received, answered }) => pair.received - received >= messages && pair.answered > answered),
    )
  }

  /** Settles the account of each pair. */
  check(): void {
    for (const pair of this.all) pair.check()
  }

  /** Messages that have arrived, and asks that have their outcome. */
  counts(): { readonly messages: number; readonly asks: number } {
    const sum = (count: (pair: LoadedPair) => number) => this.all.reduce((total, pair) => total + count(pair), 0)
    return { messages: sum(({ received }) => received), asks: sum(({ answered }) => answered) }
  }
}
