/** The runtime. */
export { createRuntime, defaultRuntime, isRuntime, type Runtime, type RuntimeOptions } from './runtime.js'
