/**
 * What a host has to tell on one stream: answers wait here until the link takes them.
 *
 * It bounds nothing: its writer reads `bytes` and waits for room.
 */
import { Fifo } from '../lifecycle/index.js'

type Step<T> = IteratorResult<T, undefined>

/** Answers of one stream, taken by its link. */
export class Answers<T> implements AsyncIterable<T>, AsyncIterator<T, undefined> {
  readonly #sizeOf: (answer: T) => number
  readonly #onTaken: () => void
  readonly #onLeft: () => void
  readonly #waiting = new Fifo<T>()
  #bytes = 0
  #resolve: ((step: Step<T>) => void) | undefined
  #reject: ((cause: unknown) => void) | undefined
  #ended = false
  #failure: Error | undefined

  /**
   * @param sizeOf - What an answer takes, in bytes, about.
   * @param onTaken - An answer has left; there may be room.
   * @param onLeft - Nobody takes answers any more.
   */
  constructor(sizeOf: (answer: T) => number, onTaken: () => void, onLeft: () => void) {
    this.#sizeOf = sizeOf
    this.#onTaken = onTaken
    this.#onLeft = onLeft
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Puts an answer behind the others. */
  push(answer: T): void {
    if (this.#ended) return
    const resolve = this.#resolve
    if (resolve !== undefined) {
      this.#resolve = undefined
      resolve({ value: answer, done: false })
      return
    }
    this.#waiting.push(answer)
    this.#bytes += this.#sizeOf(answer)
  }

  /** Takes back answers that wait, those that a test is true of; returns them. */
  withdraw(isMeant: (answer: T) => boolean): T[] {
    const withdrawn = this.#waiting.withdraw(isMeant)
    for (const answer of withdrawn) this.#bytes -= this.#sizeOf(answer)
    return withdrawn
  }

  /** Ends the stream behind what waits. */
  end(failure?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#failure = failure
    if (this.#resolve !== undefined) this.#last().then(this.#resolve, this.#reject)
  }

  next(): Promise<Step<T>> {
    if (this.#waiting.length > 0) {
      const value = this.#waiting.shift() as T
      this.#bytes -= this.#sizeOf(value)
      this.#onTaken()
      return Promise.resolve({ value, done: false })
    }
    if (this.#ended) return this.#last()
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  return(): Promise<Step<T>> {
    this.#ended = true
    this.#waiting.clear()
    this.#bytes = 0
    this.#onLeft()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The end, or the failure: once. */
  async #last(): Promise<Step<T>> {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    return { value: undefined, done: true }
  }
}
