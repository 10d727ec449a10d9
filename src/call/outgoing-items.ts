/**
 * The items of one call that go out: takes them from whatever source there is, as fast as the other side takes them.
 *
 * Iterables and Rivulet streams are pulled when there is credit, and so are sources of this package, without a promise for each
 * item. An observable cannot be paused: what it sends waits in the outbox of the session, and more than that takes ends the call.
 */

import type { WriteValue } from '../avro/codec.js'
import { isRivuletError, type RivuletError } from '../errors/index.js'
import { OncePerTurn, turnBudget } from '../lifecycle/index.js'
import type { ItemBody, SessionStreams } from '../session/index.js'
import { type Intake, type SendAllSource, sendAll } from '../stream/index.js'
import { callKind } from './call-kinds.js'
import { callError } from './failure.js'
import { type ReadyItems, ReadySource } from './ready-source.js'

/** The call that items belong to. None of these but `report` is called after `stop`. */
export interface OutgoingOwner {
  /** The source has completed, and everything was sent. */
  sourceEnded(): void
  /** The source failed. */
  sourceFailed(cause: unknown): void
  /** The value that was given as a source is not one. */
  noSource(error: RivuletError, value: unknown): void
  /** A value of the source cannot be sent. */
  valueRefused(cause: unknown, value: unknown): void
  /** The source cannot be paused, and the outbox has no room. */
  overflowed(): void
  /** The source failed while it was left. */
  report(error: RivuletError): void
}

/** The signals to `sendAll`; they are made once, since nobody sees them. */
const noRoom = callError('RIVULET_OUTBOX_FULL', 'the stream has no credit or the outbox no room', 'no')
const stopped = callError('RIVULET_CLOSED', 'the call has ended', 'no')

const nothing = (): void => {}

/** The way out of one call. */
export class OutgoingItems implements Intake<unknown>, ItemBody {
  readonly #owner: OutgoingOwner
  readonly #streams: SessionStreams
  readonly #stream: number
  readonly #write: WriteValue<unknown>
  #value: unknown
  #canPause = true
  #canRepeat = false
  #taken = false
  #over = false
  #stop = nothing
  #room: Promise<void> | undefined
  #makeRoom = nothing
  /** What a source of this package has, if it is one, and what was taken of it and found no room. */
  #ready: ReadyItems<unknown> | undefined
  #held: unknown

  constructor(owner: OutgoingOwner, streams: SessionStreams, stream: number, write: WriteValue<unknown>) {
    this.#owner = owner
    this.#streams = streams
    this.#stream = stream
    this.#write = write
  }

  /** Whether anything was taken from a source that cannot be taken again. */
  get taken(): boolean {
    return this.#taken && !this.#canRepeat
  }

  /** Sends what a source has. */
  run(source: unknown): void {
    if (ReadySource.is(source)) {
      const taking = new OncePerTurn(() => this.#takeReady())
      this.#ready = source.open(() => taking.schedule())
      this.#takeReady()
      return
    }
    this.#canPause = has(source, Symbol.asyncIterator) || has(source, Symbol.iterator)
    // each iteration of a list or a set begins at its first item; that of a generator does not, and others are unknown
    this.#canRepeat = has(source, Symbol.iterator) && !has(source, 'next')
    sendAll(this, source as SendAllSource<unknown>).then(
      () => {
        if (this.#finish()) this.#owner.sourceEnded()
      },
      (error: unknown) => {
        if (!this.#finish()) return
        if (isRivuletError(error, 'RIVULET_INVALID_OPTION')) this.#owner.noSource(error, source)
        else this.#owner.sourceFailed(isRivuletError(error, 'RIVULET_SOURCE_FAILED') ? error.cause : error)
      },
    )
  }

  /** Leaves the source at once. */
  stop(): void {
    if (!this.#finish()) return
    this.#stop()
    this.#ready?.leave()
  }

  /** What is sent leaves at once again. */
  writable(): void {
    this.#room = undefined
    this.#makeRoom()
    if (this.#ready !== undefined) this.#takeReady()
  }

  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number {
    return this.#write(this.#value, bytes, view, position, end)
  }

  offer(value: unknown): RivuletError | undefined {
    if (this.#over) return stopped
    this.#taken = true
    if (this.#canPause && !this.#streams.isWritable(this.#stream)) return noRoom
    this.#value = value
    try {
      this.#streams.send(this.#stream, callKind.item, 0, this)
      return undefined
    } catch (cause) {
      if (isRivuletError(cause, 'RIVULET_OUTBOX_FULL')) {
        this.#streams.isWritable(this.#stream) // after a query, a change is notified
        return noRoom
      }
      // the end of the session ends the call
      if (!isRivuletError(cause, 'RIVULET_CLOSED')) this.#owner.valueRefused(cause, value)
      this.stop()
      return stopped
    } finally {
      this.#value = undefined
    }
  }

  whenRoom(): Promise<void> {
    this.#room ??= new Promise((resolve) => {
      this.#makeRoom = resolve
    })
    return this.#room
  }

  onClosing(callback: () => void): () => void {
    this.#stop = callback
    if (this.#over) callback()
    return () => {
      this.#stop = nothing
    }
  }

  refused(error: RivuletError): void {
    if (error.code !== 'RIVULET_OUTBOX_FULL' || this.#over) return
    this.#owner.overflowed()
    this.stop()
  }

  report(error: RivuletError): void {
    // each refusal ends the call, which reports it
    if (error.code === 'RIVULET_SOURCE_FAILED') this.#owner.report(error)
  }

  /** Takes what there is, as long as there is room; `writable` continues when there is room again. */
  #takeReady(): void {
    const ready = this.#ready as ReadyItems<unknown>
    while (!this.#over && this.#streams.isWritable(this.#stream)) {
      let value = this.#held
      this.#held = undefined
      try {
        value ??= ready.take()
      } catch (cause) {
        if (this.#finish()) this.#owner.sourceFailed(cause)
        return
      }
      if (value === undefined) {
        if (ready.isEnded && this.#finish()) this.#owner.sourceEnded()
        return
      }
      if (this.offer(value) === noRoom) {
        this.#held = value
        return
      }
      if (turnBudget.spend()) {
        turnBudget.nextTurn(() => this.#takeReady())
        return
      }
    }
  }

  /** Tells whether this was the end. */
  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    return true
  }
}

/** Whether a source has a member. One that throws when it is asked has none: `sendAll` meets that, too, and fails. */
function has(source: unknown, member: PropertyKey): boolean {
  try {
    return typeof source === 'object' && source !== null && member in source
  } catch {
    return false
  }
}
