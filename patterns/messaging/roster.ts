/**
 * Which peers are present, which of several claims to a name holds it, and what to answer those who claim: a pure machine.
 *
 * It knows sessions by name, sends nothing and opens nothing: `roster-contract.ts` has what its node reports, and what it is
 * given in return. What follows from a fact is decided at once; then the ports are called in order, one after the other.
 */
import { DeadlineSweep } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports, Tally } from '../../src/observe/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import { Contender, problemOf, type RemoteLink, type RemoteNode } from './contender.js'
import { LocalClaim } from './local-claim.js'
import { NameTable } from './name-table.js'
import { type ClaimRefusal, maxEpoch, memberWith, nameTaken, type PeerClaim } from './peer-claim.js'
import { PortCalls } from './port-calls.js'
import { RemoteLinks } from './remote-links.js'
import type { RosterFacts, RosterPeer, RosterPorts, RosterSettings } from './roster-contract.js'

/** Presence and names, as one node sees them. */
export class Roster implements RosterFacts {
  readonly #settings: RosterSettings
  readonly #ports: RosterPorts
  readonly #links: RemoteLinks
  readonly #names: NameTable
  readonly #locals = new Map<string, LocalClaim>()
  readonly #opening = new Set<string>()
  readonly #sweep: DeadlineSweep
  /** When the timer is due at the latest. */
  #dueAt = Number.POSITIVE_INFINITY
  /** When the first rosters are not waited for any more; infinite before the start. */
  #completeAt = Number.POSITIVE_INFINITY
  #isComplete = false
  readonly #calls = new PortCalls()
  readonly #rejected = new Tally()
  readonly #reports: SparseReports

  constructor(settings: RosterSettings, ports: RosterPorts) {
    this.#settings = settings
    this.#ports = ports
    const { clock } = ports
    this.#reports = new SparseReports(clock, (error) => ports.report(error))
    this.#sweep = new DeadlineSweep(clock, (now) => this.#check(now))
    this.#links = new RemoteLinks(settings.leaveMs, {
      now: () => clock.now(),
      watch: (deadline) => this.#watch(deadline),
      lapsed: (link) => this.#decideAll(link),
      resumed: (link) => this.#decideAll(link),
      ended: (link) => this.#ended(link),
      suspicionChanged: (node) => this.#suspicionChanged(node),
    })
    this.#names = new NameTable({
      left: ({ peer }, reason) => this.#calls.later(() => ports.left(peer, reason)),
      joined: (contender) => this.#joined(contender),
      changed: ({ peer }) => this.#calls.later(() => ports.changed(peer)),
      conflict: (winner, losers) => this.#calls.later(() => ports.conflict(winner, losers)),
      superseded: (contender) => this.#superseded(contender),
      answer: ({ id }, incarnation, refusal) =>
        this.#calls.later(() => (refusal === undefined ? ports.accept(id, incarnation) : ports.refuse(id, refusal))),
    })
  }

  /** What other nodes said that was refused for what is wrong with it, by reason. */
  get rejected(): Readonly<Record<string, number>> {
    return this.#rejected.snapshot()
  }

  get claims(): readonly PeerClaim[] {
    return [...this.#locals.values()].filter(({ isLost }) => !isLost).map(({ contender }) => contender.claim)
  }

  get peers(): readonly RosterPeer[] {
    return this.#names.holders.map(({ peer }) => peer)
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  find(name: string): RosterPeer | undefined {
    return this.#names.holderOf(name)?.peer
  }

  get(member: string): RosterPeer | undefined {
    return this.#present(this.#names.get(member))
  }

  isAccepted(session: string, incarnation: string): boolean {
    const link = this.#links.get(session)
    return link !== undefined && (this.#locals.get(incarnation)?.isAcceptedBy(link) ?? false)
  }

  isPresent(session: string, incarnation: string): boolean {
    return this.peerOn(session, incarnation) !== undefined
  }

  peerOn(session: string, incarnation: string): RosterPeer | undefined {
    return this.#present(this.#claimedOn(this.#links.get(session), incarnation))
  }

  opening(address: string): void {
    if (!this.#isComplete) this.#opening.add(address)
  }

  opened(address: string): void {
    this.#opening.delete(address)
    this.#calls.do(() => this.#tryComplete())
  }

  start(): void {
    this.#completeAt = this.#ports.clock.now() + this.#settings.settleMs
    this.#watch(this.#completeAt)
    this.#calls.do(() => this.#tryComplete())
  }

  began(session: string, dialed: string | undefined): void {
    this.#links.began(session, dialed)
  }

  met(session: string, node: string, identity: PeerIdentity | undefined): RivuletError | undefined {
    const link = this.#links.get(session)
    const problem = link && this.#calls.do(() => this.#links.met(link, node, identity))
    return problem ? this.#reject('node', new RivuletError('RIVULET_PROTOCOL_VIOLATION', problem)) : undefined
  }

  claim(session: string, claim: PeerClaim): void {
    const link = this.#links.get(session)
    if (link?.node !== undefined) this.#calls.do(() => this.#claimed(link, link.node as RemoteNode, claim))
  }

  withdrawn(session: string, incarnation: string): void {
    const link = this.#links.get(session)
    const contender = this.#claimedOn(link, incarnation)
    if (link === undefined || contender === undefined) return
    this.#calls.do(() => this.#names.unclaim(contender, link, 'withdrawn'))
  }

  completed(session: string): void {
    const dialed = this.#links.get(session)?.dialed
    if (dialed !== undefined) this.opened(dialed)
  }

  status(session: string, status: 'live' | 'cut' | 'ended'): void {
    const link = this.#links.get(session)
    if (link !== undefined) this.#calls.do(() => this.#links.status(link, status))
  }

  suspect(session: string, isSuspected: boolean): void {
    const link = this.#links.get(session)
    if (link !== undefined) this.#calls.do(() => this.#links.suspect(link, isSuspected))
  }

  answered(session: string, accepted: readonly string[], refused: readonly ClaimRefusal[]): void {
    const link = this.#links.get(session)
    if (link === undefined) return
    this.#calls.do(() => {
      for (const incarnation of accepted) this.#accepted(link, incarnation)
      for (const refusal of refused) this.#refused(link, refusal)
    })
  }

  addLocal(claim: PeerClaim): RivuletError | undefined {
    const { name, incarnation, takeover } = claim
    const { publicKey, identity } = this.#settings
    const holder = this.#names.holderOf(name)
    if (holder !== undefined && (!takeover || holder.epoch >= maxEpoch)) return nameTaken(name)
    if (!this.#names.allows(name, publicKey)) return nameTaken(name)
    const contender = new Contender({ ...claim, epoch: holder ? holder.epoch + 1 : 0 }, undefined, publicKey, identity)
    const local = new LocalClaim(contender)
    return this.#calls.do(() => {
      this.#names.enter(contender)
      this.#locals.set(incarnation, local)
      this.#announce(contender)
      this.#names.decide(name)
      this.#tryHold(local)
      return undefined
    })
  }

  changeLocal(incarnation: string, answers: PeerClaim['answers']): void {
    const local = this.#locals.get(incarnation)
    if (local === undefined) return
    local.contender.answers = answers
    if (!local.isLost) this.#calls.do(() => this.#claimAgain(local.contender))
  }

  removeLocal(incarnation: string): void {
    const local = this.#locals.get(incarnation)
    if (local === undefined) return
    this.#locals.delete(incarnation)
    this.#calls.do(() => {
      if (!local.isLost) this.#calls.later(() => this.#ports.withdraw(incarnation))
      this.#names.remove(local.contender, 'withdrawn')
    })
  }

  /** Lets its timer go. */
  close(): void {
    this.#sweep.stop()
  }

  #claimed(link: RemoteLink, node: RemoteNode, claim: PeerClaim): void {
    const known = this.#names.get(memberWith(claim.incarnation, node.identity?.publicKey))
    const problem = problemOf(link, claim, known, this.#names.contendersFor(claim.name), this.#settings.maxClaims)
    if (problem !== undefined) {
      const { reason, code, message } = problem
      const { incarnation } = claim
      this.#reject(reason, new RivuletError(code, `a claim of another process was refused: ${message}`))
      if (known?.claims.has(link)) this.#names.unclaim(known, link, 'withdrawn')
      this.#calls.later(() => this.#ports.refuse(link.id, { incarnation, code, message, epoch: 0 }))
      return
    }
    const contender = known ?? new Contender(claim, node, node.identity?.publicKey)
    if (known === undefined) this.#names.enter(contender)
    contender.claimed(link, claim)
    this.#names.update(contender)
    this.#names.answer(contender, link)
  }

  #accepted(link: RemoteLink, incarnation: string): void {
    const local = this.#locals.get(incarnation)
    if (local === undefined || local.isLost || !local.accepted(link, this.#ports.clock.now())) return
    this.#calls.later(() => this.#ports.accepted(link.id, incarnation))
    this.#tryHold(local)
  }

  #refused(link: RemoteLink, refusal: ClaimRefusal): void {
    const { incarnation, code, message } = refusal
    const local = this.#locals.get(incarnation)
    if (local === undefined || local.isLost) return
    if (local.raise(refusal)) this.#claimAgain(local.contender)
    else if (!local.isOutdated(refusal) && local.refused(link))
      this.#calls.later(() => this.#ports.refused(link.id, incarnation, new RivuletError(code, message)))
  }

  #joined(contender: Contender): void {
    const { peer } = contender
    const { incarnation } = peer.ref
    this.#calls.later(() => this.#ports.joined(peer))
    const local = this.#localOf(contender)
    if (!local?.isLost) return
    local.isLost = false
    this.#calls.later(() => this.#ports.regained(incarnation))
    this.#announce(contender)
    this.#tryHold(local)
  }

  #superseded(contender: Contender): void {
    const { ref } = contender
    const local = this.#localOf(contender)
    if (local === undefined) return
    local.lost()
    this.#calls.later(() => this.#ports.withdraw(ref.incarnation))
    this.#calls.later(() => this.#ports.refused(undefined, ref.incarnation, nameTaken(ref.name)))
  }

  /** What the other side of a session claims under an incarnation. */
  #claimedOn(link: RemoteLink | undefined, incarnation: string): Contender | undefined {
    const contender = link && this.#names.get(memberWith(incarnation, link.node?.identity?.publicKey))
    return link && contender?.claims.has(link) ? contender : undefined
  }

  #present(contender: Contender | undefined): RosterPeer | undefined {
    return contender && this.#names.isHolder(contender) ? contender.peer : undefined
  }

  #localOf({ node, ref }: Contender): LocalClaim | undefined {
    return node === undefined ? this.#locals.get(ref.incarnation) : undefined
  }

  #announce({ claim }: Contender): void {
    this.#calls.later(() => this.#ports.announce(claim))
  }

  #claimAgain(contender: Contender): void {
    this.#announce(contender)
    this.#names.update(contender)
  }

  /** A name that is asked for is held when it was accepted for long enough, or where there is no other node; returns when. */
  #tryHold(local: LocalClaim): number {
    const { contender, isLost } = local
    if (contender.epoch > 0 || isLost || !this.#isComplete) return Number.POSITIVE_INFINITY
    const heldAt = local.heldAt(this.#settings.settleMs, this.#links.nodes === 0)
    if (heldAt > this.#ports.clock.now()) {
      if (heldAt !== Number.POSITIVE_INFINITY) this.#watch(heldAt)
      return heldAt
    }
    local.hold()
    this.#claimAgain(contender)
    return Number.POSITIVE_INFINITY
  }

  #decideAll(link: RemoteLink): void {
    for (const contender of link.contenders) {
      this.#names.decide(contender.ref.name)
      this.#names.answer(contender, link)
    }
  }

  #ended(link: RemoteLink): void {
    for (const contender of [...link.contenders]) this.#names.unclaim(contender, link, 'lost')
    for (const local of this.#locals.values()) {
      local.forget(link)
      this.#tryHold(local)
    }
  }

  #suspicionChanged(node: RemoteNode): void {
    for (const contender of new Set([...node.links].flatMap(({ contenders }) => [...contenders]))) {
      if (!this.#names.isHolder(contender)) continue
      const { peer } = contender
      this.#calls.later(() => this.#ports[peer.isSuspected ? 'suspected' : 'recovered'](peer))
    }
  }

  #tryComplete(): void {
    if (this.#isComplete || this.#completeAt === Number.POSITIVE_INFINITY) return
    if (this.#opening.size > 0 && this.#ports.clock.now() < this.#completeAt) return
    this.#isComplete = true
    this.#opening.clear()
    for (const local of this.#locals.values()) this.#tryHold(local)
    this.#calls.later(() => this.#ports.complete())
  }

  #watch(deadline: number): void {
    this.#dueAt = Math.min(this.#dueAt, deadline)
    this.#sweep.watch(deadline)
  }

  /** Looks at everything that has a time; returns when to look again. */
  #check(now: number): number {
    const hasStalled = now - this.#dueAt > this.#links.lookMs
    this.#dueAt = Number.POSITIVE_INFINITY
    return this.#calls.do(() => {
      this.#tryComplete()
      let next = this.#isComplete ? Number.POSITIVE_INFINITY : this.#completeAt
      next = Math.min(next, this.#links.check(now, hasStalled))
      for (const local of this.#locals.values()) next = Math.min(next, this.#tryHold(local))
      this.#dueAt = Math.min(this.#dueAt, next)
      return next
    })
  }

  #reject(reason: string, error: RivuletError): RivuletError {
    this.#rejected.add(reason)
    this.#reports.report(error)
    return error
  }
}
