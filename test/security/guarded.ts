/** A guard over a virtual clock, with what it reported. */
import type { RivuletError } from '../../src/errors/index.js'
import {
  generateKeyPair,
  type KeyPair,
  resolveSecurity,
  type SecurityEvent,
  SecurityGuard,
  type SecurityOptions,
} from '../../src/security/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A guard with what a test sees of it. */
export interface Guarded {
  readonly guard: SecurityGuard
  readonly clock: VirtualClock
  readonly keyPair: KeyPair
  readonly errors: RivuletError[]
  readonly events: SecurityEvent[]
  readonly revoked: string[]
}

/** Makes a guard of a resource that binds. */
export function guarded(options: Omit<SecurityOptions, 'keyPair'>): Guarded {
  const keyPair = generateKeyPair()
  const clock = new VirtualClock()
  const errors: RivuletError[] = []
  const resolved = resolveSecurity('createThing', { keyPair, ...options }, { binds: true, connects: false })
  if (resolved === undefined) throw new Error('no security')
  const guard = new SecurityGuard(resolved, { clock, resource: () => 'thing', report: (error) => errors.push(error) })
  const events: SecurityEvent[] = []
  guard.events.subscribe((event) => events.push(event))
  const revoked: string[] = []
  guard.revoked.subscribe((key) => revoked.push(key))
  return { guard, clock, keyPair, errors, events, revoked }
}
