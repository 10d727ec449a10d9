/**
 * Decides by a function of the application, which may be slow, fail, or change its mind.
 *
 * Each answer has a time limit; questions about one key share one call; the keys that it has admitted are asked about again,
 * so that a revocation takes effect. Its last answer holds for some seconds while it fails: a short outage of a database
 * disconnects nobody. Everything is bounded: an unadmitted peer can make as many keys as it likes.
 */
import type { Clock, Timer } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults, describe } from '../options/index.js'
import { type Admission, type AdmissionPorts, admit, type Decision, unavailable, unknownKey } from './admission.js'
import { type AllowFunction, nameFault, namelessIdentity, type PeerIdentity } from './allow-list.js'

/** A key that the function has admitted. */
interface Admitted {
  readonly identity: PeerIdentity
  readonly address: string
  /** When the function last admitted it, on the clock. */
  readonly decidedAt: number
  /** When a peer last connected with it. */
  readonly connectedAt: number
}

/** How long a call that does not return counts as running after its time limit, in milliseconds. */
const abandonedMs = 30_000

/** Decides by a function. */
export class FunctionAdmission implements Admission {
  readonly #allow: AllowFunction
  readonly #clock: Clock
  readonly #ports: AdmissionPorts
  /** The one that was used last is at the end. */
  readonly #admitted = new Map<string, Admitted>()
  /** By key, when it was refused. */
  readonly #refused = new Map<string, number>()
  /** Calls that have not returned, by key. */
  readonly #calls = new Map<string, Promise<Decision>>()
  /** How many of them are about keys that are not admitted. */
  #undecided = 0
  #timer: Timer | undefined
  #isClosed = false
  /** Whether a key is in use, where that can be known: a key that is not is forgotten after a while. */
  isInUse: ((publicKey: string) => boolean) | undefined

  constructor(allow: AllowFunction, clock: Clock, ports: AdmissionPorts) {
    this.#allow = allow
    this.#clock = clock
    this.#ports = ports
  }

  decide(publicKey: string, address: string): Decision | Promise<Decision> {
    if (this.#isClosed) return unavailable
    const admitted = this.#admitted.get(publicKey)
    if (admitted !== undefined) {
      this.#enter(publicKey, { ...admitted, connectedAt: this.#clock.now() })
      return admit(admitted.identity)
    }
    const refusedAt = this.#refused.get(publicKey)
    if (refusedAt !== undefined && this.#clock.now() - refusedAt < defaults.refusalMemoryMs) return unknownKey
    const call = this.#calls.get(publicKey)
    if (call !== undefined) return this.#within(call)
    if (this.#undecided >= defaults.undecidedKeys) return unavailable
    const decision = this.#call(publicKey, address)
    if (!(decision instanceof Promise)) return decision
    this.#undecided += 1
    void decision.then(() => {
      this.#undecided -= 1
    })
    return this.#within(decision)
  }

  identityOf(publicKey: string): PeerIdentity | undefined {
    return this.#admitted.get(publicKey)?.identity
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#admitted.clear()
    this.#refused.clear()
  }

  /** Asks the function; the promise never rejects, and settles when the call has returned or is given up. */
  #call(publicKey: string, address: string): Decision | Promise<Decision> {
    let answer: unknown
    try {
      answer = this.#allow(publicKey, Object.freeze({ address }))
    } catch (error) {
      return this.#failed(error)
    }
    if (!isThenable(answer)) return this.#take(publicKey, address, answer)
    const call = new Promise<Decision>((resolve) => {
      const done = (decision: Decision) => {
        if (this.#calls.get(publicKey) === call) this.#calls.delete(publicKey)
        timer.cancel()
        resolve(decision)
      }
      const timer = this.#clock.setTimer(() => done(unavailable), abandonedMs)
      // an answer to a call that was given up counts no more: another one may have been made since
      const isCurrent = () => this.#calls.get(publicKey) === call
      Promise.resolve(answer).then(
        (value) => isCurrent() && done(this.#take(publicKey, address, value)),
        (error: unknown) => isCurrent() && done(this.#failed(error)),
      )
    })
    this.#calls.set(publicKey, call)
    return call
  }

  /** The decision of a call, or none if it takes too long; the call continues, and its answer is kept. */
  #within(call: Promise<Decision>): Promise<Decision> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(() => {
        const problem = `security.allow: the function did not answer within ${defaults.admissionTimeoutMs} ms`
        this.#ports.report(new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', problem))
        resolve(unavailable)
      }, defaults.admissionTimeoutMs)
      void call.then((decision) => {
        timer.cancel()
        resolve(decision)
      })
    })
  }

  #take(publicKey: string, address: string, answer: unknown): Decision {
    if (this.#isClosed) return unavailable
    if (answer === false) {
      this.#leave(publicKey, 'unknown-key')
      if (!this.#refused.delete(publicKey)) dropOldest(this.#refused, defaults.undecidedKeys)
      this.#refused.set(publicKey, this.#clock.now())
      return unknownKey
    }
    const fault = answer === true ? undefined : nameFault(answer)
    if (fault !== undefined) {
      const received = typeof answer === 'string' ? 'a text' : describe(answer)
      return this.#failed(new RivuletError('RIVULET_INVALID_OPTION', `a name ${fault}, received ${received}`))
    }
    const identity =
      answer === true ? namelessIdentity(publicKey) : Object.freeze({ name: answer as string, publicKey })
    const decidedAt = this.#clock.now()
    const former = this.#admitted.get(publicKey)
    this.#refused.delete(publicKey)
    if (former === undefined) this.#enter(publicKey, { identity, address, decidedAt, connectedAt: decidedAt })
    // in its place: a recheck is no use
    else this.#admitted.set(publicKey, { ...former, identity, decidedAt })
    if (former !== undefined && former.identity.name !== identity.name) this.#ports.revoked(former.identity, 'renamed')
    return admit(identity)
  }

  /** The last answer holds for the time of grace. */
  #failed(error: unknown): Decision {
    const problem = 'security.allow: the function failed, or returned neither a name nor true nor false'
    this.#ports.report(new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', problem, { cause: error }))
    return unavailable
  }

  /** Puts a key at the end: when there are too many, one that nobody uses leaves, else the one that connected longest ago. */
  #enter(publicKey: string, admitted: Admitted): void {
    this.#admitted.delete(publicKey)
    if (this.#admitted.size >= defaults.admittedKeys) this.#makeRoom()
    this.#admitted.set(publicKey, admitted)
    this.#timer ??= this.#clock.setTimer(() => this.#recheck(), defaults.admissionRecheckMs)
  }

  /** So one peer that makes ever other keys ends no link of another. */
  #makeRoom(): void {
    for (const publicKey of this.#admitted.keys()) {
      if (this.isInUse?.(publicKey) === false) {
        this.#admitted.delete(publicKey)
        return
      }
    }
    const [oldest = ''] = this.#admitted.keys()
    this.#leave(oldest, 'too-many-keys')
  }

  #leave(publicKey: string, reason: string): void {
    const former = this.#admitted.get(publicKey)
    if (former === undefined) return
    this.#admitted.delete(publicKey)
    this.#ports.revoked(former.identity, reason)
  }

  #recheck(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (const [publicKey, { address, decidedAt, connectedAt }] of [...this.#admitted]) {
      const isUnused = this.isInUse?.(publicKey) === false && now - connectedAt > defaults.unusedKeyMs
      if (isUnused) this.#admitted.delete(publicKey)
      else if (now - decidedAt > defaults.admissionGraceMs) this.#leave(publicKey, 'unavailable')
      else if (!this.#calls.has(publicKey)) void this.#call(publicKey, address)
    }
    if (this.#admitted.size === 0 || this.#isClosed) return
    this.#timer ??= this.#clock.setTimer(() => this.#recheck(), defaults.admissionRecheckMs)
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size < most) break
    map.delete(oldest)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
