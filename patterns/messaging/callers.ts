/**
 * The numbers of the peers of one node, by which they ask: an ask says its asker in as few bytes as it can.
 *
 * A node gives its peers numbers and says them with their claims; what is said on a session holds there.
 */
import { maxCaller } from '../../src/call/index.js'
import { defaults } from '../../src/options/index.js'

/** The peers of a node by their numbers. */
export class Callers {
  readonly #incarnations = new Map<number, string>()
  readonly #numbers = new Map<string, number>()
  #last = 0

  /** Gives a peer a number, which none of this node had for long; 0, with which it cannot ask, where there is none left. */
  take(incarnation: string): number {
    if (this.#incarnations.size >= defaults.maxLinkPeers) return 0
    do this.#last = (this.#last % maxCaller) + 1
    while (this.#incarnations.has(this.#last))
    this.set(this.#last, incarnation)
    return this.#last
  }

  /** Another node says the number of a peer, maybe in place of the one that it said before. */
  set(number: number, incarnation: string): void {
    this.delete(incarnation)
    if (this.#incarnations.size >= defaults.maxLinkPeers && !this.#incarnations.has(number)) return
    this.#numbers.delete(this.#incarnations.get(number) ?? '')
    this.#incarnations.set(number, incarnation)
    this.#numbers.set(incarnation, number)
  }

  delete(incarnation: string): void {
    const number = this.#numbers.get(incarnation)
    if (number === undefined) return
    this.#numbers.delete(incarnation)
    this.#incarnations.delete(number)
  }

  numberOf(incarnation: string): number {
    return this.#numbers.get(incarnation) ?? 0
  }

  incarnationOf(number: number): string | undefined {
    return this.#incarnations.get(number)
  }
}
