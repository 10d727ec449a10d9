/**
 * The way in to one stream: what arrived and was not taken yet, and what became of the rest.
 *
 * It queues messages that a socket may still deliver after it was stopped, and notifies its owner when there is room for more.
 */

import { type ErrorDetails, RivuletError } from '../errors/index.js'
import { Fifo, Waiters } from '../lifecycle/index.js'
import { publishDrop, Tally } from '../observe/index.js'
import { MessageStream } from './message-stream.js'
import type { StreamOwner, Supply } from './source.js'

/** What an `Inbound` needs of its resource. */
export interface InboundPorts<T> {
  /** Names the resource. */
  name(): string
  /** `wanted` or `backlogged` may have changed. */
  changed(): void
  /** Makes the error for a message of a supply that could not be read. */
  unreadable(cause: unknown, supply: Supply<T>): RivuletError
  report(error: RivuletError): void
  /** Details of a message for the error of its handler. */
  detailsOf?(value: T): ErrorDetails
}

/** A supply that can tell whether there was something wrong behind its last message. */
export interface CheckedSupply<T> extends Supply<T> {
  trailing(): RivuletError | undefined
}

/** A supply of one thing that is no message. */
class Notice<T> implements CheckedSupply<T> {
  remaining = 1
  readonly #item: T
  readonly #gone: (taken: boolean) => void

  constructor(item: T, gone: (taken: boolean) => void) {
    this.#item = item
    this.#gone = gone
  }

  take(): T {
    this.remaining = 0
    this.#gone(true)
    return this.#item
  }

  failed(): number {
    return 0
  }

  discard(): number {
    if (this.remaining > 0) this.#gone(false)
    this.remaining = 0
    return 0
  }

  trailing(): undefined {}
}

/** The way in to one stream. */
export class Inbound<T> implements StreamOwner<T> {
  readonly stream: MessageStream<T>
  readonly #ports: InboundPorts<T>
  readonly #waiting = new Fifo<CheckedSupply<T>>()
  readonly #dropped = new Tally()
  #received = 0
  #wanted = false
  /** Notices that were put in and not thrown away, and those of them that wait. */
  #notices = 0
  #pendingNotices = 0
  readonly #drainedWaiters = new Waiters()

  constructor(ports: InboundPorts<T>) {
    this.#ports = ports
    this.stream = new MessageStream<T>(this)
  }

  /** Whether somebody wants messages. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Whether what arrived has not been taken yet. */
  get backlogged(): boolean {
    return this.stream.busy
  }

  /** Messages that arrived. */
  get received(): number {
    return this.#received
  }

  /** Messages that were handed to the application. */
  get delivered(): number {
    return this.stream.delivered - this.#notices + this.#pendingNotices
  }

  /** Messages that wait. */
  get pending(): number {
    let waiting = this.stream.pending
    for (const { remaining } of this.#waiting) waiting += remaining
    return waiting - this.#pendingNotices
  }

  /** What was dropped, by reason. */
  get dropped(): Tally {
    return this.#dropped
  }

  /** Takes what arrived. */
  push(supply: CheckedSupply<T>): void {
    this.#received += supply.remaining
    this.#take(supply)
  }

  /** Puts something behind what arrived that is no message, and counts as none. */
  note(item: T): void {
    this.#notices += 1
    this.#pendingNotices += 1
    this.#take(
      new Notice(item, (taken) => {
        this.#pendingNotices -= 1
        if (!taken) this.#notices -= 1
      }),
    )
  }

  /** Counts messages that arrived and cannot be delivered. */
  lose(reason: string, messages: number): void {
    this.#received += messages
    this.#drop(reason, messages)
  }

  /** Counts messages that arrived and that their supply has dropped. */
  givenUp(reason: string, messages: number): void {
    this.#drop(reason, messages)
  }

  /** Resolves when everything that arrived was taken, or nobody wants it any more. */
  whenDrained(): Promise<void> {
    if (!this.stream.busy || !this.#wanted) return Promise.resolve()
    return this.#drainedWaiters.wait()
  }

  /** Ends the stream; returns how many messages were pending. */
  complete(): number {
    const left = this.pending
    this.stream.complete()
    for (let supply = this.#waiting.shift(); supply; supply = this.#waiting.shift()) supply.discard()
    this.#drop('closed', left)
    return left
  }

  demanded(wanted: boolean): void {
    this.#wanted = wanted
    if (!wanted) this.#drainedWaiters.wake()
    this.#ports.changed()
  }

  used(supply: Supply<T>): void {
    const broken = (supply as CheckedSupply<T>).trailing()
    if (broken) this.#ports.report(broken)
    const next = this.#waiting.shift()
    if (next) {
      this.stream.give(next)
      return
    }
    this.#drainedWaiters.wake()
    this.#ports.changed()
  }

  unreadable(cause: unknown, messages: number, supply: Supply<T>): void {
    this.#drop('undecodable', messages)
    const { code, message, issues, delivery } = this.#ports.unreadable(cause, supply)
    const text = messages > 1 ? `${message}; ${messages - 1} messages behind it are lost with it` : message
    this.#ports.report(new RivuletError(code, text, { cause, issues, messages, ...(delivery && { delivery }) }))
  }

  handlerFailed(error: RivuletError): void {
    this.#ports.report(error)
  }

  detailsOf(value: T): ErrorDetails {
    return this.#ports.detailsOf?.(value) ?? {}
  }

  #take(supply: CheckedSupply<T>): void {
    if (this.stream.busy) this.#waiting.push(supply)
    else this.stream.give(supply)
    this.#ports.changed()
  }

  #drop(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.#ports.name(), reason, messages)
  }
}
