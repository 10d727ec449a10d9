/**
 * Whose messages are kept, as one caller of the service of history is to know it: all at once, then each change.
 */
import { type ReadyItems, ReadySource } from '../../src/call/index.js'
import type { SourcesChange } from './topics-wire.js'

/** The sources that one caller is to know. */
export class SourcesWatch extends ReadySource<SourcesChange> {
  readonly #present: Set<string>
  readonly #gone = new Set<string>()
  readonly #positionOf: (source: string) => number
  readonly #left: () => void
  #ready = () => {}
  #isFirst = true
  #isEnded = false

  constructor(present: Iterable<string>, positionOf: (source: string) => number, left: () => void) {
    super()
    this.#present = new Set(present)
    this.#positionOf = positionOf
    this.#left = left
  }

  /** Whether it has ended, or its caller has left. */
  get hasEnded(): boolean {
    return this.#isEnded
  }

  added(source: string): void {
    this.#gone.delete(source)
    this.#present.add(source)
    this.#ready()
  }

  removed(source: string): void {
    this.#present.delete(source)
    this.#gone.add(source)
    this.#ready()
  }

  end(): void {
    this.#isEnded = true
    this.#left()
    this.#ready()
  }

  open(ready: () => void): ReadyItems<SourcesChange> {
    this.#ready = ready
    const isEnded = () => this.#isEnded
    return {
      take: () => this.#take(),
      get isEnded() {
        return isEnded()
      },
      leave: () => this.end(),
    }
  }

  #take(): SourcesChange | undefined {
    if (!this.#isFirst && this.#present.size + this.#gone.size === 0) return undefined
    this.#isFirst = false
    const present = [...this.#present].map((source) => ({
      source: Buffer.from(source, 'hex'),
      position: this.#positionOf(source),
    }))
    const gone = [...this.#gone].map((source) => Buffer.from(source, 'hex'))
    this.#present.clear()
    this.#gone.clear()
    return { present, gone }
  }
}
