/** A process that is told one thing at a time and answers each with one message, until it is killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** One process, whose messages are what `Answer` says. */
export class AskedProcess<Command extends object, Answer> {
  /** Resolves with its first message: its modules are loaded. */
  readonly loaded: Promise<unknown>
  readonly #child: ChildProcess

  /**
   * @param settings - Given to the program as JSON.
   * @param program - What Node runs.
   */
  constructor(settings: object, program: readonly string[]) {
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, ...program, JSON.stringify(settings)]
    this.#child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.loaded = this.#answer()
  }

  /** Tells it something, one thing at a time; resolves with its answer. */
  ask(command: Command): Promise<Answer> {
    const answer = this.#answer()
    this.#child.send(command)
    return answer
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`a process that was asked something ended with ${code}`))
      this.#child.once('exit', ended)
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', ended)
        resolve(answer)
      })
    })
  }
}
