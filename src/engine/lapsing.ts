/**
 * What becomes of a lease that has run out.
 *
 * It ends, unless its owner is away and nobody else could have its messages: then it lapses, and ends as soon as another
 * consumer can. Until then its owner, whose event loop may be blocked, may still acknowledge or extend it.
 */
import type { Consumer } from './consumer.js'
import type { Lease } from './leases.js'
import type { Queue } from './queue.js'
import { settle } from './settling.js'
import { isActiveSince, isSilent, takersOf } from './takers.js'
import type { Transaction } from './transaction.js'

/** A lease has expired: it ends, or lapses if its owner is away and no other consumer could take its messages. */
export function runOut(tx: Transaction, queue: Queue, lease: Lease): void {
  const { owner } = lease
  if (!owner?.isAttached || !lease.isDelivered) {
    endLease(tx, queue, lease)
    return
  }
  const isOwnerSilent = isSilent(queue, owner)
  // what would be dealt to it would wait for it in vain
  if (isOwnerSilent) owner.silentAt ??= tx.now
  const isAway = (isOwnerSilent || owner.isSuspended) && !hasReturned(lease, owner, tx.now)
  if (isAway && !takersOf(queue, tx.now).some((taker) => taker.canRead(lease.schemaId))) {
    queue.leases.lapse(lease, tx.now, tx.now + queue.settings.leaseMs)
  } else endLease(tx, queue, lease)
}

/** Whether the owner of a lapsed lease was heard of again: it has had the time of a lease to speak for it. */
function hasReturned({ lapsedAt }: Lease, owner: Consumer, now: number): boolean {
  return lapsedAt !== undefined && isActiveSince(lapsedAt, owner, now)
}

/** Ends leases that have lapsed, as far as consumers other than their owners can be dealt messages, and a write has room. */
export function endLapsed(tx: Transaction, queue: Queue, takers: readonly Consumer[], hasRoom: () => boolean): void {
  let room = 0
  for (const { credit } of takers) room += credit
  for (const lease of [...queue.leases.lapsed]) {
    if (room <= 0 || !hasRoom()) return
    if (takers.every((taker) => taker === lease.owner || !taker.canRead(lease.schemaId))) continue
    for (const { count } of lease.segments) room -= count
    endLease(tx, queue, lease)
  }
}

/** Ends a lease, and notifies its owner; its messages are ready. */
export function endLease(tx: Transaction, queue: Queue, lease: Lease): void {
  const { isDelivered, number, owner } = lease
  // a consumer that could not be reached while its lease was stored has failed at nothing
  if (isDelivered) queue.leases.remember(lease)
  else neverDelivered(tx, queue, lease)
  settle(tx, queue, lease, 0, lease.count, { kind: isDelivered ? 'lease-lost' : 'release' })
  if (owner) tx.completions.push(() => owner.isAttached && owner.ports.lost(number))
}

/** Takes back that a lease was dealt out: its owner was never given it. */
export function neverDelivered(tx: Transaction, queue: Queue, { owner, count }: Lease): void {
  queue.counters.delivered -= count
  tx.completions.push(() => {
    if (owner) owner.credit += count
  })
}
