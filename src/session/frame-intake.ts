/**
 * Takes the items of frames: hands whole ones to the pattern, and does what the session's own ask for.
 *
 * A frame with very many items takes several turns of the event loop, and is held in between. Which frames are in order is
 * known to the session.
 */
import type { RivuletError } from '../errors/index.js'
import { type ItemCursor, type ItemTaker, readItems } from '../wire/index.js'
import { type IncomingStreams, violation } from './incoming-streams.js'
import { firstPatternKind, firstUrgentKind, itemFlag, maxUrgentBytes, sessionKind } from './item.js'
import { goodbyeError, readCredit } from './session-items.js'
import type { SessionStatus, StreamsHandler } from './session-streams.js'

/** What an intake needs of its session. */
export interface FrameIntakeOwner {
  readonly status: SessionStatus
  readonly handler: StreamsHandler | undefined
  /** The peer returns credit of a stream. */
  granted(stream: number, bytes: number): void
  /** Returns credit to the peer; of stream 0 at once, since its items are agreements. */
  consumed(stream: number, bytes: number): void
  /** The peer is about to close. */
  peerDrains(): void
  /** The peer has no use for a stream. */
  refused(stream: number): void
  end(reason: RivuletError): void
}

/** The items that come on one session. */
export class FrameIntake implements ItemTaker {
  readonly #owner: FrameIntakeOwner
  readonly #incoming: IncomingStreams
  readonly #spend: () => boolean
  readonly #cursor: ItemCursor = { position: 0, left: 0 }
  /** The frame of which items are left. */
  #held: Buffer | undefined

  /**
   * @param spend - Counts an item; returns whether the rest of its frame must wait for the next turn.
   */
  constructor(owner: FrameIntakeOwner, incoming: IncomingStreams, spend: () => boolean) {
    this.#owner = owner
    this.#incoming = incoming
    this.#spend = spend
  }

  /** Whether a part of a frame waits for the next turn. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Takes the items of a frame that begin at a position, or some of them; throws what codecs throw. */
  take(bytes: Buffer, position: number): void {
    this.#cursor.position = position
    this.#cursor.left = 0
    this.#takeFrom(bytes)
  }

  /** Takes more of the frame that is held; throws what codecs throw. */
  takeRest(): void {
    if (this.#held !== undefined) this.#takeFrom(this.#held)
  }

  /** Forgets what is held. */
  clear(): void {
    this.#held = undefined
  }

  takeItem(
    stream: number,
    kind: number,
    flags: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    const { handler } = this.#owner
    if (kind < firstUrgentKind) {
      this.#takeSessionItem(stream, kind, flags, bytes, start, end)
      return this.#mayContinue()
    }
    const last = (flags & itemFlag.last) !== 0
    const more = (flags & itemFlag.more) !== 0
    if (kind < firstPatternKind) {
      if (more || end - start > maxUrgentBytes) throw violation(`an urgent item on stream ${stream} is too large`)
      if (last) this.#incoming.forget(stream)
      handler?.onItem(stream, kind, flags, bytes, view, start, end)
    } else if (this.#incoming.isWhole(stream, more)) {
      this.#incoming.count(stream, end - start, last)
      handler?.onItem(stream, kind, flags, bytes, view, start, end)
      if (stream === 0) this.#owner.consumed(0, end - start)
    } else {
      const whole = this.#incoming.assemble(stream, kind, more, bytes.subarray(start, end))
      if (whole) {
        this.#incoming.count(stream, whole.length, last)
        const wholeView = new DataView(whole.buffer, whole.byteOffset, whole.length)
        handler?.onItem(stream, kind, flags, whole, wholeView, 0, whole.length)
        if (stream === 0) this.#owner.consumed(0, whole.length)
      }
    }
    return this.#mayContinue()
  }

  #takeFrom(bytes: Buffer): void {
    this.#held = undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (!readItems(bytes, view, this.#cursor, this) && this.#isOpen()) this.#held = bytes
  }

  #mayContinue(): boolean {
    return this.#isOpen() && !this.#spend()
  }

  /** Whether the rest of a frame is to be taken: a cut does not undo what has come. Handlers may change it. */
  #isOpen(): boolean {
    return this.#owner.status !== 'ended'
  }

  #takeSessionItem(stream: number, kind: number, flags: number, bytes: Buffer, start: number, end: number): void {
    if (kind === sessionKind.credit) this.#owner.granted(stream, readCredit(bytes, start, end))
    else if (kind === sessionKind.abandon) this.#incoming.abandon(stream)
    else if (kind === sessionKind.goodbye) this.#owner.end(goodbyeError())
    else if (kind === sessionKind.drain) this.#owner.peerDrains()
    else if (kind === sessionKind.refuse) this.#owner.refused(stream)
    else if (flags & itemFlag.critical) {
      throw violation(`it needs items of kind ${kind}, which this version does not know`)
    }
  }
}
