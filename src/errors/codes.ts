/**
 * The closed list of error codes: what each means, whether trying again can help, and what to do.
 *
 * A code never changes its meaning within a major version; messages may. `docs/reference/errors.md` lists the same codes, and a
 * test holds the two against each other. This file makes no errors: `rivulet-error.ts` does.
 */
import { peerEntries } from './peer-codes.js'
import { socketEntries } from './socket-codes.js'
import { tlsEntries } from './tls-codes.js'
import { topicEntries } from './topic-codes.js'

/** What is known of an error code. */
export interface ErrorCodeEntry {
  /** Whether the same action may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** What happened, in one sentence. */
  readonly meaning: string
  /** What to do about it. */
  readonly remedy: string
}

const entries = {
  RIVULET_INVALID_OPTION: {
    retryable: false,
    meaning: 'An option or argument breaks its rule.',
    remedy: 'Correct the option that the message names.',
  },
  RIVULET_INVALID_ENDPOINT: {
    retryable: false,
    meaning: 'An endpoint is not one that this socket can bind or connect.',
    remedy: 'Use tcp://host:port, ipc://path or inproc://name; a port of * only where the socket binds.',
  },
  RIVULET_DISCOVERY_FAILED: {
    retryable: true,
    meaning: 'A source of endpoints failed, or gave no list of endpoints.',
    remedy: 'Look at `cause`; the last list of endpoints holds until the source gives another.',
  },
  RIVULET_INSECURE_BIND: {
    retryable: false,
    meaning: 'A socket without security was asked to bind where other machines can reach it.',
    remedy: 'Give it `security`, bind to a loopback address, or say `insecure: true` if the network itself is trusted.',
  },
  RIVULET_BIND_FAILED: {
    retryable: true,
    meaning: 'The system refused to bind the endpoint.',
    remedy: 'Free the address, choose another, or bind port * and read `endpoint`.',
  },
  RIVULET_TOO_MANY_SOCKETS: {
    retryable: true,
    meaning: 'The runtime or the process has no socket left.',
    remedy: 'Close resources, raise `maxSockets` of the runtime, or raise the limit of open files.',
  },
  RIVULET_TRANSPORT_FAILED: {
    retryable: true,
    meaning: 'The transport reported an error that has no code of its own; `cause` holds it.',
    remedy: 'Read `cause`.',
  },
  RIVULET_HANDSHAKE_FAILED: {
    retryable: true,
    meaning:
      'A connection ended before both sides had agreed to talk: no ZeroMQ peer, one below ZMTP 3 or of another kind, or one that left.',
    remedy: 'Check that the address is that of a Rivulet or ZeroMQ socket of the matching kind.',
  },
  RIVULET_TIMEOUT: {
    retryable: true,
    meaning: 'What was waited for did not happen in the given time.',
    remedy: 'Wait longer, or find out why the peer is away.',
  },
  RIVULET_ABORTED: {
    retryable: false,
    meaning: 'The caller gave up through its AbortSignal.',
    remedy: 'None: `cause` is the reason of the signal.',
  },
  RIVULET_CLOSED: {
    retryable: false,
    meaning: 'The resource is closing or closed.',
    remedy: 'Open a new one.',
  },
  RIVULET_INVALID_SCHEMA: {
    retryable: false,
    meaning: 'A schema is not valid Avro, or is beyond the limits for schemas.',
    remedy: 'Correct the schema at the path that the message names.',
  },
  RIVULET_INVALID_MESSAGE: {
    retryable: false,
    meaning: 'A value does not fit its schema, so it was not sent.',
    remedy: 'Correct the value at the paths in `issues`.',
  },
  RIVULET_MESSAGE_TOO_LARGE: {
    retryable: false,
    meaning: 'A message is larger than the limit of the resource, so it was not sent.',
    remedy: 'Send less, or raise `maxMessageBytes` on both sides; of a datagram, `maxPayloadBytes`.',
  },
  RIVULET_DECODE_FAILED: {
    retryable: false,
    meaning: 'Bytes are not a value of the schema that they claim to have.',
    remedy: 'Find the sender: it is broken, or it is not a Rivulet peer.',
  },
  RIVULET_INCOMPATIBLE_SCHEMA: {
    retryable: false,
    meaning: "The writer's schema cannot be read with the reader's by Avro's resolution rules.",
    remedy: 'Change one of the schemas at the path that the message names: a default, an alias, a wider type.',
  },
  RIVULET_UNKNOWN_SCHEMA: {
    retryable: true,
    meaning: "Messages came whose writer's schema has not been announced; they were dropped after a bounded wait.",
    remedy: 'None if it passes: writers announce their schema each second. Else check the writer.',
  },
  RIVULET_BAD_FRAME: {
    retryable: false,
    meaning: 'A frame is not one of this protocol, or its header cannot be read.',
    remedy: 'Find the sender: it is not a Rivulet peer, or it speaks a newer version.',
  },
  RIVULET_CORRUPT_FRAME: {
    retryable: false,
    meaning: 'The checksum of a frame does not match its bytes.',
    remedy: 'Look for a broken network path or proxy.',
  },
  RIVULET_FRAME_TOO_LARGE: {
    retryable: false,
    meaning: 'A frame is larger than the limit of the receiver, so it was dropped.',
    remedy: 'Raise `maxMessageBytes` on the receiver, or find the sender.',
  },
  RIVULET_PROTOCOL_VIOLATION: {
    retryable: false,
    meaning: 'A peer of a link broke the protocol or its limits; its session was ended.',
    remedy: 'Find the peer: it is broken, hostile, or no Rivulet peer.',
  },
  RIVULET_INCOMPATIBLE_PROTOCOL: {
    retryable: false,
    meaning: 'The two sides of a link speak no common version of the protocol.',
    remedy: 'Bring the older side up to date.',
  },
  RIVULET_SESSION_LOST: {
    retryable: true,
    meaning: 'A session of a link has ended without a goodbye: the peer has restarted, or was away for too long.',
    remedy: 'None: a new session is made when there is a connection. What was open has told its own outcome.',
  },
  RIVULET_TOO_MANY_SESSIONS: {
    retryable: true,
    meaning: 'The server has as many sessions as it may.',
    remedy: 'Raise `maxSessions`, or find out who opens them.',
  },
  RIVULET_HUB_LOOP: {
    retryable: false,
    meaning: 'Hubs are connected in a ring, in which messages would circulate.',
    remedy:
      'Connect hubs as a tree: no hub may take the messages of one that takes its own. One connection of the ring was ended.',
  },
  RIVULET_TOO_MANY_SUBSCRIPTIONS: {
    retryable: true,
    meaning: 'The subscriptions of a publisher exceeded `subscriptionBytes`, so it disconnected all subscribers.',
    remedy:
      'Find the peer that subscribes without end, or raise `subscriptionBytes`. Honest subscribers connect again.',
  },
  RIVULET_TOO_MANY_KEYS: {
    retryable: true,
    meaning: 'More than `maxKeys` messages of a stream with `conflateBy` waited, and the oldest were dropped.',
    remedy: 'Raise `maxKeys`, choose fewer keys, or take the messages faster.',
  },
  RIVULET_SLOW_STREAM: {
    retryable: true,
    meaning: 'A stream takes its messages slowly, and has held up all streams of its subscriber for seconds.',
    remedy: 'Work faster or more at once, use `conflateBy`, or give it a subscriber of its own.',
  },
  RIVULET_OUTBOX_FULL: {
    retryable: true,
    meaning: 'The bounded outbox has no room, so the message was not taken.',
    remedy: 'Use `send` or `sendAll`, which wait, or choose an overflow policy that drops.',
  },
  RIVULET_SOURCE_FAILED: {
    retryable: false,
    meaning: 'A source that feeds a sink failed; the sink stays open.',
    remedy: 'Read `cause`.',
  },
  RIVULET_HANDLER_FAILED: {
    retryable: false,
    meaning:
      'A handler of `process`, a teardown of a subscriber or `conflateBy` threw or rejected; the stream continues.',
    remedy: 'Read `cause`, which is what was thrown, and handle it in the handler.',
  },
  RIVULET_DEADLINE_EXCEEDED: {
    retryable: true,
    meaning: 'The deadline of a call passed before its outcome came.',
    remedy: 'Allow more time, or find out what is slow; `executed` tells whether it may have run.',
  },
  RIVULET_CANCELLED: {
    retryable: false,
    meaning: 'A call was given up by its caller.',
    remedy: 'None: `cause` is the reason of the signal, if there was one.',
  },
  RIVULET_UNAVAILABLE: {
    retryable: true,
    meaning: 'There is no server that takes the call, so it did not run.',
    remedy: 'Try again later, or let calls wait for a server: they do unless `waitForReady` is false.',
  },
  RIVULET_OVERLOADED: {
    retryable: true,
    meaning: 'One side has more calls, more of one stream, or more new schemas of its peers, than it takes.',
    remedy: 'Try again later and do less at once; return an iterable or a generator for a stream with backpressure.',
  },
  RIVULET_UNIMPLEMENTED: {
    retryable: false,
    meaning: 'The server has no such service or method.',
    remedy: 'Update the server, or call another one.',
  },
  RIVULET_UNAUTHENTICATED: {
    retryable: false,
    meaning: 'A peer did not prove who it is, or its key is not admitted, or was revoked.',
    remedy: 'Give the peer a key that the other side admits.',
  },
  RIVULET_SECURITY_MISMATCH: {
    retryable: false,
    meaning: 'One side has security and the other has none, or another mechanism.',
    remedy: 'Give both sides `security`, or neither.',
  },
  RIVULET_SERVER_KEY_MISMATCH: {
    retryable: false,
    meaning: 'The key of the other side is none of those that this side expects.',
    remedy: 'Correct `serverKey`. If it is right, find out who answers at this address.',
  },
  RIVULET_PERMISSION_DENIED: {
    retryable: false,
    meaning: 'The policy of the other side does not allow this peer what it asked for, so it was not done.',
    remedy: 'Allow it in the policy of the other side, or leave it.',
  },
  RIVULET_ADMISSION_UNAVAILABLE: {
    retryable: true,
    meaning: 'The allow list could not decide about a key in time, or at all, so the peer was refused.',
    remedy: 'At the server, read `cause` and repair what `allow` asks; a client tries again automatically.',
  },
  RIVULET_POLICY_FAILED: {
    retryable: false,
    meaning: 'A policy function threw or did not return true or false, so what a peer asked for was denied.',
    remedy: 'Repair the function; read `cause`.',
  },
  RIVULET_KEY_FILE: {
    retryable: false,
    meaning: 'A file of keys cannot be read or written, is malformed, or is open to others; or there is one already.',
    remedy:
      'Do what the message says; a key file needs mode 0600, and others must not be able to change an allow list.',
  },
  RIVULET_INVALID_REQUEST: {
    retryable: false,
    meaning: 'The server could not read a request.',
    remedy: 'Find the client: it is broken, or it is not a Rivulet peer.',
  },
  RIVULET_INTERNAL: {
    retryable: false,
    meaning: 'A handler failed in a way that its method does not declare.',
    remedy: 'Look at `errors` of the server: the client gets no details. Declare the errors that callers should see.',
  },
  RIVULET_UNKNOWN_ERROR: {
    retryable: false,
    meaning: 'The other side failed with a code that this version does not know; the message begins with that code.',
    remedy: 'Read the message, and bring this side up to date.',
  },
  RIVULET_SERVER_CLOSING: {
    retryable: true,
    meaning: 'The server closed in an orderly way before the outcome of a call: it may have run.',
    remedy: 'Call again if a second run does no harm: another server takes the call, or this one when it is back.',
  },
  RIVULET_UNHANDLED_ERROR: {
    retryable: false,
    meaning: 'A call or a stream of a call failed, and its subscriber has no error callback.',
    remedy: 'Read `cause`, and give `subscribe` an error callback, or use `catchError`.',
  },
  RIVULET_UNKNOWN_OUTCOME: {
    retryable: false,
    meaning: 'The session ended after a request had left and before its outcome came: it may have run.',
    remedy: 'Find out whether it ran, or declare the method idempotent: such calls are sent again automatically.',
  },
  RIVULET_QUEUE_FULL: {
    retryable: true,
    meaning: 'A queue has as many messages, or as many bytes of them, as it may have; the message was not stored.',
    remedy: 'Try again when consumers have worked some off, raise the limits of the queue, or let it drop its oldest.',
  },
  RIVULET_STORE_FULL: {
    retryable: true,
    meaning: 'A store or its disk has no room for a batch, so nothing of the batch was written.',
    remedy: 'Take away what is not needed, free the disk, or open the store with a larger `maxBytes`.',
  },
  RIVULET_STORE_FAILED: {
    retryable: true,
    meaning: 'A store cannot be used: the disk, the library or the data file under it failed.',
    remedy: 'Read `cause`, put right what it tells, and open the store again: what was confirmed is there.',
  },
  RIVULET_STORE_LOCKED: {
    retryable: true,
    meaning: 'Another process, or another part of this one, has the store open.',
    remedy: 'Close it there: one process writes a store at a time.',
  },
  RIVULET_STORE_FORMAT: {
    retryable: false,
    meaning: 'A file is no store of Rivulet, or one of a newer version.',
    remedy: 'Check the path, or use the version that wrote it.',
  },
  RIVULET_STORE_CORRUPT: {
    retryable: false,
    meaning: 'What a store reads from its disk is not what it wrote.',
    remedy: 'Look for a broken disk; restore a backup, or do without the records that the message names.',
  },
  RIVULET_UNKNOWN_QUEUE: {
    retryable: false,
    meaning: 'The host has no queue of this name.',
    remedy: 'Name the queue in `queues` of the host, or let the host make queues: `autoCreate: true`.',
  },
  RIVULET_TOO_MANY_QUEUES: {
    retryable: false,
    meaning: 'The host has as many queues as `maxQueues` allows, so it made no further one.',
    remedy: 'Raise `maxQueues` of the host, or find out who names queues without end.',
  },
  RIVULET_LEASE_LOST: {
    retryable: false,
    meaning: 'The lease of a delivery has ended, and another consumer may have its message.',
    remedy:
      'Leave the work: the message is delivered again. Use `process` or `extend` for work that takes longer than a lease; read `cause`.',
  },
  RIVULET_EVENT_LOOP_BLOCKED: {
    retryable: false,
    meaning:
      'The event loop of this process was blocked for so long that it lost leases; it is the cause of RIVULET_LEASE_LOST.',
    remedy: 'Move work that computes for long to a worker thread, or raise `leaseMs` of the queue.',
  },
  RIVULET_ALREADY_CONSUMED: {
    retryable: false,
    meaning: 'The deliveries of a consumer have a subscriber already, and take one alone.',
    remedy: 'Open another consumer: the queue spreads its messages over all of them.',
  },
  RIVULET_NOT_SUBSCRIBED: {
    retryable: false,
    meaning: 'The result of `process` has had no subscriber for 5 s, so it takes no message.',
    remedy: 'Subscribe to what `process` returns.',
  },
  RIVULET_DIRECTORY_FULL: {
    retryable: true,
    meaning: 'A directory has as many announcements or watched names as it takes, in all or of this client or key.',
    remedy: 'Close announcements, unsubscribe from names, or raise the limits of the host that the message names.',
  },
  ...peerEntries,
  ...socketEntries,
  ...tlsEntries,
  ...topicEntries,
} as const satisfies Record<string, ErrorCodeEntry>

/** One of the stable codes that `RivuletError.code` takes. */
export type ErrorCode = keyof typeof entries

/** Every error code of Rivulet, with its meaning and its remedy. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeEntry>> = entries
