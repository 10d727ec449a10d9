/**
 * What a node does for the asks of its peers: a session with itself for those to its own peers, the calls of its sessions for
 * all others, and who may ask over which.
 */
import { CallClient, type CallHost, type CallPolicy } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Loopback } from '../../src/link/index.js'
import { defaults } from '../../src/options/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { keptBindings } from './ask-routes.js'
import { Asks } from './asks.js'
import { Callers } from './callers.js'
import type { PeerRef } from './peer-claim.js'
import type { RosterFacts } from './roster-contract.js'
import { maxItemBytes } from './wire.js'

/** What the asks of a node need of it. */
export interface NodeAskPorts {
  readonly clock: Clock
  readonly roster: Pick<RosterFacts, 'find' | 'isAccepted' | 'peerOn'>
  readonly host: CallHost
  name(): string
  report(error: RivuletError): void
  unreachable(): string
  /** The calls of a session that has not ended, and is not about to. */
  clientOf(session: string): CallClient | undefined
  /** Why the other side of a session does not accept a peer of this node. */
  refusal(session: string, incarnation: string): RivuletError | undefined
  /** A peer of this node. */
  local(incarnation: string): { readonly ref: PeerRef } | undefined
  /** The numbers of the peers of the other side of a session. */
  callers(session: string): Callers | undefined
}

/** Services that another node may have announced at the same time: twice what a node of this version keeps. */
export const maxNodeBindings = 2 * keptBindings

/** The two ends of the session of a node with itself. */
const itself: PeerInfo = Object.freeze({ id: 'this process', identity: undefined, dialed: undefined })

/** The asks of a node. */
export class NodeAsks extends Asks {
  readonly #ports: NodeAskPorts
  readonly #loopback: Loopback
  /** The numbers by which the peers of this node ask. */
  readonly callers = new Callers()

  constructor(ports: NodeAskPorts) {
    const { clock, host } = ports
    const local = new CallClient({ ...callPorts(ports), failoverMs: defaults.failoverMs })
    super({
      clock,
      local,
      roster: ports.roster,
      clientOf: (session) => ports.clientOf(session),
      unreachable: () => ports.unreachable(),
      refusal: (session, incarnation) => ports.refusal(session, incarnation),
    })
    this.#ports = ports
    const limits = { maxMessageBytes: maxItemBytes, streamWindowBytes: defaults.streamWindowBytes }
    this.#loopback = new Loopback(clock, limits, [local], [host], itself)
  }

  /** The peer that asks by a number over a session, if it is present there. */
  asker({ id }: PeerInfo, caller: number): PeerRef | undefined {
    const { roster } = this.#ports
    const isLocal = id === itself.id
    const incarnation = (isLocal ? this.callers : this.#ports.callers(id))?.incarnationOf(caller)
    if (incarnation === undefined) return undefined
    if (isLocal) return this.#ports.local(incarnation)?.ref
    return roster.peerOn(id, incarnation)?.ref
  }

  /** Ends the session with itself, and what waits for time. */
  stop(reason: RivuletError): void {
    this.#loopback.end(reason)
    this.close()
  }
}

function callPorts({ clock, name, report }: NodeAskPorts) {
  return { clock, name: () => name(), report: (error: RivuletError) => report(error) }
}

/**
 * The policy of asks: what a peer of another process may ask those of this one. The service of the node itself is for all, and
 * what may be sent over it is decided there.
 */
export function askPolicy(
  permits: (identity: PeerIdentity | undefined, to: string) => boolean,
  allows: (identity: PeerIdentity | undefined, to: string) => boolean,
): CallPolicy {
  const isFree = ({ id }: PeerInfo, action: string) => action !== 'message' || id === itself.id
  return {
    permits: (peer, action, to) => isFree(peer, action) || permits(peer.identity ?? peer.server, to),
    allows: (peer, action, to) => isFree(peer, action) || allows(peer.identity ?? peer.server, to),
  }
}
