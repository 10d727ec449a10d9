/**
 * Incoming streams: credit that is still to be returned, and items that arrive in fragments.
 *
 * A sender may begin an item while it has credit, whatever the size of the item. What an untrusted peer makes this side hold is
 * bounded by the limits that this side has told.
 */
import { RivuletError } from '../errors/index.js'
import type { LinkLimits } from '../wire/index.js'

/** Fragments that more follow are at least this long, in bytes: many small ones of an untrusted peer would take more to hold. */
const minFragmentBytes = 4096

/** The state of a stream that has sent more than one whole last item. */
interface IncomingStream {
  /** Bytes that came and for which no credit was returned yet. */
  outstanding: number
  /** Bytes of them that were consumed. */
  consumed: number
  /** Fragments of the item that is coming in, and what they have in common. */
  fragments: Buffer[] | undefined
  kind: number
  assembled: number
}

/** The incoming side of all streams of a session. */
export class IncomingStreams {
  readonly #limits: LinkLimits
  readonly #streams = new Map<number, IncomingStream>()
  /** Bytes of all items that come in in fragments. */
  #assembling = 0

  constructor(limits: LinkLimits) {
    this.#limits = limits
  }

  /** Streams that have a state here. */
  get size(): number {
    return this.#streams.size
  }

  /** Bytes of fragments that are held. */
  get assembling(): number {
    return this.#assembling
  }

  /** Whether an item is whole as it is: nothing is remembered of a stream that has one item. */
  isWhole(stream: number, more: boolean): boolean {
    return !more && this.#streams.get(stream)?.fragments === undefined
  }

  /**
   * Counts an item against the credit of its stream.
   *
   * @throws RIVULET_PROTOCOL_VIOLATION
   */
  count(stream: number, bytes: number, last: boolean): void {
    const state = this.#streams.get(stream)
    if (last) {
      // nothing comes after it, so it needs no credit; the stream may still have credit to return for what came before
      if (!state) return
      this.#checkCredit(stream, state)
      this.#streams.delete(stream)
    } else if (state) {
      this.#checkCredit(stream, state)
      state.outstanding += bytes
    } else {
      this.#streams.set(stream, newStream(bytes))
    }
  }

  /**
   * Takes a fragment; returns the whole item with its last one.
   *
   * @throws RIVULET_PROTOCOL_VIOLATION
   */
  assemble(stream: number, kind: number, more: boolean, fragment: Buffer): Buffer | undefined {
    let state = this.#streams.get(stream)
    if (!state) {
      state = newStream(0)
      this.#streams.set(stream, state)
    }
    if (!state.fragments) {
      this.#checkCredit(stream, state)
      state.fragments = []
      state.kind = kind
    }
    if (state.kind !== kind) throw violation(`an item on stream ${stream} begins within another`)
    if (more && fragment.length < minFragmentBytes) throw violation(`a fragment has ${fragment.length} bytes`)
    state.assembled += fragment.length
    this.#assembling += fragment.length
    if (state.assembled > this.#limits.itemBytes) throw violation(`an item on stream ${stream} is too large`)
    if (this.#assembling > this.#limits.assemblyBytes) throw violation('too many large items at once')
    // a copy: the frame would stay in memory as a whole
    state.fragments.push(Buffer.from(fragment))
    if (more) return undefined
    const whole = Buffer.concat(state.fragments)
    this.#dropFragments(state)
    return whole
  }

  /** The sender gives up the item that is coming in; a stream that was forgotten has none. */
  abandon(stream: number): void {
    const state = this.#streams.get(stream)
    if (!state) return
    this.#dropFragments(state)
    // all that came of it was that item
    if (state.outstanding === 0) this.#streams.delete(stream)
  }

  /** Counts bytes as consumed; returns how much credit to return now: nothing, or at least half a window. */
  consumed(stream: number, bytes: number): number {
    const state = this.#streams.get(stream)
    if (!state) return 0
    state.consumed = Math.min(state.outstanding, state.consumed + bytes)
    if (state.consumed < this.#limits.streamWindowBytes >> 1) return 0
    const credit = state.consumed
    state.outstanding -= credit
    state.consumed = 0
    return credit
  }

  /** Forgets a stream. */
  forget(stream: number): void {
    const state = this.#streams.get(stream)
    if (!state) return
    this.#dropFragments(state)
    this.#streams.delete(stream)
  }

  /** Forgets all. */
  clear(): void {
    this.#streams.clear()
    this.#assembling = 0
  }

  #checkCredit(stream: number, { outstanding }: IncomingStream): void {
    if (outstanding >= this.#limits.streamWindowBytes) throw violation(`stream ${stream} was sent beyond its credit`)
  }

  #dropFragments(state: IncomingStream): void {
    this.#assembling -= state.assembled
    state.assembled = 0
    state.fragments = undefined
  }
}

function newStream(outstanding: number): IncomingStream {
  return { outstanding, consumed: 0, fragments: undefined, kind: 0, assembled: 0 }
}

/** The error for a peer that breaks the protocol. */
export function violation(message: string): RivuletError {
  return new RivuletError('RIVULET_PROTOCOL_VIOLATION', `a peer breaks the protocol: ${message}`)
}
