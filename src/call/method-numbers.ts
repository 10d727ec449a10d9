/** The numbers that stand for methods on the sessions of one client; those of services that were given up are used again. */
import type { ServiceCodec } from '../avro/service-codec.js'

/** Hands out ranges of numbers, one for each service. */
export class MethodNumbers {
  #next = 0
  /** Free ranges, by their length. */
  readonly #free = new Map<number, number[]>()

  /** Takes a range; returns its first number. */
  take({ methods: { size } }: ServiceCodec): number {
    const free = this.#free.get(size)?.pop()
    if (free !== undefined) return free
    const first = this.#next
    this.#next += size
    return first
  }

  /** Gives a range back: none of its requests is in transit, so that none can come to another service. */
  giveBack(codec: ServiceCodec, first: number): void {
    // when a one-way request has left is not known
    if ([...codec.methods.values()].some(({ shape }) => shape === 'one-way')) return
    const { size } = codec.methods
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [first])
    else free.push(first)
  }
}
