/** Counts what happens within one turn of the event loop: how long timers may have to wait, without a look at the clock. */

/** Keeps the thread busy. */
export function burn(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Pieces of work in each turn. */
export class Turns {
  #inTurn = 0
  #most = 0
  #stopped = false

  constructor() {
    const turn = () => {
      this.#most = Math.max(this.#most, this.#inTurn)
      this.#inTurn = 0
      if (!this.#stopped) setImmediate(turn)
    }
    turn()
  }

  /** The most pieces in one turn. */
  get most(): number {
    return Math.max(this.#most, this.#inTurn)
  }

  /** Does a piece of work that takes so long. */
  work(ms: number): void {
    this.#inTurn += 1
    burn(ms)
  }

  /** Counts from here on. */
  reset(): void {
    this.#inTurn = this.#most = 0
  }

  stop(): void {
    this.#stopped = true
  }
}
