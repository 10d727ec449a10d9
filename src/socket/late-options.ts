/**
 * Options that are set on a socket with endpoints: zeromq.js warns that they have no effect, which is not so for all.
 *
 * libzmq copies most options when it binds or connects; they hold for what is bound or connected next.
 */

/** Sets an option without a warning of zeromq.js. */
export function withoutWarning(set: () => void): void {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    set()
  } finally {
    process.emitWarning = emitWarning
  }
}
