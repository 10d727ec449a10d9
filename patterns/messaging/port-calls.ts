/**
 * Calls of the ports of a pure machine: made when the fact at hand is decided, in order, so that what a port leads to finds the machine
 * in its new state.
 */

/** The calls that are due. */
export class PortCalls {
  readonly #due: (() => void)[] = []
  #isCalling = false

  /** Calls a port, when the fact at hand is decided. */
  later(port: () => void): void {
    this.#due.push(port)
  }

  /** Decides about a fact, and calls the ports; facts that a port reports are decided at once, and their calls come behind. */
  do<T>(decide: () => T): T {
    const decided = decide()
    if (this.#isCalling) return decided
    this.#isCalling = true
    for (let at = 0; at < this.#due.length; at++) this.#due[at]?.()
    this.#due.length = 0
    this.#isCalling = false
    return decided
  }
}
