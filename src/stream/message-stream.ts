/**
 * The implementation of `Stream`: hands messages to its consumers, in step with the slowest bounded one.
 *
 * It holds at most one supply, and asks for the next when that is used up. It knows no sockets and no schemas.
 */
import { Observable, type Subscriber } from 'rxjs'
import { turnBudget } from '../lifecycle/index.js'
import { defaults, integer, invalidOption, resolveOptions } from '../options/index.js'
import type { Consumer, Consumers } from './consumer.js'
import { MessageIterator } from './message-iterator.js'
import { type Handler, processMessages } from './process.js'
import type { StreamOwner, Supply } from './source.js'
import type { ProcessOptions, Stream } from './stream.js'
import { SubscriberConsumer, teardownFailed } from './subscriber-consumer.js'

const processRules = { concurrency: integer({ min: 1, max: 65_536, fallback: defaults.concurrencyMessages }) }

/** Returns the concurrency that `process` is given; throws RIVULET_INVALID_OPTION, also if there is no work to do. */
export function concurrencyOf(project: unknown, options: ProcessOptions | undefined): number {
  if (typeof project !== 'function') throw invalidOption('process', 'project', 'a function', project)
  return resolveOptions('process', options, processRules).concurrency
}

const none: readonly never[] = []

/** A stream that its owner feeds with supplies. */
export class MessageStream<T> extends Observable<T> implements Stream<T>, Consumers<T> {
  readonly #owner: StreamOwner<T>
  /** Replaced, never changed, so that a current delivery keeps the list it began with. */
  #consumers: readonly Consumer<T>[] = none
  #supply: Supply<T> | undefined
  #delivered = 0
  #delivering = false
  #yielding = false
  #completed = false
  readonly #continue = () => {
    this.#yielding = false
    this.#deliver()
  }

  constructor(owner: StreamOwner<T>) {
    super((subscriber) => this.#subscribeUnbounded(subscriber))
    this.#owner = owner
  }

  /** Messages that consumers were given; each counts once, whatever the number of consumers. */
  get delivered(): number {
    return this.#delivered
  }

  /** Messages that wait here. */
  get pending(): number {
    return this.#supply?.remaining ?? 0
  }

  /** Whether a supply is at hand and not used up. */
  get busy(): boolean {
    return this.#supply !== undefined
  }

  /** Whether it continues with the supply at hand without being asked: now, or when others have had their turn. */
  get isHandingOut(): boolean {
    return this.#yielding || (this.#delivering && this.#supply !== undefined)
  }

  /** Gives the stream its next supply; there must be none at hand. */
  give(supply: Supply<T>): void {
    this.#supply = supply
    this.#deliver()
  }

  /** Ends the stream for everyone; returns how many messages were still pending. */
  complete(): number {
    this.#completed = true
    const left = this.#supply?.discard() ?? 0
    this.#supply = undefined
    const consumers = this.#consumers
    this.#consumers = none
    for (const consumer of consumers) {
      try {
        consumer.complete()
      } catch (cause) {
        this.#owner.handlerFailed(teardownFailed(cause))
      }
    }
    return left
  }

  process<R>(project: Handler<T, R>, options?: ProcessOptions): Observable<R> {
    const concurrency = concurrencyOf(project, options)
    return processMessages(this, project, concurrency, this.#owner)
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return new MessageIterator(this)
  }

  /**
   * Adds a consumer; returns how it leaves. For the consumers in this folder.
   *
   * It delivers nothing: `resume` does, once the consumer can leave in the middle of it.
   */
  attach(consumer: Consumer<T>): () => void {
    if (this.#completed) {
      consumer.complete()
      return () => {}
    }
    this.#consumers = this.#consumers.concat([consumer])
    if (this.#consumers.length === 1) this.#owner.demanded(true)
    return () => {
      if (!this.#consumers.includes(consumer)) return
      this.#consumers = this.#consumers.filter((other) => other !== consumer)
      if (this.#consumers.length === 0) this.#owner.demanded(false)
      else this.#deliver()
    }
  }

  /** A consumer can take more. */
  resume(): void {
    this.#deliver()
  }

  #subscribeUnbounded(subscriber: Subscriber<T>): void {
    subscriber.add(this.attach(new SubscriberConsumer(subscriber, (error) => this.#owner.handlerFailed(error))))
    this.#deliver()
  }

  #deliver(): void {
    if (this.#delivering || this.#yielding || this.#supply === undefined) return
    if (turnBudget.isSpent) {
      this.#yield()
      return
    }
    this.#delivering = true
    while (this.#supply !== undefined) {
      const supply: Supply<T> = this.#supply
      while (supply.remaining > 0) {
        if (!this.#deliverSome(supply)) {
          this.#delivering = false
          return
        }
        if (turnBudget.isSpent) {
          this.#delivering = false
          this.#yield()
          return
        }
      }
      if (this.#supply !== supply) continue
      this.#supply = undefined
      this.#owner.used(supply)
    }
    this.#delivering = false
  }

  /** Delivers messages up to the next check of the clock; returns whether to continue. */
  #deliverSome(supply: Supply<T>): boolean {
    const consumers = this.#consumers
    const only = consumers.length === 1 ? consumers[0] : undefined
    const most = Math.min(turnBudget.piecesUntilCheck, supply.remaining)
    let count = most
    try {
      if (only?.demand === Number.POSITIVE_INFINITY) {
        for (; count > 0 && this.#consumers === consumers; count--) {
          const value = supply.take()
          this.#delivered += 1
          only.next(value)
        }
        return true
      }
      for (; count > 0; count--) {
        if (!this.#wanted()) return false
        const value = supply.take()
        this.#delivered += 1
        for (const consumer of this.#consumers) {
          consumer.demand -= 1
          consumer.next(value)
        }
      }
      return true
    } catch (cause) {
      count -= 1
      this.#owner.unreadable(cause, supply.failed(cause), supply)
      return true
    } finally {
      turnBudget.spend(most - count)
    }
  }

  #wanted(): boolean {
    const consumers = this.#consumers
    if (consumers.length === 0) return false
    for (const consumer of consumers) if (consumer.demand < 1) return false
    return true
  }

  /** Lets timers and other sockets have their turn, then continues. */
  #yield(): void {
    this.#yielding = true
    turnBudget.nextTurn(this.#continue)
  }
}
