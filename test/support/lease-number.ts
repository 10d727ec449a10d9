/** The number of the lease that a delivery is of, which users do not see: numbers rise for good, so they order deliveries. */
import { type Delivery, LeasedDelivery } from '../../src/delivery/delivery.js'
import type { HeldLease } from '../../src/delivery/held-lease.js'

/** The number of its lease. */
export function leaseNumberOf(delivery: Delivery): number {
  return (LeasedDelivery.leaseOf(delivery) as HeldLease<unknown>).number
}
