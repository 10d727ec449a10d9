/**
 * What a hub answers to the requests of its subscribers: which publishers serve them through it, and when all do.
 *
 * Requests are not sent on: those of one turn are one request of the hub to all publishers above it, whose answers are passed
 * to all inboxes that they are new for. Pure: it is given requests and answers, and a clock.
 */
import type { Clock } from '../../src/clock/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import type { HubAnswer } from './hub-wire.js'
import type { AnswerKind, Enough } from './readiness.js'

/** How long the hub waits for all publishers after a request, in milliseconds; a subscriber that waits asks again. */
const waitMs = 1000

/** Requests of the hub whose answers it waits for; what is asked meanwhile is asked together. */
const maxWaits = 8

/** Sources above one link whose answers are remembered: those that have answered last. */
const maxAnswered = 4096

/** Links to one hub over which the same request may come. */
const maxTimes = 16

/** Up to which request of the hub a source has answered over one socket. */
export interface SourceAnswer {
  /** Itself, or by a hub above that keeps it. */
  readonly upTo: number
  /** Itself. */
  readonly ownUpTo: number
}

/** One socket to publishers. */
export interface AnsweringLink {
  /** Whether publishers must answer over it before all have. */
  readonly isAwaited: boolean
  /** Whether it has a live link. */
  readonly isLinked: boolean
  readonly isCut: boolean
  /** What each source has answered. */
  readonly answered: Map<string, SourceAnswer>
  readonly readiness: {
    subscribed(): number
    wait(enough: Enough): { readonly promise: Promise<void>; forget(): void }
  }
  hasAnswered(links: number): boolean
}

/** What it needs of its hub. */
export interface HubAnswerPorts {
  readonly clock: Clock
  links(): readonly AnsweringLink[]
  answer(answer: HubAnswer): void
  /** Sources whose messages the hub keeps, and where they end. */
  kept(): Iterable<{ readonly source: string; readonly position: number }>
}

interface Asked {
  readonly inbox: Buffer
  readonly nonce: Buffer
  /** The request of the hub that covers it. */
  readonly order: number
  /** How often the request has come: once by each link. */
  times: number
  isReady: boolean
  /** Whether it knows the sources that are kept. */
  knowsKept: boolean
}

/** Answers the subscribers of one hub. */
export class HubAnswers {
  readonly #ports: HubAnswerPorts
  /** The last request of each inbox, in the order in which they came. */
  readonly #asked = new Map<string, Asked>()
  /** Requests that the hub has made. */
  #order = 0
  readonly #waits = new Set<() => void>()
  #isDue = false
  #isClosed = false
  readonly #asking = new OncePerTurn(() => this.#ask())

  constructor(ports: HubAnswerPorts) {
    this.#ports = ports
  }

  /** A subscriber asks; its inbox is subscribed. */
  requested(inbox: Buffer, nonce: Buffer): void {
    const key = inbox.toString('latin1')
    const before = this.#asked.get(key)
    if (before?.nonce.equals(nonce)) {
      before.times = Math.min(before.times + 1, maxTimes)
      return
    }
    this.#asked.delete(key)
    this.#asked.set(key, { inbox, nonce, order: this.#order + 1, times: 1, isReady: false, knowsKept: false })
    this.#asking.schedule()
  }

  /** Nobody has the inbox any more. */
  left(inbox: Buffer): void {
    this.#asked.delete(inbox.toString('latin1'))
  }

  /** All subscribers have left. */
  clear(): void {
    this.#asked.clear()
  }

  /** A source has answered up to a request of the hub. */
  served(link: AnsweringLink, source: string, position: number, upTo: number, kind: AnswerKind, links?: Buffer): void {
    const { answered } = link
    const known = answered.get(source) ?? unanswered
    const isKept = kind === 'kept'
    // one that was kept, and is there again, is new to those who have asked
    const from = isKept ? known.upTo : known.ownUpTo
    if (upTo <= from) return
    answered.delete(source)
    if (answered.size >= maxAnswered) answered.delete(answered.keys().next().value as string)
    answered.set(source, { upTo: Math.max(upTo, known.upTo), ownUpTo: isKept ? known.ownUpTo : upTo })
    const role = isKept ? 'kept' : 'publisher'
    for (const { inbox, nonce, order } of this.#asked.values()) {
      if (order > from && order <= upTo) this.#ports.answer({ inbox, nonce, source, position, role, links })
    }
  }

  /** A source does not answer any more: all who have asked are to know, also if it is kept, and when it answers again. */
  lost(source: string): void {
    for (const { answered } of this.#ports.links()) answered.delete(source)
    const kept = [...this.#ports.kept()].find((one) => one.source === source)
    for (const { inbox, nonce, knowsKept } of this.#asked.values()) {
      this.#ports.answer({ inbox, nonce, source, position: 0, role: 'left' })
      // it was taken for present when the others that are kept were answered for
      if (kept && knowsKept) this.#ports.answer({ inbox, nonce, ...kept, role: 'kept' })
    }
  }

  close(): void {
    this.#isClosed = true
    for (const forget of this.#waits) forget()
    this.#asked.clear()
  }

  #ask(): void {
    if (this.#isClosed) return
    if (this.#waits.size >= maxWaits) {
      this.#isDue = true
      return
    }
    this.#order += 1
    const order = this.#order
    const links = this.#ports.links().filter(({ isCut }) => !isCut)
    for (const { readiness } of links) readiness.subscribed()
    const awaited = links.filter(({ isAwaited }) => isAwaited)
    // with no publisher at all, the first that comes is waited for
    const waits = (awaited.length > 0 ? awaited : links).map((link) =>
      link.readiness.wait((_, answered) => link.isCut || link.hasAnswered(answered)),
    )
    // nobody is there that might answer for them
    if (!links.some(({ isLinked }) => isLinked)) this.#answerKept(order)
    const end = () => {
      timer.cancel()
      if (!this.#isClosed) this.#answerKept(order)
      for (const { forget } of waits) forget()
      if (!this.#waits.delete(end) || !this.#isDue || this.#isClosed) return
      this.#isDue = false
      this.#asking.schedule()
    }
    const timer = this.#ports.clock.setTimer(end, waitMs)
    this.#waits.add(end)
    const isAny = awaited.length === 0
    const promises = waits.map(({ promise }) => promise)
    void (isAny ? Promise.any(promises) : Promise.all(promises)).then(
      () => {
        if (this.#waits.has(end)) this.#ready(order)
        end()
      },
      () => end(),
    )
  }

  /** Answers for sources that are kept and have not answered themselves. */
  #answerKept(upTo: number): void {
    const asked = [...this.#asked.values()].filter(({ order, knowsKept }) => order <= upTo && !knowsKept)
    if (asked.length === 0) return
    const links = this.#ports.links()
    const kept = [...this.#ports.kept()].filter(({ source }) => !links.some(({ answered }) => answered.has(source)))
    for (const one of asked) {
      one.knowsKept = true
      const { inbox, nonce } = one
      for (const { source, position } of kept) this.#ports.answer({ inbox, nonce, source, position, role: 'kept' })
    }
  }

  /** All publishers serve what was asked for up to this request of the hub. */
  #ready(upTo: number): void {
    for (const asked of this.#asked.values()) {
      const { inbox, nonce, order, times } = asked
      if (asked.isReady || order > upTo) continue
      asked.isReady = true
      const answer = { inbox, nonce, source: undefined, position: 0, role: 'ready' } as const
      for (let time = 0; time < times; time++) this.#ports.answer(answer)
    }
  }
}

const unanswered: SourceAnswer = { upTo: 0, ownUpTo: 0 }
