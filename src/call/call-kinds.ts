/**
 * The kinds of items that make up calls, and which of them go where.
 *
 * `docs/reference/protocol` §Calls. Stream 0 carries the agreement on services; every other stream is one call. The server ends
 * each stream with exactly one item that is its last, except for a one-way call and for one that was cancelled. A request
 * that is no stream is the client's last item, so that nobody has to remember the stream; only `cancel` may follow it,
 * which goes before all that waits and belongs to no order.
 */
import { firstPatternKind, firstUrgentKind, type ItemRange } from '../session/index.js'

/** What an item of a call is. 8 and 16 to 31 are those of calls. */
export const callKind = {
  /** Stream 0, client: announces a service that it will call. */
  bind: firstPatternKind,
  /** Stream 0, server: asks for the text of a service whose hash it does not know. */
  needText: firstPatternKind + 1,
  /** Stream 0, both: a piece of the text of a service. */
  text: firstPatternKind + 2,
  /** Stream 0, server: a method that cannot be called. */
  refusal: firstPatternKind + 3,
  /** Stream 0, server: the methods of the service that were not refused may be called. */
  bound: firstPatternKind + 4,
  /** Client: opens the stream. */
  request: firstPatternKind + 5,
  /** Both: a value. */
  item: firstPatternKind + 6,
  /** Both: there are no more values. */
  end: firstPatternKind + 7,
  /** Server: a declared error. */
  error: firstPatternKind + 8,
  /** Server: any other failure. */
  failure: firstPatternKind + 9,
  /** Stream 0, client: will call the service of a binding no more. */
  unbind: firstPatternKind + 10,
  /** Client: wants nothing more. */
  cancel: firstUrgentKind,
} as const

const kinds = { first: firstPatternKind, last: firstPatternKind + 15, urgent: firstUrgentKind }

/** The items of a client: those on the streams that it opens. */
export const clientItems: ItemRange = Object.freeze({ ...kinds, opened: true, accepted: false })

/** The items of a server: those on the streams that its clients open. */
export const serverItems: ItemRange = Object.freeze({ ...kinds, opened: false, accepted: true })
