/**
 * Message passing: processes with unique names send each other messages, and see each other come and go.
 *
 * @module rivulet/messaging
 */
export type { Answerer, Answering, AskContext } from './answers.js'
export {
  type AnswerInputOf,
  type AnswerOf,
  type Ask,
  type AskDefinition,
  type AskErrorNames,
  type AskErrorOf,
  type AskTypes,
  type AskTypesOf,
  defineAsk,
  isAskError,
  type QueryInputOf,
  type QueryOf,
  type SchemaName,
  type TypesOfAsk,
} from './define-ask.js'
export type { PeerDelivery } from './mail-supply.js'
export type { MailboxOverflow, MailboxStats } from './mailbox.js'
export type { Peer, PeerStats } from './named-peer.js'
export type { BroadcastOptions, PeerOptions, PeerSendOptions } from './options.js'
export { createPeer } from './peer.js'
export type { AskStats } from './peer-asks.js'
export type { PeerRef } from './peer-claim.js'
export type { MessageDelivery } from './peer-send.js'
export type { PresenceEvent } from './presence-event.js'
