/**
 * Ends this process when an input does not: a thread of its own sees that the count of inputs stands still.
 */
import { Worker } from 'node:worker_threads'

/** How long an input may stand still, in milliseconds. */
const stillMs = 30_000

/** In the thread: `seen` counts inputs, and `label` says what to run to have the same again. */
const program = `
  const { workerData } = require('node:worker_threads')
  const { writeSync } = require('node:fs')
  const [seen, label, stillMs] = workerData
  let last = -1
  setInterval(() => {
    const now = Atomics.load(seen, 0)
    if (now === last) {
      writeSync(2, 'FOUND: input ' + now + ' does not end: ' + label + '\\n')
      process.kill(process.pid, 'SIGKILL')
    }
    last = now
  }, stillMs)`

/** Watches the inputs of one target. */
export class Watchdog implements Disposable {
  readonly #seen = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker

  constructor(label: string) {
    this.#worker = new Worker(program, { eval: true, workerData: [this.#seen, label, stillMs] })
    this.#worker.unref()
  }

  /** An input begins. */
  saw(input: number): void {
    Atomics.store(this.#seen, 0, input)
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate()
  }
}
