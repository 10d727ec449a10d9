/**
 * A consumer at its queue, as it is handed out: what it says becomes operations of the engine.
 *
 * Extending and adopting change nothing on disk, and so are done at once.
 */
import type { Consumer } from './consumer.js'
import type { Attachment, Settlement, SettleOutcome } from './engine.js'
import type { Lease } from './leases.js'
import { abandonOperation, type Operation, releaseOperation, settleOperation } from './operations.js'
import type { Queue } from './queue.js'

/** At most so many bytes does one write change to end the leases of a consumer. */
const abandonBytes = 1_048_576

/** What an attachment needs of its engine. */
export interface AttachmentPorts {
  now(): number
  ask(operation: Operation): void
  /** Something may be dealt out. */
  mayDeal(): void
  /** The counts have changed. */
  changed(): void
}

/** A consumer at a queue of a local engine. */
export class LocalAttachment implements Attachment {
  readonly #queue: Queue
  readonly #consumer: Consumer
  readonly #ports: AttachmentPorts

  constructor(queue: Queue, consumer: Consumer, ports: AttachmentPorts) {
    this.#queue = queue
    this.#consumer = consumer
    this.#ports = ports
    queue.consumers.add(consumer)
    ports.changed()
  }

  grant(messages: number): void {
    if (!this.#consumer.isAttached) return
    this.#consumer.credit += messages
    this.#ports.mayDeal()
  }

  settle(settlements: readonly Settlement[], done: (outcomes: readonly SettleOutcome[]) => void): void {
    this.#ports.ask(settleOperation(this.#queue, this.#consumer, settlements, done))
  }

  cannotRead(meanings: readonly Uint8Array[]): void {
    for (const schemaId of meanings) this.#consumer.cannotRead(schemaId)
    this.#ports.changed()
    this.#ports.mayDeal()
  }

  extend(leases: readonly number[]): number[] {
    // one that was silent is dealt messages again
    if (this.#consumer.silentAt !== undefined) this.#ports.mayDeal()
    return this.#take(leases, ({ owner }) => owner === this.#consumer)
  }

  adopt(leases: readonly number[]): number[] {
    const { name } = this.#consumer
    const mayTake = ({ consumer, owner }: Lease) =>
      consumer === name && (!owner?.isAttached || owner === this.#consumer)
    const lost = this.#take(leases, mayTake)
    const others: number[] = []
    for (const lease of this.#queue.leases.values()) {
      if (lease.owner !== this.#consumer && mayTake(lease)) others.push(lease.number)
    }
    const isNobodys = ({ isDelivered, owner }: Lease) => !isDelivered || !owner?.isAttached
    if (others.length > 0) this.#ports.ask(releaseOperation(this.#queue, others, isNobodys))
    return lost
  }

  suspend(unsent: readonly number[]): void {
    const consumer = this.#consumer
    if (!consumer.isAttached) return
    consumer.isSuspended = true
    for (const number of unsent) {
      const lease = this.#queue.leases.get(number)
      if (lease?.owner === consumer) lease.isDelivered = false
    }
    this.#releaseUndelivered()
    this.#ports.changed()
  }

  resume(): void {
    if (!this.#consumer.isAttached) return
    this.#consumer.isSuspended = false
    this.#ports.changed()
    this.#ports.mayDeal()
  }

  detach(): void {
    const consumer = this.#consumer
    if (!consumer.isAttached) return
    consumer.isAttached = false
    this.#queue.consumers.delete(consumer)
    this.#releaseUndelivered()
    this.#ports.changed()
    this.#ports.mayDeal()
  }

  abandon(): void {
    const isEnded = !this.#consumer.isAttached
    this.detach()
    if (!isEnded) this.#ports.ask(abandonOperation(this.#queue, this.#consumer, abandonBytes))
  }

  /** Leases that are being stored, or never left, are as good as none. */
  #releaseUndelivered(): void {
    const undelivered: number[] = []
    for (const { owner, isDelivered, number } of this.#queue.leases.values()) {
      if (owner === this.#consumer && !isDelivered) undelivered.push(number)
    }
    // one that is stored when the consumer is back is delivered, also if it leaves again before this comes to pass
    const isUndelivered = ({ isDelivered }: Lease) => !isDelivered
    if (undelivered.length > 0) this.#ports.ask(releaseOperation(this.#queue, undelivered, isUndelivered))
  }

  /** Restarts leases with this consumer; returns those that it cannot have. */
  #take(numbers: readonly number[], mayTake: (lease: Lease) => boolean): number[] {
    const deadline = this.#ports.now() + this.#queue.settings.leaseMs
    return numbers.filter((number) => {
      const lease = this.#queue.leases.get(number)
      if (!lease || !mayTake(lease)) return true
      const count = lease.segments.reduce((sum, segment) => sum + segment.count, 0)
      if (lease.owner) lease.owner.outstanding -= count
      lease.owner = this.#consumer
      this.#consumer.outstanding += count
      this.#queue.leases.extend(lease, deadline)
      return false
    })
  }
}
