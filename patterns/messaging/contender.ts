/**
 * Those who want one name: peers of this node and of others, and which of them holds it.
 *
 * The choice is the same in every process that knows the same contenders of epoch 1 and above. Among claims of epoch 0, which
 * only ask for the name, the first one has it until there is one that holds it.
 */
import type { PeerIdentity } from '../../src/security/index.js'
import { claimProblem, memberWith, type PeerClaim, type PeerRef, winsOver } from './peer-claim.js'
import type { RosterPeer } from './roster-contract.js'
import type { Suspicion } from './suspicion.js'

/** Claims of one node to the same name: a peer and those that take its place. */
export const maxRivals = 8

/** Conflicts of one holder that are reported; further ones are the work of a process that lies. */
const maxConflicts = 64

/** Another node. */
export interface RemoteNode {
  readonly id: string
  identity: PeerIdentity | undefined
  readonly links: Set<RemoteLink>
  readonly suspicion: Suspicion
  /** What its links report. */
  isSilent: boolean
}

/** One session with another node. */
export interface RemoteLink {
  readonly id: string
  readonly dialed: string | undefined
  node: RemoteNode | undefined
  status: 'live' | 'cut' | 'ended'
  isSilent: boolean
  /** When a session that is cut has lost its peers. */
  lapsesAt: number
  hasLapsed: boolean
  readonly contenders: Set<Contender>
}

/** What was claimed over one session, and what its other side was answered. */
export interface LinkClaim {
  claim: PeerClaim
  answered: 'accepted' | 'refused' | undefined
}

/** One who wants a name. */
export class Contender {
  readonly ref: PeerRef
  /** `undefined` for a peer of this node. */
  readonly node: RemoteNode | undefined
  readonly key: string | undefined
  epoch: number
  takeover: boolean
  answers: PeerClaim['answers']
  /** What the sessions of its node claim; none for a peer of this node. */
  readonly claims = new Map<RemoteLink, LinkClaim>()
  /** Those whose conflict with this one was reported. */
  readonly #conflicts = new Set<string>()

  constructor(claim: PeerClaim, node: RemoteNode | undefined, key: string | undefined, identity?: PeerIdentity) {
    const { name, incarnation, epoch, takeover, answers } = claim
    this.ref = Object.freeze({ name, incarnation, identity: node?.identity ?? identity })
    this.node = node
    this.key = key
    this.epoch = epoch
    this.takeover = takeover
    this.answers = answers
  }

  /** What tells it from others. */
  get member(): string {
    return memberWith(this.ref.incarnation, this.key)
  }

  /** Whether it is reached, or may be so again soon. */
  get isReached(): boolean {
    if (this.node === undefined) return true
    for (const { hasLapsed } of this.claims.keys()) if (!hasLapsed) return true
    return false
  }

  /** What it claims, as another node is given it. */
  get claim(): PeerClaim {
    const { ref, epoch, takeover, answers } = this
    return { name: ref.name, incarnation: ref.incarnation, epoch, takeover, answers }
  }

  /** What a node sees of it. */
  get peer(): RosterPeer {
    const { ref, epoch, node, answers } = this
    const sessions = [...this.claims.keys()].map(({ id }) => id)
    return { ref, epoch, node: node?.id, sessions, answers, isSuspected: node?.suspicion.isShown ?? false }
  }

  /** Takes what a session claims; another session of its node may know less. */
  claimed(link: RemoteLink, claim: PeerClaim): void {
    this.claims.set(link, { claim, answered: undefined })
    link.contenders.add(this)
    this.answers = claim.answers
    this.#count()
  }

  /** A session claims it no longer. */
  unclaimed(link: RemoteLink): void {
    this.claims.delete(link)
    link.contenders.delete(this)
    if (this.claims.size > 0) this.#count()
  }

  /** Whether it takes the name from its holder. */
  displaces(holder: Contender): boolean {
    if (this.epoch > 0) {
      const isSame = this.epoch === holder.epoch && this.ref.incarnation === holder.ref.incarnation
      return isSame ? (this.key ?? '') < (holder.key ?? '') : winsOver(this.claim, holder.claim)
    }
    // two who ask each other see the same two
    const areBothAsking = holder.epoch === 0 && (this.node === undefined) !== (holder.node === undefined)
    return areBothAsking && this.ref.incarnation < holder.ref.incarnation
  }

  /** Whether this holder and another one met, neither of which took over from the other; once for each. */
  isConflictWith(loser: Contender): boolean {
    if (this.epoch === 0 || loser.epoch === 0 || (this.takeover && this.epoch > loser.epoch)) return false
    const { incarnation } = loser.ref
    if (this.#conflicts.has(incarnation) || this.#conflicts.size >= maxConflicts) return false
    this.#conflicts.add(incarnation)
    return true
  }

  #count(): void {
    this.epoch = 0
    this.takeover = false
    for (const { claim } of this.claims.values()) {
      this.epoch = Math.max(this.epoch, claim.epoch)
      this.takeover ||= claim.takeover
    }
  }
}

/** Returns who holds a name: the holder, unless it is no candidate or one of the others displaces it. */
export function chooseHolder(holder: Contender | undefined, candidates: readonly Contender[]): Contender | undefined {
  let chosen = holder !== undefined && candidates.includes(holder) ? holder : candidates[0]
  for (const candidate of candidates) if (chosen !== undefined && candidate.displaces(chosen)) chosen = candidate
  return chosen
}

/** What is wrong with a claim. */
export interface ClaimProblem {
  /** As `stats()` counts it. */
  readonly reason: 'invalid' | 'incarnation' | 'claims'
  readonly code: 'RIVULET_INVALID_REQUEST' | 'RIVULET_OVERLOADED'
  readonly message: string
}

/**
 * Returns what is wrong with the claim of a session, if anything is; `known` contends under that incarnation, `rivals` under
 * that name.
 */
export function problemOf(
  link: RemoteLink,
  claim: PeerClaim,
  known: Contender | undefined,
  rivals: ReadonlySet<Contender>,
  maxClaims: number,
): ClaimProblem | undefined {
  const message = claimProblem(claim)
  if (message !== undefined) return { reason: 'invalid', code: 'RIVULET_INVALID_REQUEST', message }
  if (known !== undefined && (known.node !== link.node || known.ref.name !== claim.name)) {
    const message = 'the incarnation is that of another peer'
    return { reason: 'incarnation', code: 'RIVULET_INVALID_REQUEST', message }
  }
  if (known === undefined && countOf(rivals, link.node) >= maxRivals) {
    const message = `a process claims a name at most ${maxRivals} times`
    return { reason: 'claims', code: 'RIVULET_OVERLOADED', message }
  }
  if (known?.claims.has(link) || link.contenders.size < maxClaims) return undefined
  return { reason: 'claims', code: 'RIVULET_OVERLOADED', message: `a process has at most ${maxClaims} peers` }
}

function countOf(contenders: ReadonlySet<Contender>, node: RemoteNode | undefined): number {
  let count = 0
  for (const contender of contenders) if (contender.node === node) count += 1
  return count
}
