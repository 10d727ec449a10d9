/** The messages of honest peers: numbered, marked, and each expected once and in order. */
import type { Job } from '../support/job.js'

/** What marks a message of an honest peer; attackers do not write it. */
const mark = 'honest'

/** The topic of honest messages. */
export const honestTopic = 'a.honest'

/** Whether messages may be missing: dealt to other workers, which attackers are. */
export type Missing = 'none' | 'some'

/** What one side has received of the honest messages of the other. */
export class HonestOrder {
  /** Honest messages so far. */
  seen = 0
  /** The number that comes next. */
  next = 0
  readonly #fault: (text: string) => void
  readonly #missing: Missing

  constructor(fault: (text: string) => void, missing: Missing = 'none') {
    this.#fault = fault
    this.#missing = missing
  }

  /** The honest message of a number. */
  static job(id: number): Job {
    return { id, note: mark }
  }

  /** Takes a message; returns whether it is of an honest peer. */
  take({ id, note }: Job): boolean {
    if (note !== mark) return false
    if (id < this.next) this.#fault(`message ${id} came where ${this.next} is due`)
    if (id > this.next && this.#missing === 'none') this.#fault(`messages ${this.next} to ${id - 1} are missing`)
    this.seen += 1
    this.next = Math.max(this.next, id + 1)
    return true
  }
}
