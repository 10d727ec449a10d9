/** What one peer asks others: checks what its user passes, and counts what becomes of it. */
import { type CallOptions, CallOptionsResolver, type ClientCall } from '../../src/call/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { Waiters } from '../../src/lifecycle/index.js'
import { invalidOption } from '../../src/options/index.js'
import { AskWay, KnownWays, type WayAsker } from './ask-way.js'
import { type Asks, isPassing } from './asks.js'
import { type AnswerOf, type Ask, isAsk, type QueryInputOf, queryIn } from './define-ask.js'
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
  /** Calls back when it takes nothing new any more. */
  onClosing(callback: () => void): void
  /** Why it cannot ask: it has lost its name. The version of the asks changes with it. */
  readonly problem: RivuletError | undefined
  readonly timeoutMs: number
  readonly waitForReady: boolean
}

/**
 * Asks without an outcome that are more than one call, each linked to its neighbours.
 *
 * A `Set` with as many deletions as insertions moves to a new table again and again, and each old one keeps what it held
 * alive until the next full collection.
 */
class PendingAsks {
  #last: PendingAsk | undefined

  add(ask: PendingAsk): void {
    ask.before = this.#last
    if (this.#last !== undefined) this.#last.after = ask
    this.#last = ask
  }

  /** Removes one that is in the list. */
  delete(ask: PendingAsk): void {
    const { before, after } = ask
    if (before !== undefined) before.after = after
    if (after !== undefined) after.before = before
    else this.#last = before
    ask.before = undefined
    ask.after = undefined
  }

  /** All, the last first. */
  all(): PendingAsk[] {
    const all: PendingAsk[] = []
    for (let ask: PendingAsk | undefined = this.#last; ask !== undefined; ask = ask.before) all.push(ask)
    return all
  }
}

/** The asks of one peer. */
export class PeerAsks implements Asker, WayAsker {
  readonly incarnation: string
  readonly #asks: Asks
  readonly #ports: PeerAskPorts
  readonly #resolver: CallOptionsResolver
  readonly #pending = new PendingAsks()
  readonly #idle = new Waiters()
  /** Those that lead somewhere, as long as this peer may ask at all. */
  readonly #known: KnownWays
  /** Why asks go nowhere any more: all were ended. */
  #ended: RivuletError | undefined
  #started = 0
  #failed = 0
  /** Asks without an outcome. */
  #open = 0

  constructor(asks: Asks, ports: PeerAskPorts) {
    this.incarnation = ports.incarnation
    this.#asks = asks
    this.#ports = ports
    this.#known = new KnownWays(asks.version)
    ports.onClosing(() => this.#known.forget())
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
    const known = this.#known.find(to, ask)
    if (known === undefined) checkAsk(to, ask)
    const resolved = this.#resolver.resolve(options)
    if (known === undefined && !this.#ports.isOpen) {
      const closed = `ask ${ask.name}: ${this.#ports.name()} is closing or closed`
      return Promise.reject(new RivuletError('RIVULET_CLOSED', closed, { executed: 'no' }))
    }
    const promise = new Promise<AnswerOf<A>>(capture)
    const { resolve, reject } = captured
    this.#started += 1
    this.#open += 1
    // a binding that is agreed on only now is waited for
    if (known !== undefined && resolved.waitForReady) known.begin(query, resolved, resolve, reject)
    else this.#place(new PendingAsk(this.#asks, this, to, ask, query, resolved, resolve, reject))
    return promise
  }

  #place(pending: PendingAsk): void {
    this.#pending.add(pending)
    this.#asks.place(pending)
    const { to, ask, route } = pending
    if (route !== undefined) this.#known.keep(new AskWay(this, to, ask, route))
  }

  continues({ to, ask, route }: AskWay, call: ClientCall, error: Error): boolean {
    if (!isPassing(error)) return false
    const { request, options, deadline } = call
    const resolve = (answer: unknown) => call.resolve(answer)
    const reject = (cause: Error) => call.reject(cause)
    const pending = new PendingAsk(this.#asks, this, to, ask, queryIn(request), options, resolve, reject)
    pending.follow({ route, deadline })
    this.#pending.add(pending)
    this.#asks.failed(pending, error)
    return true
  }

  stats(): AskStats {
    const [started, failed, open] = [this.#started, this.#failed, this.#open]
    return { started, succeeded: started - failed - open, failed, open }
  }

  finished(ask: PendingAsk, failed: boolean): void {
    this.#pending.delete(ask)
    this.ended(failed)
  }

  ended(failed: boolean): void {
    this.#open -= 1
    if (failed) this.#failed += 1
    if (this.#open === 0) this.#idle.wake()
  }

  /** Whether an ask to a name has no outcome yet. */
  isAsking(name: string): boolean {
    const isOpen = this.#known.all.some(({ to, open }) => open > 0 && to === name)
    return isOpen || this.#pending.all().some(({ to }) => to === name)
  }

  /** Resolves when all asks have their outcome. */
  async whenIdle(): Promise<void> {
    while (this.#open > 0) await this.#idle.wait()
  }

  /** Ends all asks; returns how many. */
  stopAll(error: RivuletError): number {
    this.#ended = error
    const count = this.#open
    const pending = this.#pending.all().reverse()
    for (const way of [...this.#known.all]) way.stop(error)
    for (const ask of pending) ask.stop(error)
    return count
  }
}

/** @throws RIVULET_INVALID_OPTION */
function checkAsk(to: unknown, ask: unknown): void {
  if (typeof to !== 'string' || to.length === 0) throw invalidOption('ask', 'to', 'the name of a peer', to)
  if (!isAsk(ask)) throw invalidOption('ask', 'ask', 'an ask of defineAsk', ask)
}
