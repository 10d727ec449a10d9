/**
 * Items: what a link carries, each of one stream. Their kinds and bodies are the business of the patterns.
 *
 * `docs/protocol.md` §Link frames. A stream belongs to the side that opened it: its numbers are positive for the side
 * that said HELLO, negative for the other; 0 is the stream that is always open, for agreements of the pattern.
 */

/** The bits of `flags`. */
export const itemFlag = {
  /** More fragments of the item follow; patterns never see it. */
  more: 1,
  /** The sender's last item of this stream. */
  last: 2,
  /** Who does not know the kind must refuse the stream; without it, the item is skipped. */
  critical: 4,
} as const

/** Kinds below this one are the session's own. */
export const firstPatternKind = 16

/** Writes the body of an item straight into the frame that leaves: a call is one, so that it costs no closure. */
export interface ItemBody {
  /**
   * Writes from `position` on and returns the position after it; never at or beyond `end`.
   *
   * Throws `bufferFull` where it needs more room, and anything else for a value that cannot be written. It may be called
   * again for the same item, with more room.
   */
  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number
}
