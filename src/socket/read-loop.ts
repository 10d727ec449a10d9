/**
 * Reads the messages of one native socket for as long as they are wanted, and shares the event loop with others.
 *
 * A loop that is switched off may bring one more message: a pending read cannot be taken back.
 */
import type { Clock } from '../clock/index.js'
import { errnoOf } from '../errors/index.js'
import { flushTurnThen, turnBudget, Waiters } from '../lifecycle/index.js'
import { mayPend, type NativeSocket, pollMs } from './native.js'

/** So many bytes of a message count as a piece of work, as a power of two: reading a large one takes its time. */
const pieceBits = 12

/** The same for its parts: an untrusted peer may send a message of very many. */
const partBits = 4

const done = Promise.resolve()

/** How a read loop tells what it reads. */
export interface ReadPorts {
  /** Takes a message; must not throw. */
  message(parts: readonly Buffer[]): void
  /** Reading has ended without a stop. */
  failed(error: unknown): void
}

/** The read loop of one native socket. */
export class ReadLoop {
  readonly #native: NativeSocket
  readonly #clock: Clock
  readonly #ports: ReadPorts
  #wanted = false
  #running = false
  #referenced = true
  /** Whether the message that is read was not there when it was asked for. */
  #idle = false
  /** Whether the library was asked for a message and has not brought one: at the end of a turn, none is there. */
  #pending = false
  readonly #quietWaiters = new Waiters()
  #betweenMessages: (() => void)[] = []
  /** What waits for a read that finds nothing, and what waits for the present one. */
  #whenEmpty: (() => void)[] = []
  #whenFound: (() => void)[] = []
  // made once, since a message that comes alone would pay for each of them
  readonly #readNext = () => this.#read()
  readonly #take = (parts: Buffer[]) => this.#pass(parts)
  readonly #fail = (error: unknown) => this.#failed(error)
  readonly #becomeIdle = () => {
    this.#idle = true
    this.#reachedGap()
    for (const callback of this.#whenFound.splice(0)) callback()
    if (this.#quietWaiters.isAny) setImmediate(this.#checkQuiet)
  }
  readonly #checkQuiet = () => {
    if (this.#pending || this.#native.closed) this.#quietWaiters.wake()
  }

  constructor(native: NativeSocket, clock: Clock, ports: ReadPorts) {
    this.#native = native
    this.#clock = clock
    this.#ports = ports
  }

  /** Whether a read is pending, or one follows. */
  get running(): boolean {
    return this.#running
  }

  /** Resolves when a read has found nothing for a turn of the event loop. */
  whenQuiet(): Promise<void> {
    setImmediate(() => setImmediate(this.#checkQuiet))
    return this.#quietWaiters.wait()
  }

  /**
   * Calls back when a read that begins later finds nothing: then everything is read that the library has.
   *
   * A pending read does not tell: a new connection brings messages of which its socket is not notified, until it is looked at.
   */
  whenEmpty(callback: () => void): void {
    this.#whenEmpty.push(callback)
  }

  /**
   * Calls back when the library has read no message in part: then a connection may be ended.
   *
   * An XSUB takes the first part of the next message when it is looked at, and when it sends. If the connection of that
   * message is ended, libzmq 4.3.5 drops what it has taken, and over inproc aborts the process (`!_more` in
   * `fq_t::recvpipe`). To be called from a turn of its own.
   */
  betweenMessages(callback: () => void): void {
    this.#betweenMessages.push(callback)
    if (this.#native.closed) return
    if (this.#pending) this.#reachedGap()
    else if (!this.#running) this.#passOne()
  }

  /** Whether messages are read. */
  set wanted(on: boolean) {
    this.#wanted = on
    if (on && !this.#running && !this.#native.closed) this.#read()
  }

  /** Whether a pending read may keep the process alive. */
  set referenced(on: boolean) {
    this.#referenced = on
  }

  #read(): void {
    const native = this.#native
    this.#running = this.#wanted
    if (!this.#wanted) return
    if (!(this.#referenced && mayPend) && !native.readable) {
      this.#clock.setTimer(this.#readNext, pollMs)
      this.#quietWaiters.wake()
      for (const callback of this.#whenEmpty.splice(0)) callback()
      return
    }
    this.#idle = false
    this.#pending = true
    if (this.#whenEmpty.length > 0) this.#whenFound.push(...this.#whenEmpty.splice(0))
    try {
      native.receive().then(this.#take, this.#fail)
    } catch (error) {
      this.#fail(error)
      return
    }
    // comes first only if the message is not there yet
    void done.then(this.#becomeIdle)
  }

  /** Passes the message that may have been read in part, although none is wanted. */
  #passOne(): void {
    if (!this.#native.readable) {
      this.#reachedGap()
      return
    }
    this.#running = this.#pending = true
    this.#native.receive().then(this.#take, this.#fail)
  }

  #reachedGap(): void {
    if (this.#betweenMessages.length === 0) return
    const callbacks = this.#betweenMessages
    this.#betweenMessages = []
    for (const callback of callbacks) callback()
  }

  #pass(parts: readonly Buffer[]): void {
    this.#pending = false
    this.#reachedGap()
    // it has found something
    if (this.#whenFound.length > 0) this.#whenEmpty.push(...this.#whenFound.splice(0))
    this.#ports.message(parts)
    const bytes = parts.at(-1)?.length ?? 0
    if (turnBudget.spend(1 + (bytes >> pieceBits) + (parts.length >> partBits))) turnBudget.nextRead(this.#readNext)
    else if (this.#idle) flushTurnThen(this.#readNext)
    else this.#read()
  }

  #failed(error: unknown): void {
    this.#pending = false
    if (!this.#native.closed && errnoOf(error) === 'EAGAIN') {
      this.#read()
      return
    }
    this.#running = false
    if (!this.#native.closed) this.#ports.failed(error)
  }
}
