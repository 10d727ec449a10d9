/**
 * Where asks go: which session leads to the peer of a name, and what stands for its answer there.
 *
 * It keeps what was agreed on each session, and gives up what leads nowhere any more. What becomes of an ask that
 * fails is decided in `asks.ts`.
 */
import type { ServiceCodec } from '../../src/avro/service-codec.js'
import type { CallClient, ClientMethod, ClientService } from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { answerName } from './answers.js'
import { type Ask, askMethod, codecOfAsk } from './define-ask.js'
import { memberOf, type PeerRef } from './peer-claim.js'
import type { RosterFacts, RosterPeer } from './roster-contract.js'
import type { Version } from './version.js'

/** What the ways of asks need of their node. */
export interface RoutePorts {
  readonly roster: Pick<RosterFacts, 'find' | 'isAccepted'>
  /** The calls of a session that has not ended, and is not about to, to its other side. */
  clientOf(session: string): CallClient | undefined
  /** The calls to peers of this node. */
  readonly local: CallClient
  /** Why the other side of a session does not accept a peer of this node; `undefined` if it has not said so. */
  refusal(session: string, asker: string): RivuletError | undefined
}

/** Why there is no way. */
export type NoRoute =
  /** No peer of this name is present. */
  | 'absent'
  /** The peer is present, and does not answer this ask. */
  | 'unanswered'
  /** The peer is present, and no session has accepted the asker yet. */
  | 'unready'

/** A way from one peer to the answer of another. */
export class Route {
  readonly peer: PeerRef
  readonly client: CallClient
  readonly service: ClientService
  readonly method: ClientMethod

  constructor(peer: PeerRef, client: CallClient, service: ClientService) {
    this.peer = peer
    this.client = client
    this.service = service
    this.method = service.methods.get(askMethod) as ClientMethod
  }
}

/**
 * Bindings of one client that are kept, whether or not they have calls: fewer than the other side takes, so that there is
 * room for those that are in use.
 */
export const keptBindings = 2048

/** The ways to all peers. */
export class AskRoutes {
  readonly #ports: RoutePorts
  /** By client, then by the name of the service and the hash of the asker's version. */
  readonly #routes = new Map<CallClient, Map<string, Route>>()
  /** Ways that lead nowhere, whose calls had no outcome when they were given up. */
  readonly #retired = new Set<Route>()
  readonly #version: Version
  readonly #keptBindings: number

  /** `version` changes with each way that is given up. */
  constructor(ports: RoutePorts, version: Version, kept = keptBindings) {
    this.#ports = ports
    this.#version = version
    this.#keptBindings = kept
  }

  /** Bindings that are kept, over all clients. */
  get size(): number {
    return [...this.#routes.values()].reduce((sum, { size }) => sum + size, this.#retired.size)
  }

  /** Finds the way of an ask as it is now. */
  find(asker: string, to: string, ask: Ask): Route | NoRoute | RivuletError {
    const peer = this.#ports.roster.find(to)
    if (peer === undefined) return 'absent'
    const number = peer.answers.get(ask.name)
    if (number === undefined) return 'unanswered'
    const client = this.#clientFor(asker, peer)
    if (client === undefined) return this.#refusalFor(asker, peer) ?? 'unready'
    return this.#routeOf(client, peer, answerName(peer.ref.incarnation, number), codecOfAsk(ask), ask.name)
  }

  /** The answers of a peer, or the sessions that lead to it, are others: calls that no server has, and that now go elsewhere, end. */
  changed({ ref, answers, node, sessions }: RosterPeer, unsent: RivuletError): void {
    const names = new Set([...answers.values()].map((number) => answerName(ref.incarnation, number)))
    const clients = node === undefined ? [this.#ports.local] : sessions.map((session) => this.#ports.clientOf(session))
    for (const route of this.#routesOf(ref)) {
      const leads = names.has(route.service.name) && clients.includes(route.client)
      if (clients[0] !== route.client) route.client.stopService(route.service, unsent, false)
      if (!leads) this.#retire(route)
    }
  }

  /** A peer has left: its calls end with an error. */
  left({ ref }: RosterPeer, error: RivuletError): void {
    for (const route of this.#routesOf(ref)) {
      route.client.stopService(route.service, error, true)
      this.#retire(route)
    }
  }

  /** A session takes no new calls: those that no server has end with an error, and others go elsewhere. */
  leaving(client: CallClient, error: RivuletError): void {
    for (const route of [...(this.#routes.get(client)?.values() ?? [])]) {
      client.stopService(route.service, error, false)
      this.#retire(route)
    }
  }

  /** A session has ended: its calls that wait for another one end with an error. */
  ended(client: CallClient, error: () => RivuletError): void {
    for (const route of [...(this.#routes.get(client)?.values() ?? []), ...this.#retired]) {
      if (route.client !== client) continue
      client.stopService(route.service, error(), true)
      this.#retired.delete(route)
    }
    this.#routes.delete(client)
  }

  /** The session that leads to a peer: the first that has accepted the asker. */
  #clientFor(asker: string, { node, sessions }: RosterPeer): CallClient | undefined {
    const { roster, local } = this.#ports
    if (node === undefined) return local
    for (const session of sessions) {
      const client = roster.isAccepted(session, asker) ? this.#ports.clientOf(session) : undefined
      if (client !== undefined) return client
    }
    return undefined
  }

  #refusalFor(asker: string, { sessions }: RosterPeer): RivuletError | undefined {
    for (const session of sessions) {
      const refusal = this.#ports.refusal(session, asker)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #routeOf(client: CallClient, { ref }: RosterPeer, as: string, codec: ServiceCodec, name: string): Route {
    let routes = this.#routes.get(client)
    if (routes === undefined) {
      routes = new Map()
      this.#routes.set(client, routes)
    }
    const key = `${as} ${codec.hash}`
    const known = routes.get(key)
    if (known !== undefined) return known
    this.#makeRoom(routes)
    const route = new Route(ref, client, client.bind(codec, { as, label: `ask ${name}` }))
    routes.set(key, route)
    return route
  }

  /** Gives up what leads nowhere any more, and of too many bindings the oldest without a call. */
  #makeRoom(routes: Map<string, Route>): void {
    for (const route of this.#retired) if (route.client.unbind(route.service)) this.#retired.delete(route)
    if (routes.size < this.#keptBindings) return
    for (const [key, { client, service }] of routes) {
      if (!client.unbind(service)) continue
      routes.delete(key)
      this.#version.value += 1
      return
    }
  }

  #retire(route: Route): void {
    const routes = this.#routes.get(route.client)
    for (const [key, other] of routes ?? []) if (other === route) routes?.delete(key)
    if (routes?.size === 0) this.#routes.delete(route.client)
    if (!route.client.unbind(route.service)) this.#retired.add(route)
  }

  #routesOf(ref: PeerRef): Route[] {
    const member = memberOf(ref)
    const all = [...this.#routes.values()].flatMap((routes) => [...routes.values()])
    return all.filter(({ peer }) => memberOf(peer) === member)
  }
}
