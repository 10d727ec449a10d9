/** How much of something peers may cause in a time: a bucket of tokens that fills steadily. */

/** A limit of a rate. */
export class RateLimit {
  readonly #clock: { now(): number }
  readonly #perSecond: number
  readonly #most: number
  #left: number
  #at: number

  /**
   * @param perSecond - What becomes free each second.
   * @param most - What may be used at once.
   */
  constructor(clock: { now(): number }, perSecond: number, most: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#most = this.#left = most
    this.#at = clock.now()
  }

  /** Uses some, if so much is left. */
  allows(cost = 1): boolean {
    const now = this.#clock.now()
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) * this.#perSecond) / 1000)
    this.#at = now
    if (this.#left < cost) return false
    this.#left -= cost
    return true
  }
}
