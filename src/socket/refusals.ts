/**
 * What a server that refuses this side means, and when it is tried again: at one endpoint that this side connects to.
 *
 * libzmq stops after some refusals for good, and tries again without end after others. Here each of them ends all tries, and
 * the next one follows after a wait that doubles. Of a server that ends a handshake without a word it is asked whether it
 * speaks CURVE: then it has another key. It owns no socket; `connector.ts` connects.
 */
import type { Clock, Timer } from '../clock/index.js'
import { errnoOf, RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { type RefusalCause, refusalError } from '../security/index.js'
import { isPeerGone, peerIsGone } from './translate.js'

/** How long it takes until the events of a connection that was given up have been read, in milliseconds. */
const settleMs = 10

/** Handshakes that end without a word before it is asked who answers: one may be that of a process which was ended. */
const fewestSilent = 2

/** What is needed of the connecting side. */
export interface RefusalPorts {
  readonly clock: Clock
  /** The endpoint, as messages name it. */
  readonly endpoint: string
  /** Ends the connection, and all tries to make another. */
  giveUp(): void
  /** Connects again, with the present server key. */
  connect(): void
  /** Asks which mechanism the server has; `undefined` if none answers. */
  mechanism(): Promise<string | undefined>
  /** A connection was refused; without a cause it is only counted. */
  refused(cause: RivuletError | undefined): void
}

/** What becomes of an event: it counts as ever, it counts for nothing, or a refusal that is reported from here. */
export type Verdict = 'count' | 'drop' | 'refused'

/** The refusals of one endpoint. */
export class Refusals {
  readonly #ports: RefusalPorts
  readonly #serverKeys: readonly string[]
  #keyAt = 0
  /** Handshakes in a row that ended without a word, and are not reported yet. */
  #silent = 0
  /** Refusals in a row. */
  #refusals = 0
  #isParked = false
  /** Whether it was asked who answers without an outcome, since there was a connection. */
  #isAsked = false
  /** Whether there was a connection since the last try. */
  #isConnected = false
  #timer: Timer | undefined
  /** Counts what makes the answer to a question outdated. */
  #turn = 0

  /**
   * @param serverKeys - The keys that the server may have; empty without security.
   */
  constructor(serverKeys: readonly string[], ports: RefusalPorts) {
    this.#serverKeys = serverKeys
    this.#ports = ports
  }

  /** The key that the server must have at the present try. */
  get serverKey(): string | undefined {
    return this.#serverKeys[this.#keyAt]
  }

  /** Whether it is waited before the next try. */
  get isParked(): boolean {
    return this.#isParked
  }

  /** Takes an event of the endpoint. */
  event(type: string, error: Error | undefined): Verdict {
    if (this.#isParked) return 'drop'
    if (type === 'connect') this.#isConnected = true
    else if (type === 'handshake') this.#agreed()
    else if (type === 'connect:retry') this.#retrying()
    else if (type.startsWith('handshake:error')) return this.#failed(type, error)
    return 'count'
  }

  /** Tries no more. */
  close(): void {
    this.#turn += 1
    this.#timer?.cancel()
  }

  get #isSecured(): boolean {
    return this.#serverKeys.length > 0
  }

  #agreed(): void {
    // a key that was replaced is no failure
    this.#release(this.#serverKeys.length > 1 ? undefined : this.#ended())
    this.#refusals = 0
    this.#isAsked = false
    this.#turn += 1
  }

  #retrying(): void {
    // nobody is there: what ended without a word was about to leave
    if (!this.#isConnected) {
      this.#release(this.#ended())
      this.#isAsked = false
    }
    this.#isConnected = false
  }

  #failed(type: string, error: Error | undefined): Verdict {
    const { status } = (error ?? {}) as { readonly status?: number }
    if (type === 'handshake:error:auth') {
      if (status === 500) return this.#refuse('unavailable', error)
      // without security it is full: `endpoint-links.ts`
      return this.#isSecured ? this.#refuse('unknown-key', error) : 'count'
    }
    if (errnoOf(error) === 'ERR_ZMTP_MECHANISM_MISMATCH') return this.#refuse('mechanism', error)
    if (type !== 'handshake:error:other' || !isPeerGone(error)) return 'count'
    if (this.#isAsked && !this.#isSecured) return 'count'
    this.#endedInSilence()
    return this.#isParked ? 'drop' : 'refused'
  }

  #endedInSilence(): void {
    this.#silent += 1
    const isEnough = this.#silent >= Math.max(fewestSilent, this.#serverKeys.length)
    if (!this.#isSecured) {
      // the library tries again
      if (isEnough) void this.#ask()
      return
    }
    this.#nextKey()
    this.#park()
    if (isEnough) void this.#ask()
    else this.#connectAfter(settleMs)
  }

  async #ask(): Promise<void> {
    this.#turn += 1
    const turn = this.#turn
    const mechanism = await this.#ports.mechanism()
    if (turn !== this.#turn) return
    const expected = this.#isSecured ? 'CURVE' : 'NULL'
    if (mechanism !== undefined && mechanism !== expected) this.#refuse('mechanism')
    else if (mechanism === 'CURVE') this.#refuse('server-key')
    else {
      this.#isAsked = true
      this.#release(this.#ended())
      if (this.#isParked) this.#connectAfter(defaults.reconnectMs)
    }
  }

  /** Reports a refusal, and tries again later. */
  #refuse(cause: RefusalCause, reason?: Error): Verdict {
    const { endpoint, refused } = this.#ports
    const error = refusalError(`a connection on ${endpoint} was refused`, cause)
    this.#release(error)
    if (reason !== undefined) refused(error)
    this.#park()
    const waitMs = Math.min(defaults.refusedMaxMs, defaults.refusedMs * 2 ** this.#refusals)
    this.#refusals += 1
    this.#connectAfter(waitMs)
    return 'drop'
  }

  /** Reports the handshakes that ended without a word. */
  #release(cause: RivuletError | undefined): void {
    const count = this.#silent
    this.#silent = 0
    for (let one = 0; one < count; one++) this.#ports.refused(cause)
  }

  #park(): void {
    if (this.#isParked) return
    this.#isParked = true
    this.#ports.giveUp()
  }

  #connectAfter(waitMs: number): void {
    this.#turn += 1
    this.#timer?.cancel()
    this.#timer = this.#ports.clock.setTimer(() => {
      this.#isParked = this.#isConnected = false
      this.#ports.connect()
    }, waitMs)
  }

  #nextKey(): void {
    this.#keyAt = (this.#keyAt + 1) % this.#serverKeys.length
  }

  #ended(): RivuletError {
    const text = `a connection on ${this.#ports.endpoint} was refused: ${peerIsGone}`
    return new RivuletError('RIVULET_HANDSHAKE_FAILED', text)
  }
}
