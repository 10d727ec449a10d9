/**
 * The `errors` of one resource: failures of single messages, which end no stream.
 *
 * Each report goes to the observers and to the diagnostics channel. What has neither observers nor subscribers of the
 * channel becomes a warning of the process, at a bounded rate, so that no failure passes in silence.
 */
import { type Observable, Subject } from 'rxjs'
import type { RivuletError } from '../errors/index.js'
import { publishError } from './channels.js'
import { ErrorWarnings, type WarningClock } from './error-warnings.js'

/** Reports the errors of one resource. */
export class ErrorReports {
  readonly #subject = new Subject<RivuletError>()
  readonly #resource: () => string
  readonly #warnings: ErrorWarnings

  /**
   * @param resource - Names the resource at the time of the report.
   */
  constructor(resource: () => string, clock: WarningClock) {
    this.#resource = resource
    this.#warnings = new ErrorWarnings(resource, clock)
  }

  /** Hot: what was reported before a subscription is not repeated. Completes when the resource is closed. */
  readonly observable: Observable<RivuletError> = this.#subject.asObservable()

  /** Reports one error; never throws. */
  report(error: RivuletError): void {
    const isLogged = publishError(this.#resource(), error)
    if (this.#subject.observed) this.#subject.next(error)
    else if (!isLogged) this.#warnings.warn(error)
  }

  /** Ends the observable; later reports still reach the diagnostics channel. */
  complete(): void {
    this.#subject.complete()
    this.#warnings.end()
  }
}
