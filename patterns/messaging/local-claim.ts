/**
 * The claim of one peer of this node: what the other nodes answered, and when the name is held rather than asked for.
 */
import type { Contender, RemoteLink } from './contender.js'
import { type ClaimRefusal, maxEpoch } from './peer-claim.js'

/** How often a takeover claims again with a higher epoch. */
const maxRaises = 8

/** A claim of this node. */
export class LocalClaim {
  readonly contender: Contender
  /** Whether this node itself sees another holder; then the other nodes are not asked. */
  isLost = false
  readonly #answers = new Map<RemoteLink, 'accepted' | 'refused'>()
  /** Since when another node accepts it without a break. */
  #acceptedAt: number | undefined
  /** Whether it was refused and not accepted since. */
  #isContested = false
  /** Whether it was the holder: what was lost since is not taken back by force. */
  #wasHeld = false
  #raises = 0

  constructor(contender: Contender) {
    this.contender = contender
  }

  isAcceptedBy(link: RemoteLink): boolean {
    return this.#answers.get(link) === 'accepted'
  }

  /** Another node accepts it; returns whether that is new. */
  accepted(link: RemoteLink, now: number): boolean {
    if (this.isAcceptedBy(link)) return false
    this.#answers.set(link, 'accepted')
    this.#acceptedAt ??= now
    this.#isContested = false
    this.#wasHeld ||= this.contender.epoch > 0
    return true
  }

  /** Whether a refusal answers an older claim: a holder of a lower epoch is displaced. */
  isOutdated({ code, epoch }: ClaimRefusal): boolean {
    return code === 'RIVULET_NAME_TAKEN' && epoch < this.contender.epoch
  }

  /** Another node refuses it; returns whether that is new. */
  refused(link: RemoteLink): boolean {
    const isNew = this.#answers.get(link) !== 'refused'
    this.#answers.set(link, 'refused')
    this.#settleAnswers()
    this.#isContested = this.#acceptedAt === undefined
    return isNew
  }

  /** The session has ended. */
  forget(link: RemoteLink): void {
    this.#answers.delete(link)
    this.#settleAnswers()
  }

  /** This node sees another holder: what was answered does not count any more. */
  lost(): void {
    this.isLost = true
    this.contender.epoch = 0
    this.contender.takeover = false
    this.#answers.clear()
    this.#settleAnswers()
  }

  /** Claims with a higher epoch than the holder's, if it is to take over and was not the holder yet. */
  raise({ code, epoch }: ClaimRefusal): boolean {
    const { contender } = this
    if (!contender.takeover || this.#wasHeld || code !== 'RIVULET_NAME_TAKEN' || this.#raises >= maxRaises) return false
    if (!Number.isInteger(epoch) || epoch < contender.epoch || epoch >= maxEpoch) return false
    this.#raises += 1
    contender.epoch = epoch + 1
    return true
  }

  /** When the name is held, if nothing changes: infinite while it is refused, or has no answer. */
  heldAt(settleMs: number, isAlone: boolean): number {
    if (this.#acceptedAt !== undefined) return this.#acceptedAt + settleMs
    return isAlone && !this.#isContested ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }

  /** The name is held. */
  hold(): void {
    this.contender.epoch = 1
    this.#wasHeld = true
  }

  #settleAnswers(): void {
    for (const answer of this.#answers.values()) if (answer === 'accepted') return
    this.#acceptedAt = undefined
  }
}
