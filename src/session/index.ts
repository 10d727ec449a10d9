/** Sessions: reliable links as pure machines. */
export { Acceptor, type AcceptorPorts, type AcceptorSettings } from './acceptor.js'
export { Dialer, type DialerPorts, type DialerSettings } from './dialer.js'
export { firstPatternKind, firstUrgentKind, type ItemBody, itemFlag } from './item.js'
export type { ItemRange, LinkUser, PeerInfo, SessionUser } from './link-user.js'
export type { SessionSettings } from './session-settings.js'
export type { SessionStatus, SessionStreams, StreamsHandler } from './session-streams.js'
export { SharedSession } from './shared-session.js'
