/** A stream fed by hand: what a resource does for its stream, without a socket. */
import { decodeFailure } from '../../src/avro/decode-failure.js'
import type { RivuletError } from '../../src/errors/index.js'
import { type CheckedSupply, Inbound } from '../../src/stream/index.js'

/** A message that cannot be read. */
export const unreadable: unique symbol = Symbol('unreadable')

/** Values as a supply; `taken` counts those that somebody took. */
export class ArraySupply<T> implements CheckedSupply<T> {
  taken = 0
  readonly #values: readonly (T | typeof unreadable)[]
  #next = 0

  constructor(values: readonly (T | typeof unreadable)[]) {
    this.#values = values
  }

  get remaining(): number {
    return this.#values.length - this.#next
  }

  take(): T {
    const value = this.#values[this.#next++]
    if (value === unreadable) throw new Error('unreadable')
    this.taken += 1
    return value as T
  }

  failed(): number {
    return 1
  }

  discard(): number {
    const left = this.remaining
    this.#next = this.#values.length
    return left
  }

  trailing(): undefined {
    return undefined
  }
}

/** An `Inbound` with what it told its owner. */
export class Feed<T> {
  readonly errors: RivuletError[] = []
  /** Whether somebody wants messages, at each change. */
  readonly wanted: boolean[] = []
  readonly inbound: Inbound<T> = new Inbound<T>({
    name: () => 'feed',
    changed: () => {
      if (this.wanted.at(-1) !== this.inbound.wanted) this.wanted.push(this.inbound.wanted)
    },
    unreadable: (cause) => decodeFailure(cause, 'a message of the test'),
    report: (error) => void this.errors.push(error),
  })

  get stream() {
    return this.inbound.stream
  }

  /** A frame with these messages arrives. */
  frame(...values: (T | typeof unreadable)[]): ArraySupply<T> {
    const supply = new ArraySupply(values)
    this.inbound.push(supply)
    return supply
  }

  /** The sum that must always be nothing. */
  get unaccounted(): number {
    const { received, delivered, dropped, pending } = this.inbound
    return received - delivered - dropped.total - pending
  }
}
