/**
 * The way in to one stream: what arrived and was not taken yet, and what became of the rest.
 *
 * It queues messages that a socket may still deliver after it was stopped, and notifies its owner when there is room for more.
 */

import { type ErrorDetails, RivuletError } from '../errors/index.js'
import { Fifo, Waiters } from '../lifecycle/index.js'
import { publishDrop, Tally } from '../observe/index.js'
import { Conflated, type Conflation } from './conflated.js'
import { MessageStream } from './message-stream.js'
import { Notice } from './notice.js'
import type { CheckedSupply, StreamOwner, Supply } from './source.js'

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
  /** If it is there, only the newest message of each key waits for a slow consumer. */
  readonly conflation?: Conflation<T> | undefined
}

/** The way in to one stream. */
export class Inbound<T> implements StreamOwner<T> {
  readonly stream: MessageStream<T>
  readonly #ports: InboundPorts<T>
  readonly #waiting = new Fifo<CheckedSupply<T>>()
  /** What waits in place of `#waiting` where messages are conflated. */
  readonly #conflated: Conflated<T> | undefined
  #isGiving = false
  readonly #dropped = new Tally()
  #received = 0
  #wanted = false
  #isComplete = false
  /** Notices that were put in and not thrown away, and those of them that wait. */
  #notices = 0
  #pendingNotices = 0
  readonly #drainedWaiters = new Waiters()

  constructor(ports: InboundPorts<T>) {
    this.#ports = ports
    this.#conflated =
      ports.conflation &&
      new Conflated(ports.conflation, {
        dropped: (reason, messages) => this.#drop(reason, messages),
        unreadable: (cause, messages, supply) => this.unreadable(cause, messages, supply),
        ended: (supply) => this.#checkEnd(supply),
      })
    this.stream = new MessageStream<T>(this)
  }

  /** Whether somebody wants messages. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Whether what arrived has not been taken yet. */
  get busy(): boolean {
    return this.stream.busy
  }

  /** Whether no more should arrive before that: never where messages are conflated. */
  get backlogged(): boolean {
    return this.#conflated === undefined && this.stream.busy
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

  /** Ends the stream; returns how many messages were pending. What arrives later is dropped. */
  complete(): number {
    const left = this.pending
    this.#isComplete = true
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
    this.#checkEnd(supply as CheckedSupply<T>)
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
    if (this.#isComplete) this.#drop('closed', supply.discard())
    else if (this.#conflated) this.#conflate(this.#conflated, supply)
    else if (this.stream.busy) this.#waiting.push(supply)
    else this.stream.give(supply)
    this.#ports.changed()
  }

  /** Lets consumers take as much as they will; the rest waits by its keys. */
  #conflate(conflated: Conflated<T>, supply: CheckedSupply<T>): void {
    conflated.arrive(supply)
    // within a delivery of the same stream: the outer call does the rest
    if (this.#isGiving) return
    this.#isGiving = true
    while (!this.stream.busy && conflated.remaining > 0) this.stream.give(conflated)
    this.#isGiving = false
    conflated.absorb()
  }

  #checkEnd(supply: CheckedSupply<T>): void {
    const broken = supply.trailing()
    if (broken) this.#ports.report(broken)
  }

  #drop(reason: string, messages: number): void {
    if (messages === 0) return
    this.#dropped.add(reason, messages)
    publishDrop(this.#ports.name(), reason, messages)
  }
}
