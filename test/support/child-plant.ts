/** Starts a server of `Plant` in another process, and kills it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { RpcServerOptions } from '../../patterns/rpc/index.js'
import { loader, modulePath } from '../child-process.js'

const program = modulePath('test/support/plant-process.ts')

/** How the process is started. */
export interface PlantOptions {
  /** Where to bind. Default: any port of this machine. */
  readonly bind?: string
  /** Whether `hold` and `safe` answer. Default: no. */
  readonly answers?: boolean
  readonly server?: Partial<Omit<RpcServerOptions, 'runtime' | 'services' | 'signal'>>
}

/** A server in a process of its own. */
export class ChildPlant {
  readonly endpoint: string
  /** Codes that the server has reported. */
  readonly errors: string[]
  readonly #child: ChildProcess

  /** Starts the process and resolves when its server is bound; it must be killed. */
  static async start({ bind = 'tcp://127.0.0.1:*', answers = false, server = {} }: PlantOptions = {}) {
    const mode = answers ? 'answers' : 'holds'
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, bind, mode, JSON.stringify(server)]
    const child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const errors: string[] = []
    const endpoint = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)))
      child.on('message', (message: { endpoint?: string; error?: string }) => {
        if (message.endpoint !== undefined) resolve(message.endpoint)
        if (message.error !== undefined) errors.push(message.error)
      })
    })
    return new ChildPlant(child, endpoint, errors)
  }

  private constructor(child: ChildProcess, endpoint: string, errors: string[]) {
    this.#child = child
    this.endpoint = endpoint
    this.errors = errors
  }

  /** Whether the process has not ended. */
  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** `kill -9`; resolves when it is dead. */
  async kill(): Promise<void> {
    if (!this.alive) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
