/**
 * The asks of one peer that take one way: to another peer, with one ask. It keeps their calls, so that a call is all that an ask
 * costs; one becomes a `PendingAsk` when its call fails and another one may take its place.
 *
 * Which way an ask takes is decided in `ask-routes.ts`.
 */
import {
  type CallKeeper,
  ClientCall,
  type OnError,
  type OnValue,
  type ResolvedCallOptions,
} from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { Route } from './ask-routes.js'
import { type Ask, requestOf } from './define-ask.js'
import type { Version } from './version.js'

/** Who asks. */
export interface WayAsker {
  /** An ask whose call is all of it has its outcome. */
  ended(failed: boolean): void
  /** The call of an ask has failed; returns whether another one takes its place. */
  continues(way: AskWay, call: ClientCall, error: Error): boolean
}

/** A way of asks. */
export class AskWay implements CallKeeper {
  readonly to: string
  readonly ask: Ask
  readonly route: Route
  readonly #asker: WayAsker
  /** Calls without an outcome. */
  open = 0

  constructor(asker: WayAsker, to: string, ask: Ask, route: Route) {
    this.#asker = asker
    this.to = to
    this.ask = ask
    this.route = route
  }

  /** Asks; one of `resolve` and `reject` is called once. */
  begin(query: unknown, options: ResolvedCallOptions, resolve: OnValue, reject: OnError): void {
    const { client, method } = this.route
    this.open += 1
    client.run(new ClientCall(this, method, requestOf(query), options, client.deadlineOf(options), resolve, reject))
  }

  /** Ends its asks at this side, with an error to which is added whether each may have been answered. */
  stop({ code, message, cause }: RivuletError): void {
    if (this.open === 0) return
    for (const call of this.route.client.openCalls()) if (call.isOf(this)) call.stopWith(code, message, cause)
  }

  leftWaiting(call: ClientCall): void {
    this.route.client.leftWaiting(call)
  }

  finished(call: ClientCall, failed: boolean): void {
    this.open -= 1
    this.route.client.finished(call, failed)
    if (!failed) this.#asker.ended(false)
  }

  continues(call: ClientCall, error: Error): boolean {
    if (this.#asker.continues(this, call, error)) return true
    this.#asker.ended(true)
    return false
  }

  report(error: RivuletError): void {
    this.route.client.report(error)
  }
}

/** Ways that are known at the same time; beyond that, all are looked for again. */
const maxKnown = 4096

/** The ways of earlier asks, until anything changes. */
export class KnownWays {
  readonly #version: Version
  /** The version at which they were found. */
  #found = 0
  #last: AskWay | undefined
  readonly #byAsk = new Map<Ask, Map<string, AskWay>>()
  #known = 0
  /** Those that are known, and those before them that have calls. */
  #all: AskWay[] = []

  /** All that may have calls. */
  get all(): readonly AskWay[] {
    return this.#all
  }

  /** @param version - That of all ways. */
  constructor(version: Version) {
    this.#version = version
  }

  find(to: string, ask: Ask): AskWay | undefined {
    const last = this.#last
    if (last === undefined || this.#found !== this.#version.value) return undefined
    if (last.to === to && last.ask === ask) return last
    const other = this.#byAsk.get(ask)?.get(to)
    if (other !== undefined) this.#last = other
    return other
  }

  keep(way: AskWay): void {
    const { to, ask, route } = way
    if (this.#found !== this.#version.value || this.#known >= maxKnown) this.forget()
    const others = this.#byAsk.get(ask)
    if (others?.get(to)?.route === route) return
    if (others === undefined) this.#byAsk.set(ask, new Map([[to, way]]))
    else others.set(to, way)
    this.#known += 1
    this.#all.push(way)
    this.#last = way
  }

  /** All are looked for again. */
  forget(): void {
    this.#found = this.#version.value
    this.#last = undefined
    this.#byAsk.clear()
    this.#known = 0
    this.#all = this.#all.filter(({ open }) => open > 0)
  }
}
