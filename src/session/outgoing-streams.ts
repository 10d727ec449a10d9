/**
 * What waits to go out on streams: for a connection, for the window of the link, or for credit of the stream.
 *
 * Streams that may send take turns, a fragment each, so that one with a lot to say holds up no other. Order holds within
 * a stream only. A stream that sends one item, its last, and finds room leaves no trace here; an answer that waits leaves little.
 */
import { Fifo } from '../lifecycle/index.js'
import type { LinkLimits } from '../wire/index.js'
import { Fragment, fragmentBytes } from './fragment.js'
import { itemFlag } from './item.js'
import { PackedAnswers, packedBytes } from './packed-answers.js'

/** An item that waits, written already. */
interface Item {
  readonly kind: number
  readonly flags: number
  readonly body: Buffer
}

/** The same in the list of its stream: most streams have one, and an array for it would be three times as large. */
interface WaitingItem extends Item {
  next: WaitingItem | undefined
}

/** The outgoing side of one stream. */
interface OutgoingStream {
  readonly stream: number
  /** What the peer still lets this side send, in bytes; below zero after a large item. */
  credit: number
  /** The items that wait, in order. */
  first: WaitingItem | undefined
  last: WaitingItem | undefined
  /** How much of the first waiting item has left. */
  offset: number
  /** Whether anything has left. */
  begun: boolean
  /** Whether it is among those that take turns. */
  ready: boolean
  /** What was refused on it, while somebody waits for room for that. */
  refused: ItemSize | undefined
}

/** Large items go in fragments. Each size has an outbox of its own, so that large ones keep no small ones out. */
export type ItemSize = 'small' | 'large'

/** The outgoing side of all streams of a session. */
export class OutgoingStreams {
  readonly #streams = new Map<number, OutgoingStream>()
  /** Streams with something to send and credit for it, and answers, in turn. */
  readonly #turns = new Fifo<OutgoingStream | PackedAnswers>()
  /** Answers whose turn it is, and those that others may join. */
  #leaving: PackedAnswers | undefined
  #joined: PackedAnswers | undefined
  #answers = 0
  readonly #wanting = new Set<OutgoingStream>()
  readonly #fragment = new Fragment()
  readonly #outboxBytes: number
  readonly #sign: 1 | -1
  /** What waits, in bytes. */
  readonly #waiting = { small: 0, large: 0 }
  /** Bytes of the items that have begun to leave in fragments: the peer holds them until they are whole. */
  #assembling = 0
  #limits: LinkLimits

  /**
   * @param outboxBytes - What may wait of each size, in bytes; the last item may go beyond it.
   * @param sign - That of the streams that this side opens.
   */
  constructor(limits: LinkLimits, outboxBytes: number, sign: 1 | -1) {
    this.#limits = limits
    this.#outboxBytes = outboxBytes
    this.#sign = sign
  }

  /** Bytes that wait. */
  get waitingBytes(): number {
    return this.#waiting.small + this.#waiting.large
  }

  /** Whether something waits for its turn, or somebody for room. */
  get isWaiting(): boolean {
    return this.#turns.length > 0 || this.#leaving !== undefined || this.#wanting.size > 0
  }

  /** Answers that wait. */
  get answers(): number {
    return this.#answers
  }

  /** Streams that have a state here. */
  get size(): number {
    return this.#streams.size
  }

  /** The longest body that waits, in bytes. */
  get longest(): number {
    let longest = this.#answers > 0 ? packedBytes : 0
    for (const { first } of this.#streams.values())
      for (let item = first; item; item = item.next) longest = Math.max(longest, item.body.length)
    return longest
  }

  /** What the peer lets this side send is known when the peer has said so; until then nothing leaves. */
  set limits(limits: LinkLimits) {
    for (const state of this.#streams.values()) {
      state.credit += limits.streamWindowBytes - this.#limits.streamWindowBytes
      this.#makeReady(state)
    }
    this.#limits = limits
  }

  /** Whether an item on this stream may leave now, as far as the stream is concerned. */
  isFree(stream: number): boolean {
    const state = this.#streams.get(stream)
    return state === undefined || (state.first === undefined && state.credit > 0)
  }

  /** Counts an item that has left without waiting. */
  left(stream: number, bytes: number, last: boolean): void {
    const state = this.#streams.get(stream)
    if (last) {
      if (state) this.#remove(state)
      return
    }
    const counted = state ?? this.#newStream(stream)
    counted.credit -= bytes
    counted.begun = true
  }

  /** Whether an item that was refused on the stream would be again: then it need not even be written. */
  wouldRefuse(stream: number): boolean {
    const refused = this.#streams.get(stream)?.refused
    return refused !== undefined && this.#isFull(refused)
  }

  /** Lets an item wait if there is room; else returns false, and remembers that somebody waits for it. */
  add(stream: number, { kind, flags, body }: Item): boolean {
    const size = sizeOf(body)
    if (this.#isFull(size)) {
      this.want(stream, size)
      return false
    }
    this.#waiting[size] += costOf(body.length)
    const known = this.#streams.get(stream)
    if (known === undefined && stream * this.#sign < 0 && flags & itemFlag.last && body.length <= packedBytes) {
      this.#pack(stream, kind, flags, body)
      return true
    }
    const item: WaitingItem = { kind, flags, body, next: undefined }
    const state = known ?? this.#newStream(stream)
    if (state.last) state.last.next = item
    else state.first = item
    state.last = item
    this.#makeReady(state)
    return true
  }

  /** Takes the next part that may leave, if there is one; it is lent until the next call, or until it is returned. */
  next(): Fragment | undefined {
    if (this.#leaving) return this.#takeAnswer(this.#leaving)
    for (let tries = this.#turns.length; tries > 0; tries--) {
      const state = this.#turns.shift() as OutgoingStream | PackedAnswers
      if (state instanceof PackedAnswers) return this.#takeAnswer(state)
      state.ready = false
      const item = state.first
      if (!item || state.credit <= 0) continue
      if (state.offset === 0 && !this.#mayBegin(item)) {
        this.#makeReady(state)
        continue
      }
      return this.#take(state, item)
    }
    return undefined
  }

  /** Takes back the part that was lent: its body may be large, or many answers. */
  returned(): void {
    this.#fragment.clear()
  }

  /** Adds credit; unknown streams have ended and need none. */
  grant(stream: number, bytes: number): void {
    const state = this.#streams.get(stream)
    if (!state) return
    state.credit = Math.min(this.#limits.streamWindowBytes, state.credit + bytes)
    this.#makeReady(state)
  }

  /** Whether no item of the stream has left. */
  isUnsent(stream: number): boolean {
    const state = this.#streams.get(stream)
    return state !== undefined && !state.begun
  }

  /** Remembers that somebody waits for room on a stream, perhaps for an item that was refused since too much waits. */
  want(stream: number, refused?: ItemSize): void {
    const state = this.#streams.get(stream) ?? this.#newStream(stream)
    state.refused ??= refused
    this.#wanting.add(state)
  }

  /** Returns the streams that waited for room and have it now. */
  takeWritable(): number[] {
    if (this.#wanting.size === 0) return []
    const writable: number[] = []
    for (const state of this.#wanting) {
      const { refused } = state
      if (state.first || state.credit <= 0 || (refused !== undefined && this.#isFull(refused))) continue
      this.#wanting.delete(state)
      state.refused = undefined
      writable.push(state.stream)
    }
    return writable
  }

  /** Drops what waits on a stream, but an answer, and forgets it; returns whether an item had left in part. */
  forget(stream: number): boolean {
    const state = this.#streams.get(stream)
    if (!state) return false
    const { first } = state
    for (let item = first; item; item = item.next) this.#waiting[sizeOf(item.body)] -= costOf(item.body.length)
    const inPart = first !== undefined && state.offset > 0
    if (inPart) this.#assembling -= first.body.length
    state.first = state.last = undefined
    this.#remove(state)
    return inPart
  }

  /** Forgets all. */
  clear(): void {
    this.#streams.clear()
    this.#wanting.clear()
    this.#turns.clear()
    this.#leaving = this.#joined = undefined
    this.#answers = 0
    this.#waiting.small = this.#waiting.large = this.#assembling = 0
  }

  #pack(stream: number, kind: number, flags: number, body: Buffer): void {
    if (!this.#joined?.hasRoom(body.length)) {
      this.#joined = new PackedAnswers()
      this.#turns.push(this.#joined)
    }
    this.#joined.add(stream, kind, flags, body)
    this.#answers += 1
  }

  #takeAnswer(answers: PackedAnswers): Fragment {
    const fragment = this.#fragment
    answers.take(fragment)
    this.#answers -= 1
    this.#waiting.small -= costOf(fragment.end - fragment.start)
    if (this.#joined === answers) this.#joined = undefined
    this.#leaving = answers.isEmpty ? undefined : answers
    return fragment
  }

  #take(state: OutgoingStream, item: WaitingItem): Fragment {
    const { kind, flags, body } = item
    const fragment = this.#fragment
    const left = body.length - state.offset
    const size = Math.min(fragmentBytes, left)
    const more = size < left
    fragment.stream = state.stream
    fragment.kind = kind
    fragment.flags = more ? (flags & ~itemFlag.last) | itemFlag.more : flags
    fragment.body = body
    fragment.start = state.offset
    fragment.end = state.offset + size
    if (more && state.offset === 0) this.#assembling += body.length
    state.begun = true
    state.offset += size
    if (more) {
      this.#makeReady(state)
      return fragment
    }
    if (fragment.start > 0) this.#assembling -= body.length
    state.offset = 0
    state.first = item.next
    if (item.next === undefined) state.last = undefined
    this.#waiting[sizeOf(body)] -= costOf(body.length)
    // an item counts when it is complete: a receiver must be able to complete what has begun
    state.credit -= body.length
    if (flags & itemFlag.last) this.#remove(state)
    else this.#makeReady(state)
    return fragment
  }

  /** A large item waits while the peer would have to hold too many. */
  #mayBegin({ body }: Item): boolean {
    if (body.length <= fragmentBytes || this.#assembling === 0) return true
    return this.#assembling + body.length <= this.#limits.assemblyBytes
  }

  #makeReady(state: OutgoingStream): void {
    if (state.ready || state.first === undefined || state.credit <= 0) return
    state.ready = true
    this.#turns.push(state)
  }

  #newStream(stream: number): OutgoingStream {
    const state: OutgoingStream = {
      stream,
      credit: this.#limits.streamWindowBytes,
      first: undefined,
      last: undefined,
      offset: 0,
      begun: false,
      ready: false,
      refused: undefined,
    }
    this.#streams.set(stream, state)
    return state
  }

  #isFull(size: ItemSize): boolean {
    return this.#waiting[size] >= this.#outboxBytes
  }

  #remove(state: OutgoingStream): void {
    this.#wanting.delete(state)
    this.#streams.delete(state.stream)
  }
}

function sizeOf(body: Buffer): ItemSize {
  return body.length > fragmentBytes ? 'large' : 'small'
}

/** What an item that waits takes of memory, in bytes: small ones take more than their bodies. */
function costOf(length: number): number {
  return length + 128
}
