/** Starts an attacker in a process of its own, and tells it what to do. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { loader, modulePath } from '../child-process.js'
import type { AttackNews, AttackOrder, Deeds } from './orders.js'

/** The program. */
export const attackerProgram = 'test/hostile/attacker-process.ts'

/** One attacker. */
export class Attacker {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>

  /** Starts one; resolves when it can be told. */
  static async start(program: readonly string[] = [...loader, modulePath(attackerProgram)]): Promise<Attacker> {
    const attacker = new Attacker(program)
    await attacker.#hear()
    return attacker
  }

  private constructor(program: readonly string[]) {
    // without tap's recorder of processes
    const args = ['-u', 'NODE_OPTIONS', process.execPath, '--no-warnings', ...program]
    this.#child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`the attacker ended with ${signal ?? `code ${code}`}`)
    })
    this.#ended.catch(() => {}) // told where somebody waits
  }

  /** Makes an attack; resolves with what it did to each target when it is done. */
  async attack(order: AttackOrder): Promise<readonly Deeds[]> {
    this.#child.send(order)
    const news = await this.#hear()
    if ('done' in news) return news.done
    throw new Error(`the attacker failed: ${'failed' in news ? news.failed : 'no answer'}`)
  }

  /** Ends it. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#ended.catch(() => {})
  }

  async #hear(): Promise<AttackNews> {
    const news = once(this.#child, 'message').then(([news]) => news as AttackNews)
    return Promise.race([news, this.#ended])
  }
}
