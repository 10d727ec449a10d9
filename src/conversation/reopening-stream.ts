/**
 * The contract between a client and its stream to a host, and what all such streams have in common: each is opened again
 * whenever it has ended.
 */
import type { Clock, Timer } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { atEndOfTurn } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'

/** What a client says to a host, and does about its answers. */
export interface Conversation<Request, Answer> {
  /** A stream begins: returns its first request. What was said before and not answered is to be said again. */
  open(): Request
  /** Returns what is to be said next; `undefined` if there is nothing. */
  take(): Request | undefined
  /** Takes what the host says. */
  answer(answer: Answer): void
  /** A stream has ended, and another one will be opened. */
  down(): void
  /** The host does not want this user, or cannot have it; another stream is tried later all the same. */
  refused(error: RivuletError): void
}

/** A stream to a host, as its client uses it. */
export interface ConversationStream {
  /** Begins. */
  start(): void
  /** There is something to take. */
  wake(): void
  /** Says what there is to say, ends the stream and opens another: the host forgets what it was asked for. */
  renew(): void
  /** Says what there is to say, and resolves when the host has heard that it was all; nothing is opened any more. */
  end(): Promise<void>
  /** Ends at once. */
  close(): void
}

/** Codes of streams that ended for reasons of the connection or the host, not of the client. */
const passing: ReadonlySet<string> = new Set([
  'RIVULET_UNKNOWN_OUTCOME',
  'RIVULET_SERVER_CLOSING',
  'RIVULET_UNAVAILABLE',
  'RIVULET_OVERLOADED',
  'RIVULET_CANCELLED',
  'RIVULET_CLOSED',
  'RIVULET_SESSION_LOST',
])

/** A stream that is opened again. */
export abstract class ReopeningStream<Request, Answer> implements ConversationStream {
  protected readonly user: Conversation<Request, Answer>
  readonly #clock: Clock
  readonly #random: () => number
  #timer: Timer | undefined
  #waitMs = 0
  #over = false
  /** Whether the stream at hand has been answered. */
  #answered = false

  /** @param random - Returns a number from 0 up to 1, which keeps clients from opening their streams at the same time. */
  constructor(clock: Clock, user: Conversation<Request, Answer>, random = Math.random) {
    this.#clock = clock
    this.user = user
    this.#random = random
  }

  /** Whether nothing is opened any more. */
  protected get isOver(): boolean {
    return this.#over
  }

  /** Opens a stream. */
  protected abstract begin(): void

  /** Lets go of the stream at hand. */
  protected abstract leave(): void

  abstract wake(): void

  abstract renew(): void

  abstract end(): Promise<void>

  start(): void {
    // the caller of the factory can subscribe to its errors first
    atEndOfTurn(() => this.#begin())
  }

  close(): void {
    this.finish()
    this.leave()
  }

  /** Opens nothing any more. */
  protected finish(): void {
    this.#over = true
    this.#timer?.cancel()
  }

  /** The host has said something. */
  protected received(answer: Answer): void {
    this.#answered = true
    this.#waitMs = 0
    this.user.answer(answer)
  }

  /** The stream at hand has ended. */
  protected ended(cause: unknown): void {
    if (this.#over) return
    this.user.down()
    const error = isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the host failed', { cause })
    const isPassing = passing.has(error.code)
    if (!isPassing) this.user.refused(error)
    if (this.#over) return
    // at once if it has worked before; else there would be no end of it
    const waitMs = this.#answered && isPassing ? 0 : Math.max(this.#waitMs, defaults.reconnectMs)
    this.#waitMs = Math.min(defaults.reconnectMaxMs, 2 * Math.max(waitMs, defaults.reconnectMs / 2))
    this.#answered = false
    if (waitMs === 0) atEndOfTurn(() => this.#begin())
    else this.#timer = this.#clock.setTimer(() => this.#begin(), waitMs * (1 + this.#random()))
  }

  #begin(): void {
    this.#timer = undefined
    if (!this.#over) this.begin()
  }
}
