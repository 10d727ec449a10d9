/** An outbox with a transport that takes a frame when the test says so. */
import type { ErrorCode, RivuletError } from '../../src/errors/index.js'
import { Outbox } from '../../src/socket/index.js'
import { turn } from '../support/events.js'

/** A transport that takes a frame when the test says so. */
export class Transport {
  readonly taken: string[] = []
  readonly failures: [ErrorCode, number][] = []
  #answer: ((error: RivuletError | undefined) => void) | undefined
  readonly outbox: Outbox

  constructor(limitBytes: number) {
    this.outbox = new Outbox(limitBytes, {
      send: (parts) => {
        if (this.#answer) throw new Error('two frames at a time')
        this.taken.push(parts.toString())
        return new Promise((resolve) => {
          this.#answer = resolve
        })
      },
      failed: (error, messages) => this.failures.push([error.code, messages]),
    })
  }

  add(text: string, messages = 1): void {
    this.outbox.add({ parts: Buffer.from(text), messages, bytes: text.length })
  }

  /** Takes the frame at hand. */
  async take(error?: RivuletError): Promise<void> {
    while (!this.#answer) await turn()
    const answer = this.#answer
    this.#answer = undefined
    answer(error)
    await turn()
  }

  async takeAll(): Promise<void> {
    while (this.outbox.bytes > 0) await this.take()
  }
}
