/**
 * What one peer remembers of those that send to it: the sequence that it expects of each incarnation, so that what is sent again
 * is taken once.
 */
import type { PeerRef } from './peer-claim.js'

/** What is remembered of one incarnation of a sender. */
export interface ReceivedFrom {
  ref: PeerRef
  /** The sequence of the next message. */
  expected: number
  /** The attempt of its last stream: earlier ones are stale. */
  attempt: number
}

/** Incarnations that are remembered; of more, the one is forgotten that sent its first message longest ago. */
const maxRemembered = 65_536

/** The senders of one peer. */
export class ReceivedFromPeers {
  readonly #byIncarnation = new Map<string, ReceivedFrom>()

  /** Returns what is known of a sender, which begins to be remembered. */
  of(ref: PeerRef): ReceivedFrom {
    const known = this.#byIncarnation.get(ref.incarnation)
    if (known !== undefined) {
      known.ref = ref
      return known
    }
    if (this.#byIncarnation.size >= maxRemembered) {
      this.#byIncarnation.delete(this.#byIncarnation.keys().next().value as string)
    }
    const received = { ref, expected: 1, attempt: 0 }
    this.#byIncarnation.set(ref.incarnation, received)
    return received
  }
}
