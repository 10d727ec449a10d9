/**
 * Keeps the queue's process running: starts it, and starts it again on the same folder and endpoint whenever it has ended.
 *
 * What the queue does, and what is in the folder, is not known here.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Child, Children } from './children.js'
import { untilAborted } from './until-aborted.js'

// the first time the port is chosen by the system
const bind = 'tcp://127.0.0.1:*'

/** Somebody may have the port for a moment. */
const attempts = 20
const pauseMs = 250

/** What a keeper needs. */
export interface KeeperPorts {
  readonly children: Children
  /** Where the queues are. */
  readonly folder: string
  /** Where the queue's figures go. */
  readonly figuresEndpoint: string
  noted(line: string): void
}

/** The keeper of the queue's process. */
export class QueueKeeper {
  /** Times that it was killed by us. */
  kills = 0
  /** Times that it was started again, for whatever reason. */
  restarts = 0
  readonly #ports: KeeperPorts
  #endpoint = bind
  #host: Child | undefined

  constructor(ports: KeeperPorts) {
    this.#ports = ports
  }

  /** Starts it; resolves with its endpoint, which stays the same from now on. */
  async begin(signal: AbortSignal): Promise<string> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) await untilAborted(signal, delay(pauseMs))
      const { children, folder, figuresEndpoint } = this.#ports
      this.#host = children.start('./queue-host', [this.#endpoint, folder, figuresEndpoint])
      const said = await untilAborted(signal, this.#host.said)
      if (typeof said === 'string') {
        this.#endpoint = said
        return said
      }
    }
    throw new Error('the queue could not begin')
  }

  /** Starts it again whenever it has ended; rejects when that fails, or with the reason of the signal. */
  async keep(signal: AbortSignal): Promise<never> {
    for (;;) {
      const { pid, ended } = this.#host as Child
      const exit = await untilAborted(signal, ended)
      this.#ports.noted(
        `the queue (pid ${pid}) has ended${exit.signal ? ` by ${exit.signal}` : ` with code ${exit.code}`}`,
      )
      await this.begin(signal)
      this.restarts += 1
      this.#ports.noted(`the queue (pid ${this.#host?.pid}) goes on with the same folder`)
    }
  }

  /** Kills it; who keeps it starts it again. */
  kill(): void {
    this.kills += 1
    this.#ports.noted(`the queue (pid ${this.#host?.pid}) is killed on purpose`)
    this.#host?.kill()
  }
}
