/** Life cycle: opening, closing, waiting. */
export { type AbortWatcher, onAbort, unwatchAbort, watchAbort } from './abort-watchers.js'
export { type ClosingOrder, closeAll, closingOrder } from './close-all.js'
export { Fifo } from './fifo.js'
export { type Closable, type CloseOptions, type CloseResult, LifeCycle, type Status } from './life-cycle.js'
export { newList } from './new-list.js'
export { OncePerTurn } from './once-per-turn.js'
export { holdProcess } from './process-hold.js'
export { sweepLate } from './sweep-late.js'
export { atEndOfTurn, endTurn, flushTurnThen } from './turn.js'
export { type EventLoop, TurnBudget, turnBudget } from './turn-budget.js'
export {
  abortedError,
  type Deferred,
  deferred,
  type WaitOptions,
  waitFor,
} from './wait.js'
export { Waiters } from './waiters.js'
