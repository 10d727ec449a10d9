/** The senders of the messages of a lease: runs of messages of one sender each. */
import type { PeerIdentity } from '../security/index.js'
import type { LeasedMessages } from './protocol.js'

/** The sender of a message; `undefined` if the host knows none. */
export function senderAt({ senders = [] }: LeasedMessages, index: number): PeerIdentity | undefined {
  const run = senders.findLast((one) => one.index <= index)
  if (run === undefined || run.publicKey === '') return undefined
  return Object.freeze({ name: run.name, publicKey: run.publicKey })
}
