/**
 * What a sequence takes place in: a runtime with a clock, endpoints, the calls that are open, and what went wrong.
 *
 * It knows no pattern. Nothing here waits for the time of the machine: limits are counted in turns of this process.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { types } from 'node:util'
import type { Observable } from 'rxjs'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { Closable, CloseOptions, CloseResult } from '../../src/lifecycle/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'
import { createNative, type NativeSocket, type SocketKind } from '../../src/socket/native.js'
import { Random } from '../simulation/random.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { turn } from '../support/events.js'
import type { Transport } from '../support/transports.js'
import { type ChildRole, LabChild } from './lab-child.js'
import type { CallEnds, Outcome, Watched } from './outcomes.js'
import { PassingClock } from './passing-clock.js'
import { tick } from './ticks.js'

/** Ticks that may go by without what is waited for, before it is given up; and where that happens again and again. */
export const patience = { whole: 6000, short: 1000 } as const
/** Ticks in which time runs as on the machine; after them more of it passes at each third tick: frames need some. */
const patientTicks = 60
const ticksPerHaste = 3
/**
 * Where folders of sequences are: in memory, where the system has that, since thousands of them wait for flushes otherwise.
 * What a flush is worth is not for models to find out.
 */
const temporary = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** How much time passes at each tick of an impatient wait, in milliseconds. */
const hasteMs = 100
/** Longer than any timer that fires once, in milliseconds. */
const oneTimersMs = 120_000

/** What a sequence ends with as soon as a promise is broken. */
export class Broken extends Error {}

interface Watchable extends Closable {
  readonly errors: Observable<RivuletError>
}

let names = 0

/** The place of one sequence. */
export class Lab {
  readonly clock = new PassingClock()
  readonly runtime: Runtime = createRuntime({ clock: this.clock })
  /** For decisions of peers while the sequence runs. */
  readonly random: Random
  readonly transport: Transport
  /** The first broken promise. */
  failure: string | undefined
  /** What nobody caught while this sequence and others ran. */
  suspicion: string | undefined
  /** Whether connections were cut. */
  hasCut = false
  /** Calls that have not settled. */
  readonly open = new Set<Outcome<unknown>>()
  /** Errors that resources reported, for models that count them. */
  readonly errors: RivuletError[] = []
  readonly #callbacks = new Map<Outcome<unknown>, () => void>()
  readonly #resources = new Set<Closable>()
  readonly #proxies: ChaosProxy[] = []
  readonly #endings: (() => unknown)[] = []
  readonly #children: LabChild[] = []
  #folder: string | undefined
  readonly #mostTicks: number
  /** What is waited for, the last at the end. */
  readonly #waits: symbol[] = []

  /**
   * @param mostTicks - Ticks that may go by without what is waited for, before it is given up.
   */
  constructor(seed: number, transport: Transport, mostTicks: number = patience.whole) {
    this.random = new Random(seed ^ 0x5bd1e995)
    this.transport = transport
    this.#mostTicks = mostTicks
  }

  /** An endpoint to bind; connect to what the resource says. */
  endpoint(): string {
    names += 1
    if (this.transport === 'inproc') return `inproc://model-${names}`
    if (this.transport === 'tcp') return 'tcp://127.0.0.1:*'
    this.#folder ??= mkdtempSync(join(temporary, 'rivulet-model-'))
    return `ipc://${this.#folder}/${names}`
  }

  /** A folder of this sequence alone. */
  folder(): string {
    this.#folder ??= mkdtempSync(join(temporary, 'rivulet-model-'))
    return this.#folder
  }

  /** The way to a bound endpoint: over tcp through a proxy that the step `cut` cuts. */
  async way(endpoint: string): Promise<string> {
    if (this.transport !== 'tcp') return endpoint
    const proxy = await ChaosProxy.open(endpoint, this.random.below(2 ** 31))
    this.#proxies.push(proxy)
    return proxy.endpoint
  }

  /** Cuts every connection that goes through a proxy. */
  cut(how: 'reset' | 'end'): void {
    this.hasCut = true
    for (const proxy of this.#proxies) proxy.cut(how)
  }

  /** Takes connections through a proxy away and lets none come back, until `rejoin`. */
  isolate(way: string): void {
    this.#proxies
      .find(({ endpoint }) => endpoint === way)
      ?.set({ refuse: true })
      .cut()
  }

  /** Lets connections through again. */
  rejoin(): void {
    for (const proxy of this.#proxies) proxy.set({ refuse: false })
  }

  /** Starts a process, over tcp, that `kill` kills and starts again. */
  async child(role: ChildRole, runs?: (call: string) => void): Promise<LabChild> {
    const child = new LabChild(role, runs)
    this.#children.push(child)
    await child.start()
    return child
  }

  /** Kills every child, and starts another one in its place. */
  async kill(): Promise<void> {
    await this.within(Promise.all(this.#children.map((child) => child.restart())), 'children that start again')
  }

  /** Kills every child for good. */
  async end(): Promise<void> {
    await this.within(Promise.all(this.#children.map((child) => child.kill())), 'children that end')
  }

  /** A plain socket of the native library in the same context, so that it meets resources over inproc, too. */
  raw(kind: SocketKind): NativeSocket {
    const marks = { sendHighWaterMark: 0, receiveHighWaterMark: 0 }
    const socket = createNative(this.runtime, {
      kind,
      ...marks,
      maxFrameBytes: -1,
      socketBufferBytes: undefined,
      ipv6: false,
    })
    if (kind !== 'pull') socket.sendTimeout = 0
    this.atEnd(() => {
      if (!socket.closed) socket.close()
    })
    return socket
  }

  /** Calls back when the sequence has ended, whatever the outcome. */
  atEnd(callback: () => unknown): void {
    this.#endings.push(callback)
  }

  /** Records a broken promise; the sequence ends after the current step. */
  expect(condition: boolean, text: string | (() => string)): void {
    if (condition || this.failure !== undefined) return
    this.failure = typeof text === 'string' ? text : text()
  }

  /**
   * Makes a resource one that must be closed at the end, with its observables.
   *
   * @param listens - Whether somebody subscribes to its errors.
   */
  watch<R extends Watchable>(resource: R, listens = true): R {
    this.#resources.add(resource)
    if (!listens) return resource
    const ended = { label: 'errors', settled: false }
    this.open.add(ended)
    resource.errors.subscribe({
      next: (error) => {
        this.#mustBeOurs('errors', error)
        this.errors.push(error)
      },
      error: (error: unknown) => this.#settle(ended, error, [], 'failed with'),
      complete: () => this.#settle(ended),
    })
    return resource
  }

  /** Makes a call; it must settle before the sequence ends. */
  call<T>(label: string, start: () => PromiseLike<T>, ends: CallEnds = {}): Outcome<T> {
    const outcome: Outcome<T> = { label, settled: false }
    let promise: PromiseLike<T>
    try {
      promise = start()
    } catch (error) {
      this.#settle(outcome, error, ends.throws, 'threw')
      return outcome
    }
    this.open.add(outcome)
    promise.then(
      (value) => {
        outcome.value = value
        this.#settle(outcome)
      },
      (error: unknown) => this.#settle(outcome, error, ends.rejects, 'rejected with'),
    )
    return outcome
  }

  /** Calls back when a call has its outcome. */
  whenSettled(outcome: Outcome<unknown>, callback: () => void): void {
    if (outcome.settled) callback()
    else this.#callbacks.set(outcome, callback)
  }

  /** Subscribes; the observable must end before the sequence does, unless it is left. */
  observe<T>(label: string, source: Observable<T>, ends: CallEnds = {}, next?: (value: T) => void): Watched<T> {
    const values: T[] = []
    const watched: Watched<T> = { label, settled: false, values, unsubscribe: () => {} }
    this.open.add(watched)
    const subscription = source.subscribe({
      next: (value) => {
        this.expect(!watched.settled, () => `${label}: a value after the end`)
        values.push(value)
        next?.(value)
      },
      error: (error: unknown) => this.#settle(watched, error, ends.rejects, 'failed with'),
      complete: () => this.#settle(watched),
    })
    watched.unsubscribe = () => {
      subscription.unsubscribe()
      watched.settled = true
      this.open.delete(watched)
    }
    return watched
  }

  /** Closes a resource: it must resolve, and the resource be closed then. */
  close(resource: Closable, options?: CloseOptions): Outcome<CloseResult> {
    const closing = this.call('close', () => resource.close(options))
    this.call('closed', () =>
      resource.close().then((result) => this.expect(resource.closed, `closed, but ${resource.status}: ${result}`)),
    )
    return closing
  }

  /** Resolves when a condition holds; time passes when nothing happens. Of waits within each other the last one decides. */
  async until(condition: () => boolean, text: string | (() => string)): Promise<void> {
    const wait = Symbol()
    this.#waits.push(wait)
    let looks = 0
    for (let turns = 0; !condition(); turns++) {
      this.throwIfBroken()
      if (this.#waits.at(-1) === wait) {
        looks += 1
        if (looks > this.#mostTicks) this.expect(false, () => `never: ${typeof text === 'string' ? text : text()}`)
        if (looks > patientTicks && looks % ticksPerHaste === 0) this.clock.jump(hasteMs)
      }
      await (turns < 3 ? turn() : tick())
    }
    this.#waits.splice(this.#waits.indexOf(wait), 1)
    this.throwIfBroken()
  }

  /** Resolves with a promise; time passes when nothing happens. */
  async within<T>(promise: PromiseLike<T>, text: string): Promise<T> {
    let settled = false
    const settle = () => {
      settled = true
    }
    promise.then(settle, settle)
    await this.until(() => settled, text)
    return promise
  }

  /** Resolves when every call has settled. */
  settled(): Promise<void> {
    const labels = () => [...new Set([...this.open].map(({ label }) => label))].join(', ')
    return this.until(
      () => this.open.size === 0,
      () => `calls that settle: ${labels()}`,
    )
  }

  /** Lets time pass, with turns in between, so that nobody seems to be silent. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) {
      this.clock.jump(Math.min(5 * hasteMs, Math.max(0, end - this.clock.now())))
      await tick()
    }
  }

  throwIfBroken(): void {
    if (this.failure !== undefined) throw new Broken(this.failure)
  }

  /** Closes what is open, and takes everything away. */
  async clear(): Promise<void> {
    const closing = this.runtime.close({ drain: false })
    if (this.failure === undefined) {
      await this.within(closing, 'the runtime closes')
      for (const one of this.#resources) this.expect(one.closed, `a resource is ${one.status} after its runtime closed`)
      this.expect(this.runtime.size === 0, 'the runtime holds closed resources')
      await this.settled()
      await this.#noTimers()
    } else {
      // what broke may hang: what follows must not wait for it
      for (let ticks = 0; ticks < 100 && !this.runtime.closed; ticks++) {
        this.clock.jump(hasteMs)
        await tick()
      }
    }
  }

  /** What is closed may leave a timer that fires once. */
  async #noTimers(): Promise<void> {
    for (let round = 0; round < 50 && this.clock.timers > 0; round++, await tick()) this.clock.jump(oneTimersMs)
    this.expect(this.clock.timers === 0, 'closed resources set timers again and again')
  }

  /** Gives back what the machine lent; never throws. */
  async leave(): Promise<void> {
    for (const ending of this.#endings) await ending()
    for (const child of this.#children) await child.kill()
    for (const proxy of this.#proxies) await proxy.close()
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true })
  }

  #settle(outcome: Outcome<unknown>, error?: unknown, codes: readonly ErrorCode[] = [], how = ''): void {
    this.expect(!outcome.settled, () => `${outcome.label}: two outcomes`)
    outcome.settled = true
    this.open.delete(outcome)
    this.#callbacks.get(outcome)?.()
    if (error === undefined && how === '') return
    if (!this.#mustBeOurs(outcome.label, error)) return
    outcome.error = error
    this.expect(codes.includes(error.code), () => `${outcome.label} ${how} ${error.code}: ${error.message}`)
  }

  #mustBeOurs(label: string, error: unknown): error is RivuletError {
    const isOurs = error instanceof RivuletError
    this.expect(isOurs, () => `${label}: ${types.isNativeError(error) ? error.stack : String(error)}`)
    return isOurs
  }
}
