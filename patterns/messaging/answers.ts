/**
 * What a peer answers: each ask is a service of its own at the calls of its node, under a name that nothing else ever has.
 *
 * Who asks is said by a number, and checked against the peers of that session before the query is read. How an ask finds its
 * answerer is in `asks.ts`.
 */
import type { Observable } from 'rxjs'
import {
  type AdmissionRefusal,
  type CallContext,
  type CallHost,
  type ContextSource,
  LazyContext,
  type ServedService,
} from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { type CloseOptions, waitFor } from '../../src/lifecycle/index.js'
import { defaults, invalidOption } from '../../src/options/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { type AnswerInputOf, type Ask, askMethod, codecOfAsk, isAsk, type QueryOf, queryIn } from './define-ask.js'
import type { PeerRef } from './peer-claim.js'
import type { Version } from './version.js'

/** The service of an answer, as nodes call it. */
export function answerName(incarnation: string, number: number): string {
  return `${incarnation}/${number}`
}

/** What the function that answers knows of its query. */
export interface AskContext extends CallContext {
  /** The peer that asks. */
  readonly from: PeerRef
}

/** Answers a query: with a value, a promise, or an observable, whose first value counts; or throws a declared error. */
export type Answerer<A extends Ask> = (
  query: QueryOf<A>,
  context: AskContext,
) => AnswerInputOf<A> | PromiseLike<AnswerInputOf<A>> | Observable<AnswerInputOf<A>>

/** An ask that a peer answers, until it is closed. */
export interface Answering extends AsyncDisposable {
  /** The name of the ask. */
  readonly name: string
  /** Whether it takes no more queries. */
  readonly closed: boolean
  /**
   * Takes no more queries, and resolves when those that it has are answered; idempotent, never rejects.
   *
   * Queries that are open after `timeoutMs`, 5000 milliseconds by default, are stopped: their askers get
   * RIVULET_SERVER_CLOSING. Without `drain` they are stopped at once.
   *
   * @param options - Whether open queries are still answered, and for how long.
   */
  close(options?: CloseOptions): Promise<void>
}

/** What the answers of a peer need of its node. */
export interface AnswerPorts {
  readonly clock: Clock
  readonly host: CallHost
  /** The peer of a number that is present on a session, and so may ask over it. */
  asker(session: PeerInfo, caller: number): PeerRef | undefined
  /** The answers of the peer are others. */
  changed(answers: ReadonlyMap<string, number>): void
  /** Changes with whatever may change who is present on which session; without it, that is looked at for each query. */
  readonly version?: Version | undefined
  /** Whether the peer takes anything new. */
  readonly isOpen: boolean
}

/** The asks that one peer may answer. */
export const maxAnswers = 1024

/** The answers of one peer. */
export class PeerAnswers {
  readonly #name: string
  readonly #incarnation: string
  readonly #ports: AnswerPorts
  readonly #answering = new Map<string, PeerAnswering>()
  /** Closed ones whose last queries are open. */
  readonly #closing = new Set<PeerAnswering>()
  #number = 0
  readonly #version: Version | undefined
  /** Who asked the query that was looked at last: most come from the same. */
  #last: Asking | undefined

  constructor({ name, incarnation }: Pick<PeerRef, 'name' | 'incarnation'>, ports: AnswerPorts) {
    this.#name = name
    this.#incarnation = incarnation
    this.#ports = ports
    this.#version = ports.version
  }

  /** The asks that are answered, each with the number of its answer; a number is never used again. */
  get numbers(): ReadonlyMap<string, number> {
    return new Map([...this.#answering].map(([name, { number }]) => [name, number]))
  }

  /**
   * Answers an ask from now on.
   *
   * @throws RIVULET_INVALID_OPTION, also for an ask that the peer answers already; RIVULET_CLOSED
   */
  answer<A extends Ask>(ask: A, answerer: Answerer<A>): Answering {
    const subject = 'answer'
    if (!isAsk(ask)) throw invalidOption(subject, 'ask', 'an ask of defineAsk', ask)
    if (typeof answerer !== 'function') throw invalidOption(subject, 'answerer', 'a function', answerer)
    if (!this.#ports.isOpen) throw new RivuletError('RIVULET_CLOSED', `the peer '${this.#name}' is closed`)
    if (this.#answering.has(ask.name)) {
      throw invalidOption(
        subject,
        'ask',
        'an ask that this peer does not answer yet: close the other answer first',
        ask.name,
      )
    }
    if (this.#answering.size >= maxAnswers) {
      throw invalidOption(subject, 'ask', `one of at most ${maxAnswers} asks`, ask.name)
    }
    const { host } = this.#ports
    this.#number += 1
    const service = host.serve({
      codec: codecOfAsk(ask),
      handlers: new Map([[askMethod, (request, context) => answerer(queryIn(request), context as AskContext)]]),
      name: answerName(this.#incarnation, this.#number),
      shownAs: ask.name,
      label: `ask ${ask.name}`,
      access: { action: 'message', target: this.#name },
      admit: (peer, caller) => this.#refusalOf(peer, caller),
      contextOf: (call) => new PeerAskContext(call, this.#askerOf(call.server.peer, call.caller)),
    })
    const answering = new PeerAnswering(ask.name, this.#number, service, this.#ports, () => this.#closed(answering))
    this.#answering.set(ask.name, answering)
    this.#ports.changed(this.numbers)
    return answering
  }

  /** Closes all, in parallel, those included that are closing. */
  async close(options?: CloseOptions): Promise<void> {
    const all = [...this.#answering.values(), ...this.#closing]
    await Promise.all(all.map((answering) => answering.close(options)))
  }

  #closed(answering: PeerAnswering): void {
    this.#answering.delete(answering.name)
    this.#closing.add(answering)
    void answering.whenClosed.then(() => this.#closing.delete(answering))
    this.#ports.changed(this.numbers)
  }

  #refusalOf(peer: PeerInfo, caller: number): AdmissionRefusal | undefined {
    const last = this.#last
    if (last === undefined || last.version !== this.#version?.value || !isOf(last, peer, caller)) {
      this.#last = { peer, caller, version: this.#version?.value ?? Number.NaN, asker: this.#ports.asker(peer, caller) }
    }
    return this.#last?.asker === undefined ? notPresent : undefined
  }

  /** The peer that asks a query which was admitted. */
  #askerOf(peer: PeerInfo, caller: number): PeerRef | undefined {
    const last = this.#last
    return last !== undefined && isOf(last, peer, caller) ? last.asker : this.#ports.asker(peer, caller)
  }
}

/** Who asks by a number over a session, at one version. */
interface Asking {
  readonly peer: PeerInfo
  readonly caller: number
  readonly version: number
  readonly asker: PeerRef | undefined
}

function isOf(asking: Asking, peer: PeerInfo, caller: number): boolean {
  return asking.peer === peer && asking.caller === caller
}

const notPresent: AdmissionRefusal = {
  code: 'RIVULET_INVALID_REQUEST',
  message: 'the number of its asker is of no peer that is present on this link',
}

/** One answer. */
class PeerAnswering implements Answering {
  readonly name: string
  readonly number: number
  readonly #service: ServedService
  readonly #ports: Pick<AnswerPorts, 'host' | 'clock'>
  readonly #onClosed: () => void
  #withdrawn: Promise<void> | undefined

  constructor(
    name: string,
    number: number,
    service: ServedService,
    ports: Pick<AnswerPorts, 'host' | 'clock'>,
    onClosed: () => void,
  ) {
    this.name = name
    this.number = number
    this.#service = service
    this.#ports = ports
    this.#onClosed = onClosed
  }

  get closed(): boolean {
    return this.#withdrawn !== undefined
  }

  /** Resolves when its last query has its outcome. */
  get whenClosed(): Promise<void> {
    return this.#withdrawn ?? Promise.resolve()
  }

  async close({ drain = defaults.drain, timeoutMs = defaults.closeTimeoutMs }: CloseOptions = {}): Promise<void> {
    const { host, clock } = this.#ports
    if (this.#withdrawn === undefined) {
      this.#withdrawn = host.withdraw(this.#service)
      this.#onClosed()
    }
    const waiting = this.#withdrawn
    if (drain && timeoutMs > 0) await waitFor(`answer ${this.name}`, waiting, clock, { timeoutMs }).catch(() => {})
    host.stop(this.#service)
    await waiting
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The context of a query. */
class PeerAskContext extends LazyContext implements AskContext {
  readonly from: PeerRef

  constructor(call: ContextSource, from: PeerRef | undefined) {
    super(call)
    this.from = from as PeerRef // else the query was refused
  }
}
