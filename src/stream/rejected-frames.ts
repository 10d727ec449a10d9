/**
 * Counts frames that could not be opened, by reason, and reports them.
 */
import type { ErrorCode, RivuletError } from '../errors/index.js'
import { type ErrorReports, Tally } from '../observe/index.js'
import type { Reasons } from './stats.js'

/** The reasons, by the code of the error. */
const reasons: Partial<Record<ErrorCode, string>> = {
  RIVULET_BAD_FRAME: 'bad-frame',
  RIVULET_CORRUPT_FRAME: 'corrupt-frame',
  RIVULET_FRAME_TOO_LARGE: 'frame-too-large',
  RIVULET_TRUNCATED_FRAME: 'truncated-frame',
}

/** The rejected frames of one receiver. */
export class RejectedFrames {
  readonly #tally = new Tally()
  readonly #reports: Pick<ErrorReports, 'report'>

  /**
   * @param reports - Takes each of them; for frames of untrusted peers, one that reports at a bounded rate.
   */
  constructor(reports: Pick<ErrorReports, 'report'>) {
    this.#reports = reports
  }

  /** Counts and reports one. */
  add(error: RivuletError): void {
    this.#tally.add(reasons[error.code] ?? 'bad-frame')
    this.#reports.report(error)
  }

  /** Counts one that is reported elsewhere. */
  count(reason: string): void {
    this.#tally.add(reason)
  }

  /** The counts now. */
  snapshot(): Reasons {
    return this.#tally.snapshot()
  }
}
