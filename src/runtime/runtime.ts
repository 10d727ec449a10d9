/**
 * A runtime: what the resources of one thread share, and the strong references that keep them alive.
 *
 * It knows no ZeroMQ: `src/socket` keeps the native context that belongs to a runtime.
 */

import { type Clock, isClock, systemClock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import {
  type Closable,
  type CloseOptions,
  type CloseResult,
  closeAll,
  LifeCycle,
  type Status,
} from '../lifecycle/index.js'
import { defaults, instance, integer, resolveOptions } from '../options/index.js'

const brand = Symbol.for('rivulet.runtime')

/** Options of {@link createRuntime}. */
export interface RuntimeOptions {
  /**
   * Input and output threads of the native library, 1 to 64; one serves about a gigabit a second.
   * @defaultValue `1`
   */
  readonly ioThreads?: number
  /**
   * The most native sockets, 8 to 65,535; each socket of a resource takes three, with both ends of its monitor.
   * @defaultValue `1023`
   */
  readonly maxSockets?: number
  /**
   * The clock for timers and message times.
   * @defaultValue the clock of the machine
   */
  readonly clock?: Clock
}

/** What the resources of one thread share; `inproc://` names are within a runtime. */
export interface Runtime extends Closable {
  /** Input and output threads. */
  readonly ioThreads: number
  /** How many native sockets there may be; those that are closing count until their messages have left. */
  readonly maxSockets: number
  /** The clock for timers and message times. */
  readonly clock: Clock
  /** How many resources are open in this runtime. */
  readonly size: number
  /**
   * Takes a resource in: it is referenced until `release`, and closed when the runtime closes.
   *
   * @internal
   */
  adopt(resource: Closable): void
  /** @internal */
  release(resource: Closable): void
}

const rules = {
  ioThreads: integer({ min: 1, max: 64, fallback: defaults.ioThreads }),
  maxSockets: integer({ min: 8, max: 65_535, fallback: defaults.maxSockets }),
  clock: instance('a clock: now(), wallNow() and setTimer()', isClock, undefined),
}

/**
 * Makes a runtime; most applications use the default one and never call this.
 *
 * Lifetime: closing it closes every resource that was opened in it, as {@link closeAll} does: users of a resource first.
 *
 * @param options - Threads, sockets and the clock; all have defaults.
 * @throws RIVULET_INVALID_OPTION
 * @example
 * ```ts
 * import { createPush, createRuntime, defineSchema } from 'rivulet'
 *
 * await using runtime = createRuntime({ ioThreads: 2 })
 * const push = await createPush({ schema: defineSchema('string'), bind: 'tcp://127.0.0.1:*', runtime })
 * await runtime.close() // closes the push
 * console.log(push.closed) // true
 * ```
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return new RuntimeCore(options)
}

class RuntimeCore implements Runtime {
  readonly ioThreads: number
  readonly maxSockets: number
  readonly clock: Clock
  readonly #children = new Set<Closable>()
  readonly #life = new LifeCycle((options) => closeAll(this.#children, options))

  constructor(options: RuntimeOptions) {
    const resolved = resolveOptions('createRuntime', options, rules)
    this.ioThreads = resolved.ioThreads
    this.maxSockets = resolved.maxSockets
    this.clock = resolved.clock ?? systemClock
    this.#life.opened()
  }

  get status(): Status {
    return this.#life.status
  }

  get closed(): boolean {
    return this.#life.status === 'closed'
  }

  get whenClosed(): Promise<void> {
    return this.#life.whenClosed
  }

  get size(): number {
    return this.#children.size
  }

  adopt(resource: Closable): void {
    if (!this.#life.isOpen) throw new RivuletError('RIVULET_CLOSED', `the runtime is ${this.status}`)
    this.#children.add(resource)
  }

  release(resource: Closable): void {
    this.#children.delete(resource)
  }

  close(options?: CloseOptions): Promise<CloseResult> {
    return this.#life.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  static {
    Object.defineProperty(RuntimeCore.prototype, brand, { value: true })
  }
}

/**
 * Tells whether a value is a runtime, also one of another copy of the package.
 *
 * @param value - Any value.
 */
export function isRuntime(value: unknown): value is Runtime {
  return typeof value === 'object' && value !== null && brand in value
}

let shared: Runtime | undefined

/** The runtime of this thread, made when it is first needed, and again if it was closed. */
export function defaultRuntime(): Runtime {
  if (shared?.status !== 'open') shared = createRuntime()
  return shared
}
