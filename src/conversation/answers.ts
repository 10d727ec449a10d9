/**
 * What a host has to tell on one stream: answers wait here until the link takes them.
 *
 * It bounds nothing: its writer reads `bytes` and waits for room.
 */
import { type ReadyItems, ReadySource } from '../call/index.js'
import { Fifo } from '../lifecycle/index.js'

/** Answers of one stream, taken by its link. */
export class Answers<T> extends ReadySource<T> implements ReadyItems<T> {
  readonly #sizeOf: (answer: T) => number
  readonly #onTaken: () => void
  readonly #onLeft: () => void
  readonly #waiting = new Fifo<T>()
  #bytes = 0
  #ready: () => void = () => {}
  #isEnding = false
  #failure: Error | undefined

  /**
   * @param sizeOf - What an answer takes, in bytes, about.
   * @param onTaken - An answer has left; there may be room.
   * @param onLeft - Nobody takes answers any more.
   */
  constructor(sizeOf: (answer: T) => number, onTaken: () => void, onLeft: () => void) {
    super()
    this.#sizeOf = sizeOf
    this.#onTaken = onTaken
    this.#onLeft = onLeft
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get isEnded(): boolean {
    return this.#isEnding && this.#waiting.length === 0
  }

  open(ready: () => void): this {
    this.#ready = ready
    return this
  }

  /** Puts an answer behind the others. */
  push(answer: T): void {
    if (this.#isEnding) return
    this.#waiting.push(answer)
    this.#bytes += this.#sizeOf(answer)
    this.#ready()
  }

  /** Takes back answers that wait, those that a test is true of; returns them. */
  withdraw(isMeant: (answer: T) => boolean): T[] {
    const withdrawn = this.#waiting.withdraw(isMeant)
    for (const answer of withdrawn) this.#bytes -= this.#sizeOf(answer)
    return withdrawn
  }

  /** Ends the stream behind what waits. */
  end(failure?: Error): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#failure = failure
    this.#ready()
  }

  take(): T | undefined {
    if (this.#waiting.length > 0) {
      const answer = this.#waiting.shift() as T
      this.#bytes -= this.#sizeOf(answer)
      this.#onTaken()
      return answer
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    return undefined
  }

  leave(): void {
    this.#isEnding = true
    this.#waiting.clear()
    this.#bytes = 0
    this.#onLeft()
  }
}
