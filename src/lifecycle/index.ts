/** Life cycle: opening, closing, waiting. */
export { type Closable, type CloseOptions, type CloseResult, closeAll, LifeCycle, type Status } from './life-cycle.js'
export { atEndOfTurn, endTurn, turnOver } from './turn.js'
export {
  abortedError,
  type Deferred,
  deferred,
  longestTimerMs,
  onAbort,
  type WaitClock,
  type WaitOptions,
  waitFor,
} from './wait.js'
