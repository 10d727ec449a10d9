/**
 * Message passing: processes with unique names send each other messages, and see each other come and go.
 *
 * @module rivulet/messaging
 */
export type { PeerDelivery } from './mail-supply.js'
export type { MailboxOverflow, MailboxStats } from './mailbox.js'
export type { BroadcastOptions, PeerOptions, PeerSendOptions } from './options.js'
export { createPeer, type Peer, type PeerStats } from './peer.js'
export type { PeerRef } from './peer-claim.js'
export type { MessageDelivery } from './peer-send.js'
export type { PresenceEvent } from './presence.js'
