/**
 * The security of one resource that binds: who is admitted, what they may do, and what was observed of that.
 *
 * It knows neither sockets nor links: the ZAP handler asks it about keys, the proof of a link about identities, the
 * patterns about actions, and all of them add what they observe.
 */
import { type Observable, Subject } from 'rxjs'
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { describe } from '../options/index.js'
import { type Admission, type Decision, unavailable } from './admission.js'
import { type Allow, admittedKeys, isListStream, type PeerIdentity } from './allow-list.js'
import { AnyAdmission } from './any-admission.js'
import { FunctionAdmission } from './function-admission.js'
import { isKey, type KeyPair } from './key-pair.js'
import { ListAdmission } from './list-admission.js'
import { compileRules, type Permits, type Policy, type PolicyAction } from './policy.js'
import { type ObservedEvent, type SecurityEvent, SecurityEvents } from './security-event.js'
import type { ResolvedSecurity } from './security-options.js'

/** What a guard needs of its resource. */
export interface GuardPorts {
  readonly clock: Clock
  /** Names the resource at the time of a report. */
  resource(): string
  report(error: RivuletError): void
}

/** The security of one resource that binds. */
export class SecurityGuard {
  readonly keyPair: KeyPair
  readonly #admission: Admission
  readonly #permits: Permits | undefined
  readonly #ports: GuardPorts
  readonly #events: SecurityEvents
  readonly #revoked = new Subject<string>()
  #isClosed = false

  /** Public keys that are no longer admitted, or by another name; those that were never used may be among them. */
  readonly revoked: Observable<string> = this.#revoked.asObservable()

  constructor({ keyPair, allow, policy }: ResolvedSecurity, ports: GuardPorts) {
    this.keyPair = keyPair
    this.#ports = ports
    this.#events = new SecurityEvents(ports.resource, ports.clock)
    this.#permits = permitsOf(policy)
    this.#admission = admissionOf(allow, ports.clock, {
      revoked: (identity, reason) => {
        this.note({ kind: 'revoked', reason, identity })
        this.#revoked.next(identity.publicKey)
      },
      report: (error) => ports.report(error),
    })
  }

  /** What was observed: hot, at most once a second for each kind and reason. Completes when the resource is closed. */
  get events(): Observable<SecurityEvent> {
    return this.#events.observable
  }

  /**
   * Decides whether a key is admitted; never rejects, and takes a bounded time. The caller notes the outcome.
   *
   * A connection without CURVE (`inproc`) asks this, too, before `identityOf` knows a key that a function decides about.
   */
  decide(publicKey: string, address: string): Decision | Promise<Decision> {
    if (this.#isClosed) return unavailable
    return isKey(publicKey) ? this.#admission.decide(publicKey, address) : { admitted: false, reason: 'unknown-key' }
  }

  /** The identity of a key that is admitted now; `undefined` if it is not, or not yet decided. */
  identityOf(publicKey: string): PeerIdentity | undefined {
    return this.#isClosed || !isKey(publicKey) ? undefined : this.#admission.identityOf(publicKey)
  }

  /** Whether a key was on the allow list and is not any more. One that never was is not, so that a server that is dialed need not be on it. */
  isRevoked(publicKey: string): boolean {
    return this.#admission.isRevoked?.(publicKey) ?? false
  }

  /** Tells it how to know whether a key is in use: then an allow function is asked no more about those that are not. */
  usedBy(isInUse: (publicKey: string) => boolean): void {
    this.#admission.isInUse = isInUse
  }

  /** Whether an identity may do something: with a policy, only what it allows. A denial is counted and reported. */
  permits(identity: PeerIdentity | undefined, action: PolicyAction, target: string): boolean {
    if (this.allows(identity, action, target)) return true
    this.note({ kind: 'denied', reason: action, target, ...(identity === undefined ? {} : { identity }) })
    return false
  }

  /** The same for what was not asked for yet: a denial is none. */
  allows(identity: PeerIdentity | undefined, action: PolicyAction, target: string): boolean {
    if (this.#permits === undefined) return true
    let answer: unknown
    try {
      answer = this.#permits({ identity, action, target })
    } catch (error) {
      this.#reportPolicy('threw', error)
      return false
    }
    if (typeof answer !== 'boolean') this.#reportPolicy(`returned ${describe(answer)}`, undefined)
    // the promise of an async function is no answer, and its rejection must not end the process
    if (answer instanceof Promise) answer.catch(() => {})
    return answer === true
  }

  /** Adds what was observed. */
  note(event: ObservedEvent): void {
    this.#events.note(event)
  }

  /** Stops following the allow list, and completes what it emits. Nobody is admitted from now on. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#admission.close()
    this.#revoked.complete()
    this.#events.close()
  }

  #reportPolicy(did: string, cause: unknown): void {
    const message = `${this.#ports.resource()}: security.policy ${did}, so what was asked for is denied`
    this.#ports.report(new RivuletError('RIVULET_POLICY_FAILED', message, { cause }))
  }
}

function permitsOf(policy: Policy | undefined): Permits | undefined {
  return policy === undefined || typeof policy === 'function' ? policy : compileRules('security.policy', policy)
}

function admissionOf(
  allow: Allow | undefined,
  clock: Clock,
  ports: ConstructorParameters<typeof FunctionAdmission>[2],
): Admission {
  if (allow === 'any') return new AnyAdmission()
  if (typeof allow === 'function') return new FunctionAdmission(allow, clock, ports)
  return new ListAdmission(isListStream(allow) ? allow : admittedKeys('security.allow', allow), clock, ports)
}
