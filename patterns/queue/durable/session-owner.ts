/**
 * Whom a session of a client belongs to, where a host with security knows it: what it may do, and the names that are its own.
 *
 * The policy itself is that of the host's guard. Clients of the same process have no owner: they may do everything.
 */
import { RivuletError } from '../../../src/errors/index.js'
import type { PeerIdentity, SecurityGuard } from '../../../src/security/index.js'

/** Between the name of an identity, which has no control characters, and what a client calls itself. */
const ownerMark = '\u001f'

/** Returns the name of a producer or consumer as people know it, of that by which the host knows it. */
export function shownName(name: string): string {
  return name.replace(ownerMark, '/')
}

/** What clients say of themselves, held to who they are. */
export class SessionOwner {
  readonly #guard: Pick<SecurityGuard, 'permits'>
  /** Whose key the client has proven to own. */
  readonly identity: PeerIdentity | undefined

  constructor(guard: Pick<SecurityGuard, 'permits'>, identity: PeerIdentity | undefined) {
    this.#guard = guard
    this.identity = identity
  }

  /** @throws RIVULET_PERMISSION_DENIED if the policy does not allow it. */
  admit(action: 'produce' | 'consume', queue: string): void {
    if (this.#guard.permits(this.identity, action, queue)) return
    const what = action === 'produce' ? 'produce to' : 'consume from'
    const message = `the policy of the host does not allow this client to ${what} queue '${queue.slice(0, 100)}'`
    throw new RivuletError('RIVULET_PERMISSION_DENIED', message, { executed: 'no' })
  }

  /**
   * The name by which the host knows a producer or a consumer: no other identity has it, whatever name it says.
   *
   * A name is all that it takes to continue the numbers of a producer, or to have the leases of a consumer.
   */
  nameOf(name: string): string {
    return `${this.identity?.name ?? ''}${ownerMark}${name}`
  }
}
