/** What one peer asks others: checks what its user passes, and counts what becomes of it. */
import { type CallOptions, CallOptionsResolver } from '../../src/call/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { Waiters } from '../../src/lifecycle/index.js'
import { invalidOption } from '../../src/options/index.js'
import { AskCall, type AskCaller, type OpenAsk } from './ask-call.js'
import type { Route } from './ask-routes.js'
import { type Asks, isPassing } from './asks.js'
import { type AnswerOf, type Ask, isAsk, type QueryInputOf } from './define-ask.js'
import { type Asker, PendingAsk } from './pending-ask.js'

/** The asks of a peer by what became of them: `started` is the sum of all others. */
export interface AskStats {
  /** Asks that were made. */
  readonly started: number
  /** Answered. */
  readonly succeeded: number
  /** Failed, declared errors and cancellations included. */
  readonly failed: number
  /** Without an outcome, those included that wait for their peer. */
  readonly open: number
}

/** The ends of the promise that was made last: taken at once, so that an ask costs no closure for them. */
const captured: { resolve(answer: unknown): void; reject(error: Error): void } = { resolve() {}, reject() {} }
const capture = (resolve: (answer: never) => void, reject: (error: Error) => void): void => {
  captured.resolve = resolve as (answer: unknown) => void
  captured.reject = reject
}

/** What asks need of their peer. */
export interface PeerAskPorts {
  readonly incarnation: string
  /** By which its node says that it asks. */
  readonly number: number
  /** What messages call it. */
  name(): string
  /** Whether it takes anything new. */
  readonly isOpen: boolean
  /** Why it cannot ask: it has lost its name. */
  readonly problem: RivuletError | undefined
  readonly timeoutMs: number
  readonly waitForReady: boolean
}

/**
 * Asks without an outcome, each linked to its neighbours.
 *
 * A `Set` with as many deletions as insertions moves to a new table again and again, and each old one keeps what it held
 * alive until the next full collection.
 */
class OpenAsks {
  size = 0
  #last: OpenAsk | undefined

  add(ask: OpenAsk): void {
    ask.before = this.#last
    if (this.#last !== undefined) this.#last.after = ask
    this.#last = ask
    this.size += 1
  }

  /** Removes one that is in the list. */
  delete(ask: OpenAsk): void {
    const { before, after } = ask
    if (before !== undefined) before.after = after
    if (after !== undefined) after.before = before
    else this.#last = before
    ask.before = undefined
    ask.after = undefined
    this.size -= 1
  }

  /** All, the last first. */
  all(): OpenAsk[] {
    const all: OpenAsk[] = []
    for (let ask: OpenAsk | undefined = this.#last; ask !== undefined; ask = ask.before) all.push(ask)
    return all
  }
}

interface KnownRoute {
  readonly to: string
  readonly ask: Ask
  readonly route: Route
}

/** The ways of earlier asks, one to each peer, until anything changes. */
class KnownRoutes {
  #version = 0
  #last: KnownRoute | undefined
  /** By the name of the peer; where there were several. */
  #others: Map<string, KnownRoute> | undefined

  /** @param version - That of all ways now. */
  find(to: string, ask: Ask, version: number): Route | undefined {
    const last = this.#last
    if (last === undefined || version !== this.#version) return undefined
    if (last.to === to && last.ask === ask) return last.route
    const other = this.#others?.get(to)
    if (other === undefined || other.ask !== ask) return undefined
    this.#last = other
    return other.route
  }

  keep(to: string, ask: Ask, version: number, route: Route): void {
    const last = version === this.#version ? this.#last : undefined
    if (last === undefined) this.#others = undefined
    this.#version = version
    this.#last = { to, ask, route }
    if (last === undefined) return
    this.#others ??= new Map([[last.to, last]])
    this.#others.set(to, this.#last)
  }
}

/** The asks of one peer. */
export class PeerAsks implements Asker, AskCaller {
  readonly incarnation: string
  readonly #asks: Asks
  readonly #ports: PeerAskPorts
  readonly #resolver: CallOptionsResolver
  readonly #open = new OpenAsks()
  readonly #idle = new Waiters()
  readonly #known = new KnownRoutes()
  /** Why asks go nowhere any more: all were ended. */
  #ended: RivuletError | undefined
  #started = 0
  #failed = 0

  constructor(asks: Asks, ports: PeerAskPorts) {
    this.incarnation = ports.incarnation
    this.#asks = asks
    this.#ports = ports
    const { timeoutMs, waitForReady, number: caller } = ports
    this.#resolver = new CallOptionsResolver('ask', false, { timeoutMs, waitForReady, caller })
  }

  get problem(): RivuletError | undefined {
    return this.#ended ?? this.#ports.problem
  }

  /**
   * Asks a peer; see `Peer.ask`.
   *
   * @throws RIVULET_INVALID_OPTION
   */
  ask<A extends Ask>(to: string, ask: A, query: QueryInputOf<A>, options?: CallOptions): Promise<AnswerOf<A>> {
    if (typeof to !== 'string' || to.length === 0) throw invalidOption('ask', 'to', 'the name of a peer', to)
    if (!isAsk(ask)) throw invalidOption('ask', 'ask', 'an ask of defineAsk', ask)
    const resolved = this.#resolver.resolve(options)
    if (!this.#ports.isOpen) {
      const closed = `ask ${ask.name}: ${this.#ports.name()} is closing or closed`
      return Promise.reject(new RivuletError('RIVULET_CLOSED', closed, { executed: 'no' }))
    }
    const promise = new Promise<AnswerOf<A>>(capture)
    const { resolve, reject } = captured
    this.#started += 1
    // a binding that is agreed on only now is waited for
    const isFree = resolved.waitForReady && this.problem === undefined
    const route = isFree ? this.#known.find(to, ask, this.#asks.version) : undefined
    if (route === undefined) {
      this.#place(new PendingAsk(this.#asks, this, to, ask, query, resolved, resolve, reject))
    } else {
      const call = new AskCall(this, to, ask, query, route, resolved, resolve, reject)
      this.#open.add(call)
      route.client.run(call)
    }
    return promise
  }

  #place(pending: PendingAsk): void {
    this.#open.add(pending)
    this.#asks.place(pending)
    const { to, ask, route } = pending
    if (route !== undefined) this.#known.keep(to, ask, this.#asks.version, route)
  }

  continues(call: AskCall, error: Error): boolean {
    if (!isPassing(error)) return false
    const { to, ask, query, options } = call
    const resolve = (answer: unknown) => call.resolve(answer)
    const pending = new PendingAsk(this.#asks, this, to, ask, query, options, resolve, (cause) => call.reject(cause))
    pending.follow(call)
    this.#open.delete(call)
    this.#open.add(pending)
    this.#asks.failed(pending, error)
    return true
  }

  stats(): AskStats {
    const [started, failed, open] = [this.#started, this.#failed, this.#open.size]
    return { started, succeeded: started - failed - open, failed, open }
  }

  finished(ask: OpenAsk, failed: boolean): void {
    this.#open.delete(ask)
    if (failed) this.#failed += 1
    if (this.#open.size === 0) this.#idle.wake()
  }

  /** Whether an ask to a name has no outcome yet. */
  isAsking(name: string): boolean {
    return this.#open.all().some(({ to }) => to === name)
  }

  /** Resolves when all asks have their outcome. */
  async whenIdle(): Promise<void> {
    while (this.#open.size > 0) await this.#idle.wait()
  }

  /** Ends all asks; returns how many. */
  stopAll(error: RivuletError): number {
    this.#ended = error
    const open = this.#open.all().reverse()
    for (const ask of open) ask.stop(error)
    return open.length
  }
}
