/**
 * The errors of leases that have ended: what their deliveries fail with, and why.
 */
import { RivuletError } from '../errors/index.js'

/** The error for a lease that has ended. */
export function leaseLost(why: string, cause?: RivuletError): RivuletError {
  return new RivuletError('RIVULET_LEASE_LOST', `the lease of a delivery is lost: ${why}`, { cause })
}

/** Why a lease may be lost of which nothing was heard: the host, or the application itself, has been silent. */
export const silence = 'the host has been silent for as long as the lease lasts'

export function notExtended(leaseMs: number): string {
  return `it was neither settled nor extended for ${leaseMs} ms`
}

/** The error for a lease that ran out while the event loop of its consumer was blocked. */
export function leaseLostByBlocking(blockedMs: number, leaseMs: number): RivuletError {
  const blocked = `the event loop of this process was blocked for at least ${Math.floor(blockedMs)} ms`
  const why = `${blocked}, and a lease lasts ${leaseMs} ms; do such work in a worker thread, or raise leaseMs`
  return leaseLost(why, new RivuletError('RIVULET_EVENT_LOOP_BLOCKED', blocked))
}
