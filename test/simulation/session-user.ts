/**
 * What a simulated pattern does on one side of a session: opens streams, answers, cancels, floods, and takes its time.
 *
 * It keeps to the contract of `session-streams.ts`, and tells the oracle everything.
 */
import { isRivuletError, type RivuletError } from '../../src/errors/index.js'
import type { StreamsHandler } from '../../src/session/index.js'
import { firstPatternKind, firstUrgentKind, itemFlag, maxUrgentBytes } from '../../src/session/item.js'
import type { Random } from './random.js'
import { bodyOf, maxBodyBytes, placeOf } from './sent-bodies.js'
import type { SessionOracle } from './session-oracle.js'
import type { Side } from './session-side.js'

/** How large items are. */
export type Size = 'tiny' | 'small' | 'page' | 'frame' | 'fragments' | 'large'

/** What users are like. */
export interface UserHabits {
  /** That what comes is consumed late. */
  readonly slow: number
  readonly slowMs: number
  /** That a stream asks for room before it sends. */
  readonly polite: number
  readonly sizes: readonly Size[]
  /** Items that one stream sends at the most. */
  readonly items: number
}

/** What a user needs of the process that it lives in. */
export interface UserPorts {
  readonly random: Random
  readonly oracle: SessionOracle
  scheduled(delayMs: number, action: () => void): void
  ended(side: Side, reason: RivuletError): void
}

const kindOfCancel = firstUrgentKind
const kindOfPing = firstUrgentKind + 1

interface UserStream {
  readonly stream: number
  readonly size: Size
  readonly polite: boolean
  /** Items that are still to be sent. */
  left: number
  sentLast: boolean
  gotLast: boolean
}

/** One side's user. */
export class SessionUser implements StreamsHandler {
  readonly side: Side
  readonly #habits: UserHabits
  readonly #ports: UserPorts
  readonly #streams = new Map<number, UserStream>()
  /** Streams that were forgotten: what still comes on them is forgotten again. */
  readonly #forgotten = new Set<number>()
  #hasten = false

  constructor(side: Side, habits: UserHabits, ports: UserPorts) {
    this.side = side
    this.#habits = habits
    this.#ports = ports
  }

  /** Streams that are not over. */
  get open(): number {
    return this.#streams.size
  }

  /** Does one thing. */
  act(): void {
    const { random } = this.#ports
    const what = random.below(20)
    if (what < 9) this.#open(random.between(1, this.#habits.items), random.pick(this.#habits.sizes))
    else if (what < 10) this.#flood()
    else if (what < 12) this.#ping()
    else if (what < 15) this.#cancelOne()
    else for (const one of this.#streams.values()) this.#drive(one, random.between(1, 10))
  }

  /** Brings all streams to their end; those that ask for room end when they are told that there is some. */
  finish(): void {
    this.#hasten = true
    for (const one of this.#streams.values()) {
      if (one.polite || one.left === 0) continue
      this.#drive(one, one.left)
      if (one.left > 0) break // there is no room
    }
  }

  onItem(
    stream: number,
    kind: number,
    flags: number,
    bytes: Buffer,
    _view: DataView,
    start: number,
    end: number,
  ): void {
    const { oracle, random } = this.#ports
    oracle.arrived(this.side, stream, kind, flags, bytes, start, end)
    if (kind === kindOfPing) return
    if (kind === kindOfCancel) {
      this.#forget(stream)
      return
    }
    if (this.#forgotten.has(stream)) {
      this.side.session.forget(stream)
      return
    }
    const one = this.#streams.get(stream) ?? this.#answer(stream)
    if (flags & itemFlag.last) {
      one.gotLast = true
      this.#look(one)
      return
    }
    const size = end - start
    if (!this.#hasten && random.chance(this.#habits.slow)) {
      this.#ports.scheduled(random.below(this.#habits.slowMs), () => this.#consume(stream, size))
    } else this.#consume(stream, size)
  }

  onWritable(stream: number): void {
    const one = this.#streams.get(stream)
    if (one) this.#drive(one, one.left)
  }

  onStatus(reason: RivuletError | undefined): void {
    const { oracle, ended } = this.#ports
    oracle.looked(this.side, reason)
    if (this.side.ended) ended(this.side, reason as RivuletError)
  }

  #open(items: number, size: Size): void {
    const { scheduled, random } = this.#ports
    const { stream } = this.#begin(this.side.session.openStream(), items, size)
    if (isLarge(size) && random.chance(0.3)) scheduled(random.below(300), () => this.#cancel(stream))
  }

  #flood(): void {
    const { random } = this.#ports
    if (random.chance(0.5)) for (let count = random.below(300); count > 0; count--) this.#open(1, 'tiny')
    else this.#open(random.below(300) + 1, 'tiny')
  }

  #answer(stream: number): UserStream {
    const { random } = this.#ports
    return this.#begin(
      stream,
      random.chance(0.7) ? 1 : random.between(1, this.#habits.items),
      random.pick(this.#habits.sizes),
    )
  }

  #begin(stream: number, items: number, size: Size): UserStream {
    const { random } = this.#ports
    const polite = random.chance(this.#habits.polite)
    const left = isLarge(size) ? Math.min(items, 3) : items
    const one = { stream, size, polite, left, sentLast: false, gotLast: false }
    this.#streams.set(stream, one)
    this.#drive(one, polite ? left : random.between(1, left))
    return one
  }

  /** Sends some of what a stream has to send. */
  #drive(one: UserStream, most: number): void {
    const { session } = this.side
    for (let count = 0; count < most && one.left > 0; count++) {
      if (this.#streams.get(one.stream) !== one || this.side.ended) return
      if (one.polite && !session.isWritable(one.stream)) return
      if (!this.#send(one, this.#sizeOf(one.size))) {
        if (one.polite) session.isWritable(one.stream)
        return
      }
    }
    this.#look(one)
  }

  /** Sends the next item; returns whether it was taken. */
  #send(one: UserStream, size: number): boolean {
    const { session, number } = this.side
    const { oracle, random } = this.#ports
    const { stream } = one
    const flags = one.left === 1 ? itemFlag.last : 0
    const kind = firstPatternKind + random.below(3)
    const body = { place: placeOf(number, stream, one.left), size }
    try {
      session.send(stream, kind, flags, bodyOf(body))
    } catch (error) {
      if (isRivuletError(error, 'RIVULET_OUTBOX_FULL')) return false
      if (isRivuletError(error, 'RIVULET_MESSAGE_TOO_LARGE') && size > 65_536) return this.#send(one, 10)
      throw error
    }
    oracle.sent(this.side, stream, { ...body, kind, flags })
    one.left -= 1
    one.sentLast = flags !== 0
    return true
  }

  #ping(): void {
    this.#sendUrgent(0, kindOfPing, this.#ports.random.below(maxUrgentBytes + 1))
  }

  #sendUrgent(stream: number, kind: number, size: number): void {
    const { session, number } = this.side
    const body = { place: placeOf(number, stream, -this.side.logOf(stream).urgent.length), size }
    session.send(stream, kind, 0, bodyOf(body))
    this.#ports.oracle.sent(this.side, stream, { ...body, kind, flags: 0 })
  }

  #cancelOne(): void {
    const streams = [...this.#streams.keys()]
    if (streams.length > 0) this.#cancel(this.#ports.random.pick(streams))
  }

  #cancel(stream: number): void {
    if (!this.#streams.has(stream) || this.side.ended) return
    const isMine = stream > 0 === (this.side.role === 'dialer')
    const isUnsent = isMine && this.side.session.isUnsent(stream)
    this.#forget(stream, isUnsent)
    if (!isUnsent) this.#sendUrgent(stream, kindOfCancel, 0)
  }

  #forget(stream: number, wasUnsent = false): void {
    this.#streams.delete(stream)
    this.#forgotten.add(stream)
    this.side.session.forget(stream)
    this.#ports.oracle.forgot(this.side, stream, wasUnsent)
  }

  #consume(stream: number, bytes: number): void {
    if (this.#forgotten.has(stream) || this.side.ended) return
    this.#ports.oracle.consumed(this.side, stream, bytes)
    this.side.session.consumed(stream, bytes)
  }

  /** A stream is over when both sides have sent their last item. */
  #look(one: UserStream): void {
    if (one.sentLast && one.gotLast) this.#streams.delete(one.stream)
  }

  #sizeOf(size: Size): number {
    const { random } = this.#ports
    const { itemBytes } = this.side.limits
    switch (size) {
      case 'tiny':
        return random.below(20)
      case 'small':
        return random.below(300)
      case 'page':
        return random.below(9000)
      case 'frame':
        return Math.min(itemBytes, 65_000 + random.below(1200))
      case 'fragments':
        return Math.min(itemBytes, 32_760 * random.between(1, 4) + random.below(20))
      case 'large':
        return Math.min(itemBytes, maxBodyBytes, random.below(2 ** (random.chance(0.05) ? 22 : random.between(16, 19))))
    }
  }
}

/** Whether such items go in fragments. */
function isLarge(size: Size): boolean {
  return size === 'large' || size === 'fragments'
}
