/** What happened, as one number that differs when anything differs: two runs of a seed must come to the same. */

/** Takes down what happens. */
export class Trace {
  readonly #log: ((line: string) => void) | undefined
  readonly #words = new Map<string, number>()
  #one = 0x811c9dc5
  #other = 0x9e3779b9

  /** @param log - Is told each line, for a run that somebody looks at. */
  constructor(log?: (line: string) => void) {
    this.#log = log
  }

  /** What has happened so far. */
  get hash(): string {
    return [this.#one, this.#other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /** Something happened, at a time, to somebody. */
  note(time: number, who: string, what: string, ...numbers: readonly number[]): void {
    this.#mix(time)
    this.#mix(this.#wordOf(who))
    this.#mix(this.#wordOf(what))
    for (const number of numbers) this.#mix(number)
    this.#log?.(`${time.toFixed(0).padStart(8)} ${who.padEnd(8)} ${what} ${numbers.join(' ')}`)
  }

  #wordOf(word: string): number {
    const known = this.#words.get(word)
    if (known !== undefined) return known
    this.#words.set(word, this.#words.size)
    return this.#words.size - 1
  }

  #mix(number: number): void {
    this.#one = Math.imul(this.#one ^ number, 0x01000193)
    this.#other = Math.imul((this.#other << 5) ^ (this.#other >>> 27) ^ number, 0x85ebca6b) + 1
  }
}
