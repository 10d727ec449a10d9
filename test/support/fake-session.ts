/**
 * Two ends of a session without a wire between them: items move when the test says so, and connections come and go by it.
 *
 * It keeps the contract of `SessionStreams` strictly, credit and urgent items included, and complains about whoever breaks
 * it. Bytes are spoiled after they were lent. What it keeps of streams is counted, so that a test sees what is left over.
 */
import { bufferFull } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import { firstPatternKind, type ItemBody, itemFlag } from '../../src/session/item.js'
import type { SessionStatus, SessionStreams, StreamsHandler } from '../../src/session/session-streams.js'

/** How a pair behaves. */
export interface FakeSessionOptions {
  /** Credit of a stream, in bytes. Default: 131,072. */
  readonly windowBytes?: number
  /** What may wait at one end, in bytes. Default: 8 MiB. */
  readonly outboxBytes?: number
  /** Whether bytes are spoiled after they were lent. Default: true. */
  readonly spoils?: boolean
  /** Whether the pair is connected from the beginning. Default: true. */
  readonly live?: boolean
  /** The clock of both ends, in milliseconds. Default: one that stands at 0. */
  readonly now?: () => number
}

interface Waiting {
  readonly kind: number
  readonly flags: number
  readonly body: Buffer
}

interface Outgoing {
  credit: number
  readonly waiting: Waiting[]
  begun: boolean
  wanted: boolean
}

interface Incoming {
  outstanding: number
}

const maxItemBytes = 16 * 1024 * 1024
const fieldsOfItem = 5

/** One end. */
export class FakeSession implements SessionStreams {
  status: SessionStatus = 'opening'
  suspected = false
  receivedAt = 0
  takenAt = 0
  draining = false
  retired = false
  handler: StreamsHandler | undefined
  peer: FakeSession | undefined
  /** While true, nothing leaves although there is a connection. */
  blocked = false
  readonly #options: Required<FakeSessionOptions>
  readonly sign: 1 | -1
  readonly #epoch: number
  #next: number
  #bytes: Buffer = Buffer.alloc(65_536)
  #view: DataView = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
  #end = 0
  /** Items that left: stream, kind, flags, start, end. */
  #left: number[] = []
  #taken = 0
  readonly #outgoing = new Map<number, Outgoing>()
  readonly #incoming = new Map<number, Incoming>()
  readonly #lastSent = new Set<number>()
  #urgent: (Waiting & { readonly stream: number })[] = []
  #waitingBytes = 0

  constructor(sign: 1 | -1, epoch: number, options: Required<FakeSessionOptions>) {
    this.sign = sign
    this.#next = sign
    this.#epoch = epoch
    this.#options = options
  }

  /** What is kept of streams but stream 0: nothing, when all are over. */
  get states(): number {
    const kept = (streams: ReadonlyMap<number, unknown>) => streams.size - (streams.has(0) ? 1 : 0)
    return kept(this.#outgoing) + kept(this.#incoming)
  }

  get settled(): boolean {
    const waiting = this.underWay + this.#urgent.length + this.#waitingBytes
    return this.status === 'ended' || waiting === 0
  }

  get hasRoom(): boolean {
    return this.status === 'live' && !this.blocked
  }

  /** Items that have left and were not delivered. */
  get underWay(): number {
    return (this.#left.length - this.#taken) / fieldsOfItem
  }

  openStream(): number {
    const stream = this.#next
    this.#next += this.sign
    return stream
  }

  send(stream: number, kind: number, flags: number, body: ItemBody): void {
    if (this.status === 'ended') throw new RivuletError('RIVULET_CLOSED', 'the session has ended')
    if (kind < firstPatternKind) {
      this.#urgent.push({ stream, kind, flags, body: this.#write(body) })
      this.flush()
      return
    }
    if (this.#options.spoils) {
      if (this.#lastSent.has(stream)) throw new Error(`an item follows the last one of stream ${stream}`)
    }
    if (this.hasRoom && this.#isFree(stream)) {
      const start = this.#end
      const end = this.#writeAt(start, body)
      if (end - start > maxItemBytes) throw new RivuletError('RIVULET_MESSAGE_TOO_LARGE', 'an item is too large')
      this.#end = end
      this.#leave(stream, kind, flags, start, end)
      const isLast = (flags & itemFlag.last) !== 0
      if (isLast) this.#outgoing.delete(stream)
      else {
        const state = this.#state(stream)
        state.credit -= end - start
        state.begun = true
      }
    } else {
      if (this.#waitingBytes >= this.#options.outboxBytes) {
        throw new RivuletError('RIVULET_OUTBOX_FULL', 'the outbox is full')
      }
      const bytes = this.#write(body)
      this.#state(stream).waiting.push({ kind, flags, body: bytes })
      this.#waitingBytes += bytes.length + 1
    }
    if (flags & itemFlag.last && this.#options.spoils) this.#lastSent.add(stream)
  }

  isWritable(stream: number): boolean {
    if (this.status === 'ended') return false
    if (this.hasRoom && this.#isFree(stream)) return true
    this.#state(stream).wanted = true
    return false
  }

  consumed(stream: number, bytes: number): void {
    const state = this.#incoming.get(stream)
    if (state === undefined) return
    if (bytes > state.outstanding) throw new Error(`credit was returned twice on stream ${stream}`)
    state.outstanding -= bytes
    const peer = this.peer as FakeSession
    const theirs = peer.#outgoing.get(stream)
    if (theirs !== undefined) theirs.credit += bytes
  }

  isUnsent(stream: number): boolean {
    const state = this.#outgoing.get(stream)
    return state !== undefined && !state.begun
  }

  forget(stream: number): void {
    for (const { body } of this.#outgoing.get(stream)?.waiting ?? []) this.#waitingBytes -= body.length + 1
    this.#outgoing.delete(stream)
    this.#incoming.delete(stream)
  }

  toSessionTime(time: number): number {
    return Math.round(time - this.#epoch)
  }

  fromSessionTime(time: number): number {
    return time + (this.peer as FakeSession).#epoch
  }

  /** Changes what a session says of itself, and tells the pattern. */
  become(change: Partial<Pick<FakeSession, 'status' | 'suspected' | 'draining'>>, reason?: RivuletError): void {
    Object.assign(this, change)
    this.handler?.onStatus(reason)
    if (this.status !== 'ended') return
    this.#outgoing.clear()
    this.#incoming.clear()
    this.#left = []
    this.#taken = 0
    this.#urgent = []
  }

  /** Lets everything leave that may. */
  flush(): void {
    if (!this.hasRoom) return
    for (const { stream, kind, flags, body } of this.#urgent.splice(0)) this.#leaveWritten(stream, kind, flags, body)
    if (this.#waitingBytes > 0) for (const [stream, state] of this.#outgoing) this.#flushStream(stream, state)
    for (const [stream, state] of [...this.#outgoing]) {
      if (!state.wanted || state.waiting.length > 0 || state.credit <= 0) continue
      state.wanted = false
      this.handler?.onWritable(stream)
    }
  }

  /** Gives the handler up to so many items of the peer; returns how many. */
  deliver(max: number): number {
    const peer = this.peer as FakeSession
    this.takenAt = this.#options.now()
    let count = 0
    for (; count < max && peer.#taken < peer.#left.length && this.status === 'live'; count++) {
      const at = peer.#taken
      peer.#taken += fieldsOfItem
      const [stream, kind, flags, start, end] = [0, 1, 2, 3, 4].map((i) => peer.#left[at + i] as number) as [
        number,
        number,
        number,
        number,
        number,
      ]
      this.#receive(stream, kind, flags, peer.#bytes, peer.#view, start, end)
    }
    if (peer.#taken === peer.#left.length) {
      peer.#left = []
      peer.#taken = 0
      peer.#end = 0
    }
    return count
  }

  /** As `deliver` of everything, without any care: for measurements. */
  deliverFast(): number {
    const peer = this.peer as FakeSession
    this.takenAt = this.#options.now()
    const [left, bytes, view] = [peer.#left, peer.#bytes, peer.#view]
    if (left.length === 0) return 0
    peer.#left = []
    peer.#bytes = spare.pop() ?? Buffer.alloc(bytes.length)
    peer.#view = new DataView(peer.#bytes.buffer, peer.#bytes.byteOffset, peer.#bytes.length)
    peer.#end = 0
    const handler = this.handler as StreamsHandler
    for (let i = 0; i < left.length; i += fieldsOfItem) {
      const [start, end] = [left[i + 3] as number, left[i + 4] as number]
      handler.onItem(left[i] as number, left[i + 1] as number, left[i + 2] as number, bytes, view, start, end)
    }
    spare.push(bytes)
    return left.length / fieldsOfItem
  }

  #receive(stream: number, kind: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number) {
    if (kind >= firstPatternKind) this.#count(stream, end - start, (flags & itemFlag.last) !== 0)
    const handler = this.handler as StreamsHandler
    if (!this.#options.spoils) {
      handler.onItem(stream, kind, flags, bytes, view, start, end)
      if (stream === 0 && kind >= firstPatternKind) this.consumed(0, end - start)
      return
    }
    // a copy, since what the handler sends may go where these bytes are
    const lent = Buffer.alloc(end - start + 32, 0x55)
    bytes.copy(lent, 16, start, end)
    handler.onItem(
      stream,
      kind,
      flags,
      lent,
      new DataView(lent.buffer, lent.byteOffset, lent.length),
      16,
      16 + end - start,
    )
    lent.fill(0xff)
    if (stream === 0 && kind >= firstPatternKind) this.consumed(0, end - start)
  }

  #count(stream: number, bytes: number, last: boolean): void {
    const state = this.#incoming.get(stream)
    if (state && state.outstanding >= this.#options.windowBytes) {
      throw new Error(`stream ${stream} was sent beyond its credit`)
    }
    if (last) this.#incoming.delete(stream)
    else if (state) state.outstanding += bytes
    else this.#incoming.set(stream, { outstanding: bytes })
  }

  #isFree(stream: number): boolean {
    const state = this.#outgoing.get(stream)
    return state === undefined || (state.waiting.length === 0 && state.credit > 0)
  }

  #state(stream: number): Outgoing {
    const known = this.#outgoing.get(stream)
    if (known) return known
    const state = { credit: this.#options.windowBytes, waiting: [], begun: false, wanted: false }
    this.#outgoing.set(stream, state)
    return state
  }

  #flushStream(stream: number, state: Outgoing): void {
    while (state.credit > 0) {
      const item = state.waiting.shift()
      if (!item) return
      const { kind, flags, body } = item
      this.#waitingBytes -= body.length + 1
      state.begun = true
      state.credit -= body.length
      this.#leaveWritten(stream, kind, flags, body)
      if (flags & itemFlag.last) this.#outgoing.delete(stream)
    }
  }

  #leaveWritten(stream: number, kind: number, flags: number, body: Buffer): void {
    const start = this.#end
    this.#end = this.#writeAt(start, { writeBody: (bytes, _view, at, end) => copyInto(body, bytes, at, end) })
    this.#leave(stream, kind, flags, start, this.#end)
  }

  #leave(stream: number, kind: number, flags: number, start: number, end: number): void {
    this.#left.push(stream, kind, flags, start, end)
  }

  #write(body: ItemBody): Buffer {
    const start = this.#end
    const end = this.#writeAt(start, body)
    if (end - start > maxItemBytes) throw new RivuletError('RIVULET_MESSAGE_TOO_LARGE', 'an item is too large')
    return Buffer.from(this.#bytes.subarray(start, end))
  }

  #writeAt(start: number, body: ItemBody): number {
    for (;;) {
      try {
        return body.writeBody(this.#bytes, this.#view, start, this.#bytes.length)
      } catch (cause) {
        if (cause !== bufferFull) throw cause
        const larger = Buffer.alloc(this.#bytes.length * 2)
        this.#bytes.copy(larger)
        this.#bytes = larger
        this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length)
      }
    }
  }
}

const spare: Buffer[] = []

function copyInto(body: Buffer, bytes: Buffer, at: number, end: number): number {
  if (at + body.length > end) throw bufferFull
  body.copy(bytes, at)
  return at + body.length
}
