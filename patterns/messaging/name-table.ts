/**
 * Who holds which name: the contenders for each, the choice among them, and the keys that names belong to.
 *
 * It decides; what follows from a decision is up to its ports, which are called when the table is in its new state.
 */
import { type Contender, chooseHolder, type RemoteLink } from './contender.js'
import { NameKeys } from './name-keys.js'
import { type ClaimRefusal, maxEpoch, nameTaken, type PeerRef } from './peer-claim.js'
import type { LeaveReason } from './roster-contract.js'

/** What the table reports. */
export interface NameTablePorts {
  left(contender: Contender, reason: LeaveReason): void
  joined(contender: Contender): void
  /** The sessions, answers or epoch of a holder are others. */
  changed(contender: Contender): void
  conflict(winner: PeerRef, losers: readonly PeerRef[]): void
  /** A contender that is left in the table holds its name no longer: another one does. */
  superseded(contender: Contender): void
  /** The claim of a session is accepted, or refused. */
  answer(link: RemoteLink, incarnation: string, refusal: ClaimRefusal | undefined): void
}

const noContenders: ReadonlySet<Contender> = new Set()

/** One name. */
interface Name {
  readonly contenders: Set<Contender>
  holder: Contender | undefined
}

/** The names that a node knows. */
export class NameTable {
  readonly #ports: NameTablePorts
  readonly #names = new Map<string, Name>()
  /** Those that are known, by incarnation and key. */
  readonly #contenders = new Map<string, Contender>()
  readonly #keys = new NameKeys()

  constructor(ports: NameTablePorts) {
    this.#ports = ports
  }

  get holders(): readonly Contender[] {
    return [...this.#names.values()].flatMap(({ holder }) => holder ?? [])
  }

  holderOf(name: string): Contender | undefined {
    return this.#names.get(name)?.holder
  }

  /** The contender of an incarnation and a key, see `memberOf`. */
  get(member: string): Contender | undefined {
    return this.#contenders.get(member)
  }

  /** Those who want a name. */
  contendersFor(name: string): ReadonlySet<Contender> {
    return this.#names.get(name)?.contenders ?? noContenders
  }

  isHolder(contender: Contender): boolean {
    return this.holderOf(contender.ref.name) === contender
  }

  /** Whether a key may have a name. */
  allows(name: string, key: string | undefined): boolean {
    const owner = this.#keys.get(name)
    return owner === undefined || owner === key
  }

  /** Somebody contends for a name; `decide` is to follow. */
  enter(contender: Contender): void {
    const { name } = contender.ref
    this.#contenders.set(contender.member, contender)
    const entry = this.#names.get(name) ?? { contenders: new Set(), holder: undefined }
    this.#names.set(name, entry)
    entry.contenders.add(contender)
  }

  /** A session claims a name no longer. */
  unclaim(contender: Contender, link: RemoteLink, reason: LeaveReason): void {
    contender.unclaimed(link)
    if (contender.claims.size === 0) this.remove(contender, reason)
    else this.update(contender)
  }

  /** A contender gives up. */
  remove(contender: Contender, reason: LeaveReason): void {
    const { name } = contender.ref
    this.#contenders.delete(contender.member)
    const entry = this.#names.get(name)
    entry?.contenders.delete(contender)
    this.decide(name, reason)
    if (entry?.contenders.size === 0) this.#names.delete(name)
  }

  /** The claim of a contender is another. */
  update(contender: Contender): void {
    const wasHolder = this.isHolder(contender)
    this.decide(contender.ref.name)
    if (wasHolder && this.isHolder(contender)) this.#ports.changed(contender)
  }

  /** Chooses the holder of a name. */
  decide(name: string, reason: LeaveReason = 'lost'): void {
    const entry = this.#names.get(name)
    if (entry === undefined) return
    const { holder: before, contenders } = entry
    const candidates = [...contenders].filter((contender) => this.#mayHold(contender))
    const holder = chooseHolder(before, candidates)
    entry.holder = holder
    if (holder !== undefined && holder.epoch > 0 && holder.key !== undefined) this.#keys.held(name, holder.key)
    const isDisplaced = before !== undefined && before !== holder && candidates.includes(before)
    if (before !== undefined && before !== holder) this.#ports.left(before, isDisplaced ? 'superseded' : reason)
    if (holder === undefined) return
    if (before !== holder) this.#ports.joined(holder)
    const losers = candidates.filter((other) => other !== holder && holder.isConflictWith(other)).map(({ ref }) => ref)
    if (losers.length > 0) this.#ports.conflict(holder.ref, losers)
    if (before === holder) return
    if (isDisplaced) this.#ports.superseded(before)
    for (const contender of contenders) for (const link of contender.claims.keys()) this.answer(contender, link)
  }

  /** Answers the claim of one session, unless it has that answer. */
  answer(contender: Contender, link: RemoteLink): void {
    const claimed = contender.claims.get(link)
    const answer = this.isHolder(contender) ? 'accepted' : 'refused'
    // what a session that has lapsed is answered, is decided when it is resumed
    if (claimed === undefined || claimed.answered === answer || link.hasLapsed) return
    claimed.answered = answer
    const { name, incarnation } = contender.ref
    this.#ports.answer(link, incarnation, answer === 'accepted' ? undefined : this.#refusal(contender, name))
  }

  #refusal(contender: Contender, name: string): ClaimRefusal {
    const { code, message } = nameTaken(name)
    // no takeover is above the key of a name
    const epoch = this.#mayHold(contender) ? (this.holderOf(name)?.epoch ?? 0) : maxEpoch
    return { incarnation: contender.ref.incarnation, code, message, epoch }
  }

  #mayHold(contender: Contender): boolean {
    return contender.isReached && this.allows(contender.ref.name, contender.key)
  }
}
