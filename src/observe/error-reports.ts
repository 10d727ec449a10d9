/**
 * The `errors` of one resource: failures of single messages, which end no stream.
 *
 * Each report goes to the observers and to the diagnostics channel; where nobody observes, the first of each code is
 * a warning of the process, so that no failure passes in silence.
 */
import { type Observable, Subject } from 'rxjs'
import type { ErrorCode, RivuletError } from '../errors/index.js'
import { publishError } from './channels.js'

/** Reports the errors of one resource. */
export class ErrorReports {
  readonly #subject = new Subject<RivuletError>()
  readonly #warned = new Set<ErrorCode>()
  readonly #resource: () => string

  /**
   * @param resource - Names the resource at the time of the report.
   */
  constructor(resource: () => string) {
    this.#resource = resource
  }

  /** Hot: what was reported before a subscription is not repeated. Completes when the resource is closed. */
  readonly observable: Observable<RivuletError> = this.#subject.asObservable()

  /** Reports one error; never throws. */
  report(error: RivuletError): void {
    const resource = this.#resource()
    publishError(resource, error)
    if (this.#subject.observed) {
      this.#subject.next(error)
    } else if (!this.#warned.has(error.code)) {
      this.#warned.add(error.code)
      process.emitWarning(`${resource}: ${error.message} (subscribe to \`errors\` to handle these)`, {
        type: 'RivuletWarning',
        code: error.code,
      })
    }
  }

  /** Ends the observable; later reports still reach the diagnostics channel. */
  complete(): void {
    this.#subject.complete()
  }
}
