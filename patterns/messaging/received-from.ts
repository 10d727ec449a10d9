/**
 * What one peer remembers of those that send to it: the sequence that it expects of each incarnation, so that what is sent again
 * is taken once.
 */
import { memberOf, type PeerRef } from './peer-claim.js'

/** What is remembered of one incarnation of a sender. */
export interface ReceivedFrom {
  ref: PeerRef
  /** The sequence of the next message. */
  expected: number
  /** The attempt of its last stream: earlier ones are stale. */
  attempt: number
}

/** Incarnations that are remembered; of more, one is forgotten that is not present, of those the first to have sent. */
const maxRemembered = 65_536

/** The senders of one peer. */
export class ReceivedFromPeers {
  /** By incarnation and key. */
  readonly #byMember = new Map<string, ReceivedFrom>()
  readonly #isPresent: (member: string) => boolean

  /** @param isPresent - Whether a sender may still send: then it is not forgotten for others that come and go. */
  constructor(isPresent: (member: string) => boolean) {
    this.#isPresent = isPresent
  }

  /** Returns what is known of a sender, which begins to be remembered. */
  of(ref: PeerRef): ReceivedFrom {
    const member = memberOf(ref)
    const known = this.#byMember.get(member)
    if (known !== undefined) {
      known.ref = ref
      return known
    }
    if (this.#byMember.size >= maxRemembered) this.#forgetOne()
    const received = { ref, expected: 1, attempt: 0 }
    this.#byMember.set(member, received)
    return received
  }

  /** Those that are present go to the end, so that the next look finds another one first. */
  #forgetOne(): void {
    for (let left = this.#byMember.size; left > 0; left--) {
      const [member, received] = this.#byMember.entries().next().value as [string, ReceivedFrom]
      this.#byMember.delete(member)
      if (!this.#isPresent(member)) return
      this.#byMember.set(member, received)
    }
    this.#byMember.delete(this.#byMember.keys().next().value as string)
  }
}
