/**
 * What a node says of its peers on one session: first all that it has, then `complete`, then each change.
 *
 * Changes that the link has no room for are gathered: what is entries is always what holds now.
 */
import type { PeerClaim } from './peer-claim.js'
import type { MeetRequest, PeerEntry } from './wire.js'

type Step = IteratorResult<MeetRequest, undefined>

/** Peers of one request. */
const peersPerRequest = 512

/** The requests of one `meet`. */
export class MeetSpeaker implements AsyncIterable<MeetRequest>, AsyncIterator<MeetRequest, undefined> {
  #hello: MeetRequest['hello']
  readonly #numberOf: (incarnation: string) => number
  readonly #joined = new Map<string, PeerEntry>()
  readonly #left = new Set<string>()
  #isComplete = false
  #isEnding = false
  #resolve: ((step: Step) => void) | undefined

  /**
   * @param numberOf - Returns the number by which a peer asks.
   */
  constructor(
    hello: NonNullable<MeetRequest['hello']>,
    claims: readonly PeerClaim[],
    numberOf: (incarnation: string) => number,
  ) {
    this.#hello = hello
    this.#numberOf = numberOf
    for (const claim of claims) this.#join(claim)
  }

  /** A peer is claimed, or has other answers. */
  announce(claim: PeerClaim): void {
    this.#left.delete(claim.incarnation)
    this.#join(claim)
    this.#wake()
  }

  withdraw(incarnation: string): void {
    this.#joined.delete(incarnation)
    this.#left.add(incarnation)
    this.#wake()
  }

  /** Nothing is entries behind what is entries now. */
  end(): void {
    this.#isEnding = true
    this.#wake()
  }

  next(): Promise<Step> {
    const step = this.#step()
    if (step !== undefined) return Promise.resolve(step)
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  return(): Promise<Step> {
    this.#isEnding = true
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #join({ name, incarnation, epoch, takeover, answers }: PeerClaim): void {
    const entries = [...answers].map(([ask, number]) => ({ ask, number }))
    const number = this.#numberOf(incarnation)
    this.#joined.set(incarnation, { name, incarnation, epoch, takeover, answers: entries, number })
  }

  #wake(): void {
    const resolve = this.#resolve
    const step = resolve && this.#step()
    if (step === undefined) return
    this.#resolve = undefined
    resolve?.(step)
  }

  #step(): Step | undefined {
    if (this.#isComplete && this.#joined.size + this.#left.size === 0) {
      return this.#isEnding ? { value: undefined, done: true } : undefined
    }
    const joined = [...this.#joined.values()].slice(0, peersPerRequest)
    for (const { incarnation } of joined) this.#joined.delete(incarnation)
    const left = [...this.#left]
    this.#left.clear()
    const complete = !this.#isComplete && this.#joined.size === 0
    this.#isComplete ||= complete
    const hello = this.#hello ?? null
    this.#hello = null
    return { value: { hello, joined, left, complete }, done: false }
  }
}
