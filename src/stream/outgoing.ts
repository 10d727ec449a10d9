/**
 * The way out of one resource: takes messages into its writers, and lets what one turn produced leave at its end.
 *
 * It applies the overflow policy and keeps the counts. Writers make frames of messages.
 */
import { type ErrorCode, RivuletError } from '../errors/index.js'
import { Fifo, newList, OncePerTurn } from '../lifecycle/index.js'
import { publishDrop, Tally } from '../observe/index.js'
import { type Intake, type Refusal, shed } from './intake.js'
import type { SenderStats } from './stats.js'

/**
 * What happens to a message when the outbox is full: `block` makes `send` wait and `next` report; `error` makes both
 * report at once; `drop-oldest` makes room by dropping what waits longest; `drop-newest` drops the message itself.
 */
export type OverflowPolicy = 'block' | 'drop-oldest' | 'drop-newest' | 'error'

/** The policies, for option rules. */
export const overflowPolicies = [
  'block',
  'drop-oldest',
  'drop-newest',
  'error',
] as const satisfies readonly OverflowPolicy[]

/** Gathers messages into frames; `BatchWriter` of the wire is one. `Owner` is notified of the outcome of its message. */
export interface Writer<In, Owner = never> {
  /** Messages that were taken and are not in a frame yet. */
  readonly count: number
  readonly bytes: number
  /** Takes a message; returns why not. */
  append(value: In, owner?: Owner): RivuletError | undefined
  /** Makes frames of what was taken. */
  flush(): void
}

/** Where frames wait; the `Outbox` of a socket is one. */
export interface Queue {
  readonly sent: number
  /** Whether there is no room; what was withdrawn is taken out first. */
  isFull(): boolean
  /** What waits, behind the end of a turn; what was withdrawn is taken out first. */
  pending(): { readonly messages: number; readonly bytes: number }
  dropOldest(): number
  whenRoom(): Promise<void>
  whenEmpty(): Promise<void>
}

/** A queue that knows when it is of no use to make a frame now: later it has more in it, and leaves no later. */
export interface Backlog {
  /** Whether so many frames wait that another would leave no earlier if it were made now. */
  readonly isAhead: boolean
  /** Frames that were added so far, and those of them that have left. */
  readonly added: number
  readonly left: number
  /** Counts messages that gather in the limit of the queue, in bytes; a negative number for those that are in a frame now. */
  gather(bytes: number): void
  /** Calls back once: when no frame waits any more, or when so many have left. Replaces who was to be called. */
  whenFewer(left: number, callback: () => void): void
}

/** A writer, and whether it waits for the end of the turn. */
interface Lane {
  readonly writer: Pick<Writer<never>, 'count' | 'bytes' | 'flush'>
  waits: boolean
  /** Whether it gathers beyond the end of a turn; the bytes that are counted of it, and after which frame its turn has come. */
  isHeld: boolean
  heldBytes: number
  dueAfter: number
}

/** What an `Outgoing` needs of its resource. */
export interface OutgoingPorts {
  readonly overflow: OverflowPolicy
  /** The queue, from the first message on: the same one each time. */
  queue(): Queue
  /**
   * Where writers are many: the queue, behind whose frames they gather; the same one each time.
   * Default: each turn ends with frames of all.
   */
  backlog?(): Backlog
  /** Names the resource. */
  name(): string
  isOpen(): boolean
  /** Why it takes nothing although it was not closed, if that is so. */
  failure?(): RivuletError | undefined
  /** Calls back when it is not open any more, or at once if that is so; returns how to take that back. */
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
}

/** The reasons in `refused`, by the code of the refusal. */
const refusalReasons: Partial<Record<ErrorCode, string>> = {
  RIVULET_INVALID_MESSAGE: 'invalid',
  RIVULET_MESSAGE_TOO_LARGE: 'too-large',
  RIVULET_OUTBOX_FULL: 'full',
  RIVULET_CLOSED: 'closed',
  RIVULET_NAME_TAKEN: 'name-taken',
  RIVULET_STORE_FAILED: 'store-failed',
  RIVULET_STORE_FULL: 'store-full',
}

const none: readonly Lane[] = []

/** The way out of one resource. */
export class Outgoing {
  readonly #ports: OutgoingPorts
  /** Those of the ports, from the first message on: to ask for them costs several calls, for each message. */
  #queue: Queue | undefined
  #backlog: Backlog | undefined
  readonly #dropped = new Tally()
  readonly #refused = new Tally()
  /** The writers that took something in this turn, each once. */
  #unflushed: Lane[] | undefined
  /** The writers of earlier turns that gather more, the one first that has waited longest. */
  readonly #held = new Fifo<Lane>()
  #accepted = 0
  /** Messages that found no room in this turn: reported together, since a flood of them would cost a flood of errors. */
  #unreportedFull = 0
  readonly #flushes = new OncePerTurn(() => this.#endTurn())
  readonly #scheduleFlush = () => this.#flushes.schedule()

  constructor(ports: OutgoingPorts) {
    this.#ports = ports
  }

  /** The intake of one writer. */
  intake<In, Owner>(writer: Writer<In, Owner>): Intake<In, Owner> {
    return new WriterIntake(this.#ports, this, writer)
  }

  /** Makes frames of everything that was taken. */
  flush(): void {
    this.#makeFrames(undefined)
    this.#reportFull()
  }

  #begin(): Queue {
    this.#backlog = this.#ports.backlog?.()
    this.#queue = this.#ports.queue()
    return this.#queue
  }

  #endTurn(): void {
    this.#makeFrames(this.#backlog)
    this.#reportFull()
  }

  #reportFull(): void {
    if (this.#unreportedFull === 0) return
    const messages = this.#unreportedFull
    this.#unreportedFull = 0
    const { overflow } = this.#ports
    const text = `${messages} messages found the outbox full (overflow: '${overflow}')`
    this.#ports.report(new RivuletError('RIVULET_OUTBOX_FULL', text, { messages }))
  }

  /** Makes frames of what was taken; not of what may gather behind the frames of a backlog. */
  #makeFrames(backlog: Backlog | undefined): void {
    for (let lane = this.#held.first; lane; lane = this.#held.first) {
      if (backlog?.isAhead && backlog.left < lane.dueAfter) break
      this.#held.shift()
      this.#release(lane)
      this.#makeFrame(lane)
    }
    const lanes = this.#unflushed ?? none
    this.#unflushed = undefined
    for (const lane of lanes) {
      if (backlog?.isAhead) this.#hold(lane, backlog)
      else this.#makeFrame(lane)
    }
    const { first } = this.#held
    if (first) backlog?.whenFewer(first.dueAfter, this.#scheduleFlush)
  }

  #makeFrame(lane: Lane): void {
    lane.waits = false
    lane.writer.flush()
    if (lane.writer.count > 0) this.#schedule(lane) // a getter of the message that it writes has led here
  }

  /** Lets a writer gather for as long as a frame that it made now would wait. */
  #hold(lane: Lane, backlog: Backlog): void {
    this.#held.push(lane)
    lane.isHeld = true
    lane.dueAfter = backlog.added + this.#held.length
    this.#count(lane, lane.writer.bytes)
  }

  #release(lane: Lane): void {
    lane.isHeld = false
    this.#count(lane, 0)
  }

  #count(lane: Lane, bytes: number): void {
    this.#backlog?.gather(bytes - lane.heldBytes)
    lane.heldBytes = bytes
  }

  /** Resolves when everything that was taken is with the transport. */
  whenEmpty(): Promise<void> {
    this.flush()
    return this.#ports.queue().whenEmpty()
  }

  /** Counts messages that were taken and then lost. */
  lost(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.#ports.name(), reason, messages)
  }

  /** The counts now. */
  stats(): SenderStats {
    const queue = this.#ports.queue()
    let { messages: pending, bytes: pendingBytes } = queue.pending()
    for (const lanes of [this.#held, this.#unflushed ?? none]) {
      for (const { writer } of lanes) {
        pending += writer.count
        pendingBytes += writer.bytes
      }
    }
    return Object.freeze({
      accepted: this.#accepted,
      sent: queue.sent,
      pending,
      dropped: this.#dropped.snapshot(),
      refused: this.#refused.snapshot(),
      pendingBytes,
    })
  }

  /** Takes a message into a writer; see `Intake`. */
  offer<In, Owner>(lane: WriterIntake<In, Owner>, value: In, owner: Owner | undefined): Refusal {
    const { writer } = lane
    const ports = this.#ports
    if (!ports.isOpen()) return ports.failure?.() ?? new RivuletError('RIVULET_CLOSED', `${ports.name()}: closed`)
    const queue = this.#queue ?? this.#begin()
    if (queue.isFull()) {
      if (ports.overflow === 'drop-newest') {
        this.#accepted += 1
        this.lost('overflow', 1)
        return shed
      }
      if (ports.overflow !== 'drop-oldest') return outboxFull(ports)
      // the oldest messages may be those that gather
      if (this.#held.length > 0) this.flush()
      this.lost('overflow', queue.dropOldest())
    }
    const refusal = writer.append(value, owner)
    if (refusal) return refusal
    this.#accepted += 1
    if (lane.isHeld) this.#count(lane, writer.bytes)
    if (!lane.waits && writer.count > 0) this.#schedule(lane)
    return undefined
  }

  /** Flushes at the end of this turn. */
  #schedule(lane: Lane): void {
    lane.waits = true
    this.#unflushed ??= newList()
    this.#unflushed.push(lane)
    this.#flushes.schedule()
  }

  /** Counts a message that was not taken. */
  refused(error: RivuletError): void {
    this.#refused.add(refusalReasons[error.code] ?? 'invalid')
  }

  /** Reports what a writer refused. */
  report(error: RivuletError): void {
    if (error.code !== 'RIVULET_OUTBOX_FULL') {
      this.#ports.report(error)
      return
    }
    this.#unreportedFull += 1
    this.#flushes.schedule()
  }
}

/** The way of messages into one writer. A class, since a process may have very many of them. */
class WriterIntake<In, Owner> implements Intake<In, Owner>, Lane {
  readonly writer: Writer<In, Owner>
  waits = false
  isHeld = false
  heldBytes = 0
  dueAfter = 0
  readonly #ports: OutgoingPorts
  readonly #outgoing: Outgoing

  constructor(ports: OutgoingPorts, outgoing: Outgoing, writer: Writer<In, Owner>) {
    this.writer = writer
    this.#ports = ports
    this.#outgoing = outgoing
  }

  offer(value: In, owner?: Owner): Refusal {
    return this.#outgoing.offer(this, value, owner)
  }

  whenRoom(): Promise<void> | undefined {
    return this.#ports.overflow === 'block' ? this.#ports.queue().whenRoom() : undefined
  }

  onClosing(callback: () => void): () => void {
    return this.#ports.onClosing(callback)
  }

  refused(error: RivuletError): void {
    this.#outgoing.refused(error)
  }

  report(error: RivuletError): void {
    this.#outgoing.report(error)
  }
}

/** The refusal of a full outbox. Without a stack: it is control flow for `send`, and comes in floods for `next`. */
function outboxFull(ports: OutgoingPorts): RivuletError {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = new RivuletError('RIVULET_OUTBOX_FULL', `${ports.name()}: the outbox is full`)
  Error.stackTraceLimit = limit
  return error
}
