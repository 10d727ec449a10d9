/**
 * The counts that `stats()` shows; the unit is messages unless a name says otherwise.
 *
 * The sums always add up; the tests of every pattern hold them.
 */

/** Counts by reason; only reasons that occurred are there. */
export type Reasons = Readonly<Record<string, number>>

/** What became of the messages of a sender: `accepted = sent + dropped + pending`, all reasons of `dropped` added. */
export interface SenderStats {
  /** Taken from the caller. */
  readonly accepted: number
  /** Handed to the transport, which does not mean that anybody received them. */
  readonly sent: number
  /** Waiting in the outbox. */
  readonly pending: number
  /** Taken and then lost: `overflow`, `closed`, `transport`. */
  readonly dropped: Reasons
  /** Never taken: `invalid`, `too-large`, `full`, `closed`. */
  readonly refused: Reasons
  /** Bytes that wait in the outbox. */
  readonly pendingBytes: number
}

/** What became of the messages of a receiver: `received = delivered + dropped + pending`. */
export interface ReceiverStats {
  /** Arrived in frames that could be opened. */
  readonly received: number
  /** Handed to the application; once, whatever the number of subscribers. */
  readonly delivered: number
  /** Waiting to be delivered, or for the schema of their writer. */
  readonly pending: number
  /** Arrived and not delivered: `undecodable`, `incompatible-schema`, `unknown-schema`, `closed`. */
  readonly dropped: Reasons
  /** Frames, not messages, that could not be opened: `bad-frame`, `corrupt-frame`, `frame-too-large`. */
  readonly rejectedFrames: Reasons
}
