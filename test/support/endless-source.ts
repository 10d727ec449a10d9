/** A source without end that tells how far it was read, and whether it was left. */
import type { Job } from './job.js'

const job = (id: number): Job => ({ id, note: '' })

/** A generator that tells how far it got and whether it was left. */
export class Source {
  yielded = 0
  left = false
  #wait: Promise<void> | undefined

  constructor(wait?: Promise<void>) {
    this.#wait = wait
  }

  *sync() {
    try {
      for (;;) yield job(this.yielded++)
    } finally {
      this.left = true
    }
  }

  async *async() {
    try {
      for (;;) {
        yield job(this.yielded++)
        await this.#wait
      }
    } finally {
      this.left = true
    }
  }
}
