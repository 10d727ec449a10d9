/** Starts a host of durable queues in another process, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { QueueHostOptions } from '../../patterns/queue/index.js'
import { loader, modulePath } from '../child-process.js'

const program = modulePath('test/queue-durable/host-process.ts')

/** A host in a process of its own. */
export class ChildHost {
  readonly endpoint: string
  readonly #child: ChildProcess

  /** Starts the process and resolves when its host is bound; it must be killed. */
  static async start(path: string, options: QueueHostOptions, bind = 'tcp://127.0.0.1:*'): Promise<ChildHost> {
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, bind, path, JSON.stringify(options)]
    const child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const endpoint = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
      child.on('message', (message: { endpoint?: string }) => {
        if (message.endpoint !== undefined) resolve(message.endpoint)
      })
    })
    return new ChildHost(child, endpoint)
  }

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child
    this.endpoint = endpoint
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
