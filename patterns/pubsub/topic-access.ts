/**
 * What peers may do with topics, where a policy says it: asked of links, whose peers are known.
 *
 * A pattern is asked for as a whole, and a denial is reported. Each topic that comes under it is asked for as well: a function may
 * allow the one and not the other.
 */
import { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity, PolicyAction, SecurityGuard, SecurityOptions } from '../../src/security/index.js'
import type { PeerInfo } from '../../src/session/index.js'

/** What decides: the guard of the links. */
export interface TopicPolicy {
  /** Decides, and reports a denial. */
  permits(identity: PeerIdentity | undefined, action: PolicyAction, target: string): boolean
  /** Decides. */
  allows(identity: PeerIdentity | undefined, action: PolicyAction, target: string): boolean
  /** Adds what was observed. Default: nobody observes it. */
  readonly note?: SecurityGuard['note']
}

/** What peers ask for. */
export type TopicAction = 'subscribe' | 'publish'

/** Topics that are remembered of one peer; then they are asked for again. */
const maxDecisions = 4096

/** What one peer may do. */
export class TopicAccess {
  readonly #policy: TopicPolicy
  readonly #identity: PeerIdentity | undefined
  readonly #action: TopicAction
  readonly #decisions = new Map<string, boolean>()
  #isAdmitted = false
  /** Called when it was permitted something for the first time. */
  onAdmitted = () => {}

  constructor(policy: TopicPolicy, identity: PeerIdentity | undefined, action: TopicAction) {
    this.#policy = policy
    this.#identity = identity
    this.#action = action
  }

  /** Whether it was permitted anything. */
  get isAdmitted(): boolean {
    return this.#isAdmitted
  }

  /** Whether it may have all that fits a pattern; a denial is counted and reported. */
  permits(pattern: string): boolean {
    if (!this.#policy.permits(this.#identity, this.#action, pattern)) return false
    if (!this.#isAdmitted) {
      this.#isAdmitted = true
      this.onAdmitted()
    }
    return true
  }

  /** Whether it may have a topic that it has not named itself: a denial is not reported. What was decided holds. */
  allows(topic: string): boolean {
    const known = this.#decisions.get(topic)
    if (known !== undefined) return known
    return this.#remember(topic, this.#policy.allows(this.#identity, this.#action, topic))
  }

  /** Whether it may have a topic that it has named: each denial is counted and reported. What was permitted holds. */
  admits(topic: string): boolean {
    return this.#decisions.get(topic) === true || (this.permits(topic) && this.#remember(topic, true))
  }

  #remember(topic: string, decision: boolean): boolean {
    if (this.#decisions.size >= maxDecisions) this.#decisions.clear()
    this.#decisions.set(topic, decision)
    return decision
  }
}

/** What the peers of links may do. */
export class TopicAccesses {
  readonly #policy: () => TopicPolicy | undefined
  readonly #action: TopicAction
  readonly #peers = new WeakMap<PeerInfo, TopicAccess>()

  /** @param policy - What decides, once links are open: nothing was asked before. */
  constructor(policy: () => TopicPolicy | undefined, action: TopicAction) {
    this.#policy = policy
    this.#action = action
  }

  /** What the peer of a link may do. */
  of(peer: PeerInfo): TopicAccess {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    const access = new TopicAccess(this.#policy() ?? nothing, peer.identity, this.#action)
    this.#peers.set(peer, access)
    return access
  }
}

const nothing: TopicPolicy = { permits: () => false, allows: () => false }

/**
 * Checks that a side with a policy only binds: of those that it connects to, it knows the key of the server and no more.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function checkTopicPolicy(
  subject: string,
  { bind, connect, security }: { bind: readonly string[]; connect: unknown; security: SecurityOptions | undefined },
): void {
  const isConnecting = !Array.isArray(connect) || connect.length > 0
  if (security?.policy === undefined || bind.length === 0 || !isConnecting) return
  const text = `${subject}: security.policy must be left out where the resource connects, too: it is for the peers that connect to this side; open one that binds, with the policy, and another that connects`
  throw new RivuletError('RIVULET_INVALID_OPTION', text)
}
