/**
 * The sessions of a node and the nodes behind them: which are live, since when others are cut, which are silent.
 *
 * What is claimed over them is decided elsewhere.
 */
import type { PeerIdentity } from '../../src/security/index.js'
import type { RemoteLink, RemoteNode } from './contender.js'
import { memberWith } from './peer-claim.js'
import { Suspicion } from './suspicion.js'

/** Looks at sessions that are cut until they lapse: one that is late by more than a look shows that this process stalled. */
const looksPerLeave = 4

/** What the sessions report. */
export interface RemoteLinksPorts {
  now(): number
  /** `check` is due at a time. */
  watch(deadline: number): void
  /** A session was cut for so long that its peers have left. */
  lapsed(link: RemoteLink): void
  /** A session that had lapsed is live again. */
  resumed(link: RemoteLink): void
  ended(link: RemoteLink): void
  /** A node is shown as suspected, or no longer. */
  suspicionChanged(node: RemoteNode): void
}

/** The sessions of a node. */
export class RemoteLinks {
  readonly #leaveMs: number
  readonly #ports: RemoteLinksPorts
  readonly #links = new Map<string, RemoteLink>()
  /** By id and key: another node that says the id of one is another one. */
  readonly #nodes = new Map<string, RemoteNode>()

  constructor(leaveMs: number, ports: RemoteLinksPorts) {
    this.#leaveMs = leaveMs
    this.#ports = ports
  }

  /** Nodes that were met and have a session. */
  get nodes(): number {
    return this.#nodes.size
  }

  /** How late a look shows that this process stalled, in milliseconds. */
  get lookMs(): number {
    return this.#leaveMs / looksPerLeave
  }

  get(session: string): RemoteLink | undefined {
    return this.#links.get(session)
  }

  began(session: string, dialed: string | undefined): void {
    this.#links.set(session, {
      id: session,
      dialed,
      node: undefined,
      status: 'live',
      isSilent: false,
      lapsesAt: Number.POSITIVE_INFINITY,
      hasLapsed: false,
      contenders: new Set(),
    })
  }

  /** Returns why the node cannot be the one that it says it is. */
  met(link: RemoteLink, id: string, identity: PeerIdentity | undefined): string | undefined {
    if (link.node !== undefined) return 'a session has told which node it is with before'
    const key = memberWith(id, identity?.publicKey)
    const node = this.#nodes.get(key) ?? { id, identity, links: new Set(), suspicion: new Suspicion(), isSilent: false }
    this.#nodes.set(key, node)
    node.links.add(link)
    link.node = node
    this.#listen(node)
    return undefined
  }

  status(link: RemoteLink, status: RemoteLink['status']): void {
    if (link.status === status) return
    link.status = status
    const { node } = link
    if (status === 'cut') {
      const now = this.#ports.now()
      link.lapsesAt = now + this.#leaveMs
      this.#ports.watch(now + this.lookMs)
    } else {
      link.lapsesAt = Number.POSITIVE_INFINITY
      if (status === 'ended') this.#end(link)
      else if (link.hasLapsed) {
        link.hasLapsed = false
        this.#ports.resumed(link)
      }
    }
    if (node !== undefined) this.#listen(node)
  }

  suspect(link: RemoteLink, isSuspected: boolean): void {
    link.isSilent = isSuspected
    if (link.node !== undefined) this.#listen(link.node)
  }

  /**
   * Looks at everything that has a time; returns when to look again.
   *
   * @param hasStalled - Whether this process did not look for a while, so that it knows nothing of its peers: they get a fresh period.
   */
  check(now: number, hasStalled: boolean): number {
    let next = Number.POSITIVE_INFINITY
    for (const link of this.#links.values()) {
      if (link.lapsesAt === Number.POSITIVE_INFINITY) continue
      if (hasStalled) link.lapsesAt = now + this.#leaveMs
      if (link.lapsesAt <= now) this.#lapse(link)
      else next = Math.min(next, link.lapsesAt, now + this.lookMs)
    }
    for (const node of this.#nodes.values()) {
      if (node.suspicion.release(now)) this.#ports.suspicionChanged(node)
      next = Math.min(next, node.suspicion.dueAt)
    }
    return next
  }

  #lapse(link: RemoteLink): void {
    link.lapsesAt = Number.POSITIVE_INFINITY
    link.hasLapsed = true
    this.#ports.lapsed(link)
  }

  #end(link: RemoteLink): void {
    this.#links.delete(link.id)
    const { node } = link
    node?.links.delete(link)
    if (node?.links.size === 0) this.#nodes.delete(memberWith(node.id, node.identity?.publicKey))
    this.#ports.ended(link)
  }

  /** One link on which a node is heard is enough; a link that is cut says nothing. */
  #listen(node: RemoteNode): void {
    const live = [...node.links].filter(({ status }) => status === 'live')
    const isSilent = live.length === 0 ? node.isSilent : live.every((link) => link.isSilent)
    if (isSilent === node.isSilent) return
    node.isSilent = isSilent
    if (node.suspicion.report(isSilent, this.#ports.now())) this.#ports.suspicionChanged(node)
    else if (node.suspicion.dueAt !== Number.POSITIVE_INFINITY) this.#ports.watch(node.suspicion.dueAt)
  }
}
