/** The runtime and its clock. */
export { type Clock, isClock, systemClock, type Timer } from './clock.js'
export { createRuntime, defaultRuntime, isRuntime, type Runtime, type RuntimeOptions } from './runtime.js'
