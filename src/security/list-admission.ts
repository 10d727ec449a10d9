/**
 * Decides by a list: one that stays as it is, or the newest one of an observable.
 *
 * Fails closed: before the first list, and once the observable has failed, nobody is admitted. What is no list is reported,
 * and the last good one holds; it also holds when the observable completes.
 */
import { type Observable, Subscription } from 'rxjs'
import type { Clock, Timer } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { type Admission, type AdmissionPorts, admit, type Decision, unavailable, unknownKey } from './admission.js'
import { type AdmittedKeys, admittedKeys, type PeerIdentity } from './allow-list.js'
import { AllowListFile } from './allow-list-file.js'

/** Keys that have left the list that are remembered; of more, the first to have left is forgotten. */
const maxRevoked = 65_536

/** A decision that waits for the first list. */
interface Waiting {
  readonly publicKey: string
  readonly resolve: (decision: Decision) => void
  timer: Timer | undefined
}

/** Decides by the newest list. */
export class ListAdmission implements Admission {
  readonly #ports: AdmissionPorts
  readonly #clock: Clock
  readonly #subscription = new Subscription()
  /** `undefined` before the first one, and after a failure. */
  #admitted: AdmittedKeys | undefined
  #hasFailed = false
  /** Keys that have left the list. */
  readonly #revoked = new Set<string>()
  readonly #waiting = new Set<Waiting>()

  /** @param lists - A list that was checked, or an observable of lists that were not. */
  constructor(lists: AdmittedKeys | Observable<unknown>, clock: Clock, ports: AdmissionPorts) {
    this.#clock = clock
    this.#ports = ports
    if (lists instanceof Map) this.#admitted = lists
    else this.#follow(lists as Observable<unknown>)
  }

  decide(publicKey: string): Decision | Promise<Decision> {
    if (this.#admitted !== undefined || this.#hasFailed) return this.#decideNow(publicKey)
    if (this.#waiting.size >= defaults.undecidedKeys) return unavailable
    return new Promise((resolve) => {
      const waiting: Waiting = { publicKey, resolve, timer: undefined }
      waiting.timer = this.#clock.setTimer(() => this.#settle(waiting), defaults.admissionTimeoutMs)
      this.#waiting.add(waiting)
    })
  }

  identityOf(publicKey: string): PeerIdentity | undefined {
    return this.#admitted?.get(publicKey)
  }

  isRevoked(publicKey: string): boolean {
    return this.#revoked.has(publicKey)
  }

  close(): void {
    this.#subscription.unsubscribe()
    this.#settleAll()
  }

  #follow(lists: Observable<unknown>): void {
    if (lists instanceof AllowListFile)
      this.#subscription.add(lists.errors.subscribe((error) => this.#ports.report(error)))
    const subscription = lists.subscribe({
      next: (list) => this.#take(list),
      error: (error) => this.#fail(error),
      complete: () => this.#completed(),
    })
    this.#subscription.add(subscription)
  }

  #decideNow(publicKey: string): Decision {
    if (this.#admitted === undefined) return unavailable
    const identity = this.#admitted.get(publicKey)
    return identity === undefined ? unknownKey : admit(identity)
  }

  #take(list: unknown): void {
    let next: AdmittedKeys
    try {
      next = admittedKeys('security.allow', list)
    } catch (error) {
      this.#ports.report(error as RivuletError)
      return
    }
    const former = this.#admitted
    this.#admitted = next
    this.#settleAll()
    for (const key of this.#revoked) if (next.has(key)) this.#revoked.delete(key)
    this.#remember([...(former?.keys() ?? [])].filter((key) => !next.has(key)))
    for (const [key, identity] of former ?? []) {
      const now = next.get(key)
      if (now === undefined) this.#ports.revoked(identity, 'unknown-key')
      else if (now.name !== identity.name) this.#ports.revoked(identity, 'renamed')
    }
  }

  /** The next list will not be known: a peer that it would refuse must not stay. */
  #fail(error: unknown): void {
    const former = this.#admitted
    this.#admitted = undefined
    this.#hasFailed = true
    const message = 'security.allow: the observable of allow lists failed, so nobody is admitted any more'
    this.#ports.report(new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', message, { cause: error }))
    this.#settleAll()
    this.#remember([...(former?.keys() ?? [])])
    for (const identity of former?.values() ?? []) this.#ports.revoked(identity, 'unavailable')
  }

  #completed(): void {
    if (this.#admitted !== undefined) return
    this.#hasFailed = true
    const message = 'security.allow: the observable of allow lists completed without a list, so nobody is admitted'
    this.#ports.report(new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', message))
    this.#settleAll()
  }

  #remember(revoked: readonly string[]): void {
    for (const key of revoked) this.#revoked.add(key)
    for (const key of this.#revoked) {
      if (this.#revoked.size <= maxRevoked) return
      this.#revoked.delete(key)
    }
  }

  #settleAll(): void {
    for (const waiting of this.#waiting) this.#settle(waiting)
  }

  #settle(waiting: Waiting): void {
    waiting.timer?.cancel()
    this.#waiting.delete(waiting)
    waiting.resolve(this.#decideNow(waiting.publicKey))
  }
}
