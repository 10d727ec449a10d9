/** What a resource shows of itself: error reports, counts, diagnostics channels. */
export {
  type DropMessage,
  type ErrorMessage,
  type LinkMessage,
  publishDrop,
  publishError,
  publishLink,
  publishSecurity,
  type SecurityMessage,
} from './channels.js'
export { ErrorReports } from './error-reports.js'
export { SparseReports } from './sparse-reports.js'
export { Tally } from './tally.js'
