/**
 * What a node says of its peers on one session: first all that it has, then `complete`, then each change.
 *
 * Changes that the link has no room for are gathered: what is said is always what holds now.
 */
import type { PeerClaim } from './peer-claim.js'
import type { MeetRequest, PeerEntry } from './wire.js'

type Step = IteratorResult<MeetRequest, undefined>

/** Peers of one request. */
const peersPerRequest = 512

/** The requests of one `meet`. */
export class MeetSpeaker implements AsyncIterable<MeetRequest>, AsyncIterator<MeetRequest, undefined> {
  #hello: MeetRequest['hello']
  readonly #joined = new Map<string, PeerEntry>()
  readonly #left = new Set<string>()
  #isComplete = false
  #isEnding = false
  #resolve: ((step: Step) => void) | undefined

  constructor(hello: NonNullable<MeetRequest['hello']>, claims: readonly PeerClaim[]) {
    this.#hello = hello
    for (const claim of claims) this.#joined.set(claim.incarnation, entryOf(claim))
  }

  /** A peer is claimed, or has other answers. */
  announce(claim: PeerClaim): void {
    this.#left.delete(claim.incarnation)
    this.#joined.set(claim.incarnation, entryOf(claim))
    this.#wake()
  }

  withdraw(incarnation: string): void {
    this.#joined.delete(incarnation)
    this.#left.add(incarnation)
    this.#wake()
  }

  /** Nothing is said behind what is said now. */
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

function entryOf({ name, incarnation, epoch, takeover, answers }: PeerClaim): PeerEntry {
  return { name, incarnation, epoch, takeover, answers: [...answers].map(([ask, number]) => ({ ask, number })) }
}
