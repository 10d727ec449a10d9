/**
 * Who a peer is, what its node claims about it, and the order of two claims to one name.
 *
 * Nothing here keeps a state; `roster.ts` decides about claims.
 */
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'

/** Which peer: a name, one life of it, and its proven key where there is security. */
export interface PeerRef {
  /** The name, unique among the peers that a process knows. */
  readonly name: string
  /** One life of the peer: 32 hexadecimal digits, random for each {@link createPeer}. */
  readonly incarnation: string
  /** Whose key its process has proven to own; `undefined` without `security`. */
  readonly identity: PeerIdentity | undefined
}

/**
 * What distinguishes peers inside a process: the incarnation together with the proven key, so that a process that claims the
 * incarnation of another one does not keep its owner out.
 */
export function memberOf({ incarnation, identity }: Pick<PeerRef, 'incarnation' | 'identity'>): string {
  return memberWith(incarnation, identity?.publicKey)
}

/** The same of an id and a key, also for nodes. */
export function memberWith(id: string, publicKey: string | undefined): string {
  return publicKey === undefined ? id : `${id} ${publicKey}`
}

/** A claim of a peer to its name, as its node makes it. */
export interface PeerClaim {
  readonly name: string
  readonly incarnation: string
  /**
   * 0 as long as the name is only asked for, 1 when it is held; a takeover raises it above the epoch of the holder.
   *
   * A claim of epoch 0 never displaces a holder, so that a second process of one name is refused whatever its incarnation.
   */
  readonly epoch: number
  /** Whether it is to displace a holder. */
  readonly takeover: boolean
  /** The asks that the peer answers, each with the number of its answer. */
  readonly answers: ReadonlyMap<string, number>
}

/** Why a claim is not accepted. */
export interface ClaimRefusal {
  readonly incarnation: string
  readonly code: ErrorCode
  readonly message: string
  /** The epoch of the holder; a takeover claims again with a higher one. */
  readonly epoch: number
}

/** The length of names of peers and asks, in characters. */
const maxNameLength = 255

/** The asks of one peer. */
const maxAnswers = 1024

/** The highest epoch; a claim above it is invalid. */
export const maxEpoch = 2 ** 40

/** Returns why a claim of another process is invalid, if it is. */
export function claimProblem({ name, incarnation, epoch, answers }: PeerClaim): string | undefined {
  if (!isName(name)) return 'the name of a peer has 1 to 255 characters'
  if (!/^[0-9a-f]{32}$/.test(incarnation)) return 'an incarnation has 32 hexadecimal digits'
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > maxEpoch) return `an epoch is an integer from 0 to ${maxEpoch}`
  if (answers.size > maxAnswers) return `a peer answers at most ${maxAnswers} asks`
  for (const [ask, number] of answers) {
    if (!isName(ask)) return 'the name of an ask has 1 to 255 characters'
    if (!Number.isSafeInteger(number) || number < 0) return 'the number of an answer is an integer from 0 on'
  }
  return undefined
}

/** Whether one holder of a name wins against another, everywhere alike: by the higher epoch, then the smaller incarnation. */
export function winsOver(one: PeerClaim, other: PeerClaim): boolean {
  return one.epoch !== other.epoch ? one.epoch > other.epoch : one.incarnation < other.incarnation
}

/** The error for a peer whose name another one holds. */
export function nameTaken(name: string): RivuletError {
  return new RivuletError('RIVULET_NAME_TAKEN', `the name '${name}' is held by another peer`)
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= maxNameLength
}
