/**
 * The contract between a connection and what makes messages of its bytes, and bytes of its messages.
 *
 * A framing is pure: no sockets, no timers of its own. A reader and a writer belong to one connection.
 */
import type { Clock } from '../../../src/clock/index.js'
import type { RivuletError } from '../../../src/errors/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'

/** What a reader and a writer see of their connection. */
export interface FramingScope {
  readonly clock: Clock
  /** Whether this side has accepted the connection, or made it. */
  readonly side: 'bind' | 'connect'
  /** What messages call the connection. */
  name(): string
  /** Takes failures of single messages; they do not end the connection. */
  report(error: RivuletError): void
  /** Counts messages that arrived and cannot be delivered; the reason appears in `stats().dropped`. */
  lose(reason: string, messages: number): void
  /** Asks for `take` of the writer at the end of this turn, for bytes that belong to no message. */
  wake(): void
}

/** Makes messages of the bytes of one connection. */
export interface FrameReader<Out> {
  /** Bytes that it keeps of a frame whose end has not arrived. */
  readonly buffered: number
  /**
   * Whether the peer has sent what must come before the first message, where the framing has such a thing.
   *
   * The connection is handed to the application from then on; an accepted one counts as silent before. Absent where there
   * is no such thing.
   */
  readonly isAgreed?: boolean
  /**
   * Why it reads no more: bytes that are invalid or exceed a limit.
   *
   * Looked at after each `receive`: the connection is destroyed with it, and the messages before it are delivered, so that
   * the outcome does not depend on where the bytes were cut.
   */
  readonly failure: RivuletError | undefined
  /**
   * Takes the next bytes, which are its own from now on; returns the messages that they complete.
   *
   * It never throws. What exceeds a limit is a `failure` before it is kept.
   */
  receive(chunk: Buffer): readonly CheckedSupply<Out>[]
  /** The peer has closed its half; returns what is wrong with that, such as an incomplete frame. */
  end(): RivuletError | undefined
}

/** Bytes of whole messages, which leave together or not at all. */
export interface WrittenFrames {
  /** As few buffers as possible; the connection does not change them. */
  readonly parts: readonly Buffer[]
  /** All parts together. */
  readonly bytes: number
  /** Messages in them; 0 for bytes that only the protocol knows, which are never dropped. */
  readonly messages: number
  /** Called once when nobody reads the parts any more; not if the connection ends before. */
  readonly taken?: (() => void) | undefined
}

/** Makes bytes of the messages of one connection. */
export interface FrameWriter<In> {
  /** Bytes that were written and not taken. */
  readonly bytes: number
  /**
   * Takes a message.
   *
   * @throws RivuletError RIVULET_INVALID_MESSAGE or RIVULET_MESSAGE_TOO_LARGE: then nothing of it is written.
   */
  write(value: In): void
  /**
   * Returns what was written since the last time, in order.
   *
   * The connection asks when it opens, at the end of each turn, and when `bytes` reaches the size of a frame.
   */
  take(): readonly WrittenFrames[]
  /** Writes what shows the peer that nothing follows, for `take` to return; the connection then closes its half. */
  end?(): void
  /**
   * Returns the last bytes of a connection that fails because of its peer, which let the peer report the same; none where
   * it would not understand them.
   *
   * The connection sends them behind what it has sent, closes its half, and is destroyed when the peer has closed its own
   * half, or after a bounded time.
   */
  refuse?(failure: RivuletError): readonly Buffer[]
}

/** The two sides of a framing for one connection. */
export interface FramedConnection<In, Out> {
  readonly reader: FrameReader<Out>
  readonly writer: FrameWriter<In>
}

/**
 * How a byte stream is cut into messages: `lines()`, `delimited(…)`, `lengthPrefixed(…)`, `bytes()`.
 *
 * One framing may serve any number of connections.
 */
export interface Framing<In, Out = In> {
  /** What messages call it: `lines`. */
  readonly name: string
  /** @internal */
  open(scope: FramingScope): FramedConnection<In, Out>
}
