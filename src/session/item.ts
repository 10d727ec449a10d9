/**
 * Items: what a link carries, each of one stream. Patterns define their kinds and bodies.
 *
 * `docs/reference/protocol` §Link frames. A stream belongs to the side that opened it: its numbers are positive for the side
 * that said HELLO, negative for the other; 0 is the stream that is always open, for agreements of the pattern.
 */

/** Writes the body of an item straight into the frame that leaves: a call is one, so that it costs no closure. */
export type { BodyWriter as ItemBody } from '../wire/index.js'

/** The bits of `flags`. */
export const itemFlag = {
  /** More fragments of the item follow; patterns never see it. */
  more: 1,
  /** The sender's last item of this stream. */
  last: 2,
  /** Who does not know the kind must refuse the stream; without it, the item is skipped. */
  critical: 4,
} as const

/** The items of the session itself. */
export const sessionKind = {
  /** Returns credit: the body is a long, the bytes that were consumed of the stream. */
  credit: 1,
  /** On stream 0, empty: no new streams, please; this side is about to close. */
  drain: 2,
  /** On stream 0, empty: an orderly end of the session. */
  goodbye: 3,
  /** Empty: the item whose fragments have begun to come on the stream is given up, and they are dropped. */
  abandon: 4,
  /** Empty: this side has no use for the stream, on which a critical item of an unknown kind came. */
  refuse: 5,
} as const

/** Kinds from here on are for short items of patterns that go before all that wait, and need no credit. */
export const firstUrgentKind = 8

/** The longest body of such an item, in bytes. */
export const maxUrgentBytes = 1024

/** Kinds from here on are for all other items of patterns. */
export const firstPatternKind = 16
