/**
 * The one bounded outbox of a datagram socket: datagrams wait here, in order, while the system has as many as it may.
 *
 * A few are with the system at the same time, which calls back for each. Those for a name that is being resolved wait apart, so
 * that they hold back no others. Datagrams without messages do not fill it: those who make them bound them.
 */
import { Fifo, turnBudget, Waiters } from '../../../src/lifecycle/index.js'
import type { Queue } from '../../../src/stream/index.js'

/** Datagrams that the system may have at the same time and has not called back for. */
const mostWithSystem = 64

/** Where a datagram goes. */
export interface Target {
  /** Hands a datagram to the system; calls back in a later job. */
  send(bytes: Buffer, done: (error: Error | null) => void): void
}

/** An outgoing datagram. */
export interface OutDatagram {
  readonly bytes: Buffer
  /** Messages in it; 0 for those that only the protocol knows. */
  readonly messages: number
  readonly destination: OutDestination
}

/** What the outbox needs of a destination. */
export interface OutDestination {
  /** Where its datagrams go; `undefined` while that is not known: then it is asked to find out. */
  readonly target: Target | undefined
  /** Finds out; `resolved` or `unresolvable` of the outbox is called then. */
  resolve(): void
  /** The system has refused a datagram, with `messages` messages. */
  failed(error: Error, messages: number): void
}

/** A queue of datagrams with a limit in bytes. */
export class DatagramOutbox implements Queue {
  readonly #limitBytes: number
  readonly #queue = new Fifo<OutDatagram>()
  readonly #unresolved = new Map<OutDestination, Fifo<OutDatagram>>()
  #bytes = 0
  #messages = 0
  /** Datagrams of any kind that wait or are with the system. */
  #datagrams = 0
  #withSystem = 0
  #sent = 0
  #isStopped = false
  #isYielding = false
  readonly #roomWaiters = new Waiters()
  readonly #emptyWaiters = new Waiters()
  readonly #continue = () => {
    this.#isYielding = false
    this.#handOverNext()
  }

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get sent(): number {
    return this.#sent
  }

  isFull(): boolean {
    return this.#bytes >= this.#limitBytes
  }

  pending(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  /** Takes a datagram, full or not: the limit is kept by those who offer messages. */
  add(datagram: OutDatagram): void {
    if (this.#isStopped) return
    this.#datagrams += 1
    this.#messages += datagram.messages
    if (datagram.messages > 0) this.#bytes += datagram.bytes.length
    const waiting = this.#unresolved.get(datagram.destination)
    if (waiting !== undefined) waiting.push(datagram)
    else if (this.#queue.length > 0 || this.#withSystem >= mostWithSystem) this.#queue.push(datagram)
    else this.#handOver(datagram)
  }

  /** A destination knows its target. */
  resolved(destination: OutDestination): void {
    const waiting = this.#unresolved.get(destination)
    this.#unresolved.delete(destination)
    for (const datagram of waiting ?? []) this.#queue.push(datagram)
    this.#handOverNext()
  }

  /** A destination cannot know its target: returns how many messages are lost. */
  unresolvable(destination: OutDestination): number {
    const waiting = this.#unresolved.get(destination)
    this.#unresolved.delete(destination)
    let messages = 0
    for (const datagram of waiting ?? []) {
      messages += datagram.messages
      this.#forget(datagram)
    }
    this.#wake()
    return messages
  }

  dropOldest(): number {
    const before = this.#messages
    while (this.isFull()) {
      // what is with the system is out of reach
      const oldest = this.#queue.shift() ?? this.#shiftUnresolved()
      if (oldest === undefined) break
      this.#forget(oldest)
    }
    return before - this.#messages
  }

  whenRoom(): Promise<void> {
    return !this.isFull() || this.#isStopped ? Promise.resolve() : this.#roomWaiters.wait()
  }

  whenEmpty(): Promise<void> {
    return this.#datagrams === 0 || this.#isStopped ? Promise.resolve() : this.#emptyWaiters.wait()
  }

  /** Stops handing over and resolves all promises that wait; returns how many messages are left and lost. */
  stop(): number {
    const left = this.#messages
    this.#isStopped = true
    this.#queue.clear()
    this.#unresolved.clear()
    this.#bytes = this.#messages = this.#datagrams = 0
    this.#roomWaiters.wake()
    this.#emptyWaiters.wake()
    return left
  }

  #handOverNext(): void {
    while (!this.#isYielding && this.#withSystem < mostWithSystem) {
      const datagram = this.#queue.shift()
      if (datagram === undefined) return
      this.#handOver(datagram)
      // the system calls back within the turn: without a pause nothing else would have its turn
      if (turnBudget.spend() && this.#queue.length > 0) {
        this.#isYielding = true
        turnBudget.nextTurn(this.#continue)
      }
    }
  }

  #handOver(datagram: OutDatagram): void {
    const { destination } = datagram
    const { target } = destination
    if (target === undefined) {
      this.#awaitTarget(datagram)
      return
    }
    this.#withSystem += 1
    target.send(datagram.bytes, (error) => this.#handedOver(datagram, error))
  }

  /** Puts a datagram, and those behind it of the same destination, aside until its target is known. */
  #awaitTarget(first: OutDatagram): void {
    const { destination } = first
    const waiting = new Fifo<OutDatagram>()
    waiting.push(first)
    const queued = [...this.#queue]
    this.#queue.clear()
    for (const one of queued) (one.destination === destination ? waiting : this.#queue).push(one)
    this.#unresolved.set(destination, waiting)
    destination.resolve()
  }

  #handedOver(datagram: OutDatagram, error: Error | null): void {
    this.#withSystem -= 1
    // a stopped outbox has counted it as lost
    if (this.#isStopped) return
    this.#forget(datagram)
    if (error === null) this.#sent += datagram.messages
    else datagram.destination.failed(error, datagram.messages)
    this.#wake()
    if (this.#queue.length > 0) this.#handOverNext()
  }

  #shiftUnresolved(): OutDatagram | undefined {
    for (const waiting of this.#unresolved.values()) {
      const oldest = waiting.shift()
      if (oldest !== undefined) return oldest
    }
    return undefined
  }

  #forget({ bytes, messages }: OutDatagram): void {
    this.#datagrams -= 1
    this.#messages -= messages
    if (messages > 0) this.#bytes -= bytes.length
  }

  #wake(): void {
    if (!this.isFull()) this.#roomWaiters.wake()
    if (this.#datagrams === 0) this.#emptyWaiters.wake()
  }
}
