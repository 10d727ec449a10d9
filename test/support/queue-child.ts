/** Starts a host, a producer or a consumer of a durable queue in another process, reads what it says, stops it and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { QueueOptions } from '../../patterns/queue/index.js'
import { loader, modulePath } from '../child-process.js'

/** What a process is. */
export type QueueRole =
  | { readonly role: 'host'; readonly bind: string; readonly path: string; readonly queue: QueueOptions }
  | { readonly role: 'producer'; readonly connect: string; readonly firstId: number; readonly inFlight: number }
  | { readonly role: 'consumer'; readonly connect: string; readonly seed: number }
  | { readonly role: 'holder'; readonly connect: string }

/** What a process can be told, see `queue-process.ts`. */
export type QueueCommand = 'sync' | 'stop' | 'counts' | 'drain' | 'ack'

/** The source of the program. */
export const queueProgram = 'test/support/queue-process.ts'

/** What Node is given to run it. */
const asHere: readonly string[] = [...loader, modulePath(queueProgram)]

/** A process; it must be killed, or told to stop. */
export class QueueChild {
  /** Resolves with its exit code when it has ended and everything that it said was read; `null` if it was killed. */
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, (() => void)[]>()
  #rest = ''

  /** Starts a process; `read` gets every line that it says, `program` is what Node runs. */
  constructor(role: QueueRole, read: (line: string) => void, program = asHere) {
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, ...program, JSON.stringify(role)]
    this.#child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'] })
    const lines = this.#child.stdio[3] as Readable
    lines.setEncoding('latin1').on('data', (text: string) => {
      const all = (this.#rest + text).split('\n')
      this.#rest = all.pop() as string
      for (const line of all) {
        read(line)
        for (const resolve of this.#waiting.get(line[0] as string)?.splice(0) ?? []) resolve()
      }
    })
    this.#child.on('error', () => {}) // a command that finds it dead
    this.ended = once(this.#child, 'close').then(([code]) => code)
  }

  /** Tells it something. */
  tell(command: QueueCommand): void {
    if (this.#child.connected) this.#child.send(command, () => {})
  }

  /** Resolves when it says a line that begins so, or has ended. */
  async says(letter: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(letter)
      if (waiting) waiting.push(resolve)
      else this.#waiting.set(letter, [resolve])
    })
    await Promise.race([said, this.ended])
  }

  /** Resolves when everything was read that it had said before. */
  async synced(): Promise<void> {
    const synced = this.says('y')
    this.tell('sync')
    await synced
  }

  /** Freezes it, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  /** `kill -9`; resolves when it is dead and everything was read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}
