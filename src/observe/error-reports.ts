/**
 * The `errors` of one resource: failures of single messages, which end no stream.
 *
 * What peers can cause as often as they like is reported at a bounded rate: the first errors of each code, and from then on
 * one with the number of the others. It is counted elsewhere, in `stats()`.
 *
 * Each report goes to the observers and to the diagnostics channel. What has neither observers nor subscribers of the
 * channel becomes a warning of the process, at a bounded rate, so that no failure passes in silence.
 */

import { type Observable, Subject } from 'rxjs'
import type { Clock } from '../clock/index.js'
import type { ErrorCode, RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { isErrorLogged, publishError } from './channels.js'
import { codeOf } from './describe-error.js'
import { ErrorWarnings } from './error-warnings.js'
import { SparseReports } from './sparse-reports.js'

/** What peers cause with frames, requests and schemas of their own; of a delivery, each is reported. */
const causedByPeers: ReadonlySet<string> = new Set<ErrorCode>([
  'RIVULET_BAD_FRAME',
  'RIVULET_CORRUPT_FRAME',
  'RIVULET_FRAME_TOO_LARGE',
  'RIVULET_DECODE_FAILED',
  'RIVULET_INVALID_SCHEMA',
  'RIVULET_INCOMPATIBLE_SCHEMA',
  'RIVULET_UNKNOWN_SCHEMA',
  'RIVULET_INVALID_REQUEST',
  'RIVULET_PROTOCOL_VIOLATION',
  'RIVULET_TOO_MANY_SESSIONS',
  'RIVULET_TRANSPORT_FAILED',
  'RIVULET_UNAUTHENTICATED',
  'RIVULET_ADMISSION_UNAVAILABLE',
  'RIVULET_POLICY_FAILED',
  'RIVULET_PERMISSION_DENIED',
  'RIVULET_MESSAGE_REFUSED',
  // of one-way calls
  'RIVULET_OVERLOADED',
  'RIVULET_DEADLINE_EXCEEDED',
  'RIVULET_UNAVAILABLE',
])

/** Reports the errors of one resource. */
export class ErrorReports {
  readonly #subject = new Subject<RivuletError>()
  readonly #resource: () => string
  readonly #warnings: ErrorWarnings
  readonly #clock: Clock
  /** Of those that peers cause, by code. */
  readonly #sparse = new Map<ErrorCode, SparseReports>()

  readonly #unobserved: ((error: RivuletError) => void) | undefined

  /**
   * @param resource - Names the resource at the time of the report.
   * @param unobserved - Takes errors that nobody observes. Default: they become warnings of the process.
   */
  constructor(resource: () => string, clock: Clock, unobserved?: (error: RivuletError) => void) {
    this.#resource = resource
    this.#clock = clock
    this.#unobserved = unobserved
    this.#warnings = new ErrorWarnings(resource, clock)
  }

  /** Hot: what was reported before a subscription is not repeated. Completes when the resource is closed. */
  readonly observable: Observable<RivuletError> = this.#subject.asObservable()

  /** Reports one error, or counts it for a later report; never throws. */
  report(error: RivuletError): void {
    this.#report(error, causedByPeers.has(codeOf(error)) && error.delivery === undefined)
  }

  /** Reports an error that peers cause as often as they like, whatever its code; never throws. */
  reportOfPeer(error: RivuletError): void {
    this.#report(error, true)
  }

  #report(error: RivuletError, isOfPeer: boolean): void {
    if (!this.#subject.observed && !isErrorLogged()) {
      if (this.#unobserved) this.#unobserved(error)
      else this.#warnings.warn(error)
    } else if (isOfPeer) this.#sparseOf(error.code).report(error)
    else this.#pass(error)
  }

  #sparseOf(code: ErrorCode): SparseReports {
    const known = this.#sparse.get(code)
    if (known) return known
    const reports = new SparseReports(this.#clock, (error) => this.#pass(error), defaults.reportErrors)
    this.#sparse.set(code, reports)
    return reports
  }

  #pass(error: RivuletError): void {
    publishError(this.#resource(), error)
    this.#subject.next(error)
  }

  /** Ends the observable; later reports still reach the diagnostics channel. */
  complete(): void {
    this.#subject.complete()
    this.#warnings.end()
  }
}
