/** A process of this folder in a network namespace, and the lines that it writes: one JSON object each. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { loader, modulePath } from '../child-process.js'
import type { Scope } from '../support/scope.js'
import type { Namespace } from './netns.js'

/** A process in a namespace; its input ends with the scope, and it must end with its input. */
export class NamespaceSide<Line> {
  readonly #lines: Line[] = []
  #waiting: (() => void) | undefined

  /** @param script - The program, `multicast-process.ts`. */
  constructor(scope: Scope, namespace: Namespace, script: string, ...args: readonly string[]) {
    const [program, all] = namespace.command(...loader, modulePath(`test/socket-datagram/${script}`), ...args)
    // tap sets NODE_OPTIONS inside of `spawn`, whatever `env` says
    const child: ChildProcess = spawn('env', ['-u', 'NODE_OPTIONS', program, ...all], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    scope.teardown(async () => {
      child.stdin?.end()
      if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    })
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lines.push(JSON.parse(line))
      this.#waiting?.()
    })
  }

  /** Resolves with the next line that fits, behind those that were waited for before. */
  async says(fits: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const at = this.#lines.findIndex(fits)
      if (at >= 0) return this.#lines.splice(0, at + 1)[at] as Line
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  /** Drops the lines that were read. */
  forget(): void {
    this.#lines.length = 0
  }
}
