/** The processes of the demonstration of the chat: starts members, types for them, and waits for what they print. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One member. */
export class MemberProcess {
  /** Resolves with its exit code, or the signal that killed it. */
  readonly ended: Promise<number | string>
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  #read = 0
  #wake: () => void = () => {}

  /** Starts a member; its lines are printed here behind a label. */
  constructor(name: string, directory: string, label = name) {
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const program = fileURLToPath(new URL(`./member.${ending}`, import.meta.url))
    const args = [...process.execArgv, program, name, directory]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.ended = once(child, 'exit').then(([code, signal]) => code ?? signal)
    createInterface({ input: child.stdout }).on('line', (line) => {
      console.log(`[${label}] ${line}`)
      this.#lines.push(line)
      this.#wake()
    })
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Resolves when it has printed a line, after those that were waited for before. */
  async prints(line: string): Promise<void> {
    for (;;) {
      const at = this.#lines.indexOf(line, this.#read)
      if (at >= 0) {
        this.#read = at + 1
        return
      }
      const printed = new Promise<'printed'>((resolve) => {
        this.#wake = () => resolve('printed')
      })
      if ((await Promise.race([printed, this.ended])) === 'printed') continue
      throw new Error(`a member has ended and has not printed: ${line}`)
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
