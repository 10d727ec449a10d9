/** A child process with few file descriptors, which says lines and reads lines. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { loader, modulePath } from '../child-process.js'

/** File descriptors of the process. */
export const limit = 128

/** A program, and file descriptors of its process. */
export interface LimitedProgram {
  readonly source: string
  readonly descriptors: number
}

/** A child process with few file descriptors; it is killed with the test. */
export class LimitedProcess {
  readonly child: ChildProcess
  readonly exit: Promise<unknown[]>
  readonly #said: AsyncIterator<string>

  constructor(t: Test, program: string | LimitedProgram, ...args: readonly string[]) {
    const { source, descriptors } = typeof program === 'string' ? { source: program, descriptors: limit } : program
    const command = `ulimit -n ${descriptors} && exec "$@"`
    this.child = spawn('sh', ['-c', command, 'sh', process.execPath, ...loader, modulePath(source), ...args])
    this.child.stderr?.pipe(process.stderr)
    this.exit = once(this.child, 'exit')
    this.#said = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    t.teardown(() => this.child.kill('SIGKILL'))
  }

  /** What it says next. */
  async line(): Promise<string> {
    return (await this.#said.next()).value
  }

  write(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }
}
