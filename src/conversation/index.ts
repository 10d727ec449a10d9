/** Conversations with a host that survive the end of their stream: the client's side, over links or in process, and the host's. */
export { LocalStream, type OpenSession } from './local-stream.js'
export { type RemoteMethod, RemoteStream } from './remote-stream.js'
export { type Conversation, type ConversationStream, ReopeningStream } from './reopening-stream.js'
export {
  ExclusiveSessions,
  type NamedSession,
  registerExclusive,
  type Served,
  type ServedKind,
  type ServedSession,
  ServedStreams,
  type ServingHost,
  type Session,
  type StreamPorts,
  serve,
} from './serving.js'
