/** Time: the one clock that everything else takes, and deadlines on it. */
export { type Clock, isClock, longestTimerMs, systemClock, type Timer } from './clock.js'
export { DeadlineSweep, type Sweep } from './deadline-sweep.js'
