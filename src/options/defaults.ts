/**
 * The one table of defaults: every value that a resource uses when its caller gives none, and every limit that the pages state.
 *
 * The docstrings of options repeat the values, and `docs/reference/options.md` shows both; a test compares them. The bounds of
 * single options are beside the option.
 */

const endless = Number.POSITIVE_INFINITY

/** Every default; the names of numbers contain the unit. */
export const defaults = Object.freeze({
  /** Whether a resource may bind where other machines can reach it. */
  insecure: false,
  /** The first wait before a lost connection is tried again, in milliseconds; each side adds up to as much at random. */
  reconnectMs: 100,
  /** The longest wait between two tries, in milliseconds. */
  reconnectMaxMs: 1000,
  /** The first wait before a server that refused this side for reasons of security is tried again, in milliseconds; each further refusal doubles it. */
  refusedMs: 1000,
  /** The longest of these waits, in milliseconds. */
  refusedMaxMs: 30_000,
  /** How long a new connection may take to agree on the protocol, and a link to be answered, in milliseconds. */
  handshakeMs: 2000,
  /** How long a bound side with security waits for the proof of a peer, in milliseconds; longer than a peer waits for an answer. */
  proofMs: 5000,
  /** How long a TLS handshake of an accepted connection may take, in milliseconds. */
  tlsHandshakeMs: 10_000,
  /** The oldest version of TLS that is agreed to. */
  tlsMinVersion: 'TLSv1.2',
  /** Whether a listener with TLS asks its clients for a certificate. */
  requestCert: false,
  /** How often a session shows a sign of life, and how often the system probes a silent connection, in milliseconds. */
  heartbeatMs: 1000,
  /** How long a connection may stay silent before it is cut, and that of a session replaced, in milliseconds. */
  silenceMs: 10_000,
  /** How long frames between a publisher and a subscriber may stay unacknowledged by the other system before the connection is cut, in milliseconds (Linux). */
  subscriberSilenceMs: 60_000,
  /** The same as `silenceMs` for a worker of a transient queue, which may have a backlog from a producer that is gone. */
  workerSilenceMs: 600_000,
  /** Endpoints of an observable that one resource connects to; of a longer list those in use stay, and the first of the others are added. */
  maxEndpoints: 256,
  /** How long subscribers, publishers and workers keep the connection to an endpoint that was removed, unless its peer leaves before, in milliseconds; and the longest that they then read what a peer that stays has sent. */
  removedMs: 5000,
  /** How long a producer of a transient queue gives removed workers to take the frames that it has sent, in milliseconds. */
  removedLingerMs: 30_000,
  /** How long `whenConnected` and `whenReady` wait, in milliseconds. */
  waitTimeoutMs: endless,
  /** Whether `close` drains. */
  drain: true,
  /** How long `close` drains, in milliseconds. */
  closeTimeoutMs: 5000,
  /** How long `close` of a server waits for a client after the connection was lost, in milliseconds: a live client has connected again by then. */
  absentMs: 1500,
  /** The largest message of topics and the transient queue, in bytes. */
  maxMessageBytes: 1_048_576,
  /** The largest message of a link, in bytes. */
  maxLinkMessageBytes: 16_777_216,
  /** Bytes in flight on one link, sent and not acknowledged: more is faster over long distances, less lets small messages pass large ones. */
  linkWindowBytes: 262_144,
  /** Bytes in flight on one stream of a link, sent and not consumed. */
  streamWindowBytes: 131_072,
  /** How long a disconnected link may be resumed, in milliseconds; less than `callTimeoutMs`, so that its end leaves time. */
  retentionMs: 15_000,
  /** How long a disconnected link keeps calls that another server can take, in milliseconds. */
  failoverMs: 1000,
  /** Links of one server. */
  maxSessions: 1024,
  /** Links of one key at a server with security, disconnected ones included, and half of `maxSessions` at most; further ones are refused. */
  maxKeySessions: 256,
  /** Calls of one server at the same time. */
  maxConcurrentCalls: 65_536,
  /** Open calls of one client at a server, over all sessions of its key where keys are known; of one session, outcomes that wait included. */
  maxOpenCalls: 16_384,
  /** Calls that one client may begin at a server within a second. */
  maxCallsPerSecond: endless,
  /** Calls that it may cancel within a second before it may begin no more until the second has ended. */
  maxCancelsPerSecond: 10_000,
  /** Calls of one client that wait for a server. */
  maxWaitingCalls: 65_536,
  /** Bytes that the streams of requests of one client may hold at a server before they are consumed, and the same again for outcomes that it does not read; a single one may be larger. */
  backlogBytes: 67_108_864,
  /** How long a call with one response may take, in milliseconds. */
  callTimeoutMs: 30_000,
  /** How long a call with a stream of responses may take without `timeoutMs` of its own, in milliseconds. */
  streamTimeoutMs: endless,
  /** Whether calls wait until a server is connected. */
  waitForReady: true,
  /** What one outbox may hold, in bytes. */
  outboxBytes: 8_388_608,
  /** What happens when an outbox is full. */
  overflow: 'block',
  /** Bytes of a frame of several messages; a larger message has a frame to itself. */
  frameBytes: 65_536,
  /** The most messages of one batch frame. */
  maxBatchMessages: 65_536,
  /** Messages that `process` works on at the same time. */
  concurrencyMessages: 1,
  /** Frames that wait in the library for one worker of a transient queue, on each side. */
  queueHighWaterMark: 32,
  /** Frames that wait in the library for one subscriber, on each side. */
  topicHighWaterMark: 128,
  /** What happens when a subscriber does not keep up. */
  slowSubscribers: 'drop',
  /** How long a publisher waits for a subscriber that is full before that one loses frames, in milliseconds. */
  slowSubscriberMs: 200,
  /** How long a publisher waits for no subscriber after that, in milliseconds. */
  slowSubscriberPauseMs: 5000,
  /** From where a stream of topics begins. */
  since: 'now',
  /** Messages and notices that wait in a stream with `conflateBy`. */
  maxConflatedKeys: 65_536,
  /** How long a stream of topics may hold up its subscriber before that is reported, in milliseconds. */
  slowStreamMs: 5000,
  /** How often a subscriber that waits until it is ready repeats its request, in milliseconds. */
  readinessMs: 200,
  /** How long a subscriber repeats a request, with doubling pauses, that fewer links have answered than there are, in milliseconds. */
  insistMs: 60_000,
  /** How long frames of a publisher wait that has not answered, where `since` asks for earlier messages, in milliseconds. */
  topicAnswerMs: 1000,
  /** How long a subscriber waits for links that serve the history of a publisher, in milliseconds. */
  repairTimeoutMs: 5000,
  /** What a subscriber holds of frames behind missing messages, in bytes. */
  heldBytes: 8_388_608,
  /** How long a publisher may take to answer after a link has ended before it is suspected, in milliseconds. */
  publisherSuspectMs: 1000,
  /** How long a suspected publisher may take to answer before it counts as gone, in milliseconds. */
  publisherLeaveMs: 5000,
  /** Messages that a publisher with history keeps. */
  historyMessages: endless,
  /** What its history may take, in bytes. */
  historyBytes: 67_108_864,
  /** How long it keeps a message, in milliseconds. */
  historyAgeMs: endless,
  /** Links of one publisher or subscriber of topics: one for each peer that asks it for history, or that it asks. */
  maxTopicSessions: 4096,
  /** What the subscriptions of all subscribers of a publisher may add up to, in bytes. */
  subscriptionBytes: 524_288,
  /** What the system may hold for one connection of a transient queue, in bytes a side. */
  socketBufferBytes: 65_536,
  /** How often a writer announces its schema while it sends, in milliseconds. */
  announceMs: 1000,
  /** Bytes of new schemas that one socket of datagrams, or one listener of typed streams, learns in a second, and at once; each schema counts as its text and 4096 bytes more. */
  schemaBytesPerSecond: 131_072,
  /** Frames that a receiver parks while it waits for the schema of their writer. */
  parkedFrames: 64,
  /** Bytes that these frames may take together. */
  parkedBytes: 4_194_304,
  /** How long a frame is parked at most, in milliseconds. */
  parkedMs: 5000,
  /** How long a `send` of a peer waits until the receiver has taken the message, in milliseconds. */
  messageTimeoutMs: 30_000,
  /** Whether a second try of a message may reach the next incarnation of its receiver. */
  delivery: 'at-most-once',
  /** Messages that the mailbox of a peer holds. */
  mailboxMessages: 65_536,
  /** What they may take together, in bytes. */
  mailboxBytes: 8_388_608,
  /** What happens when a mailbox is full. */
  mailboxOverflow: 'block',
  /** Messages that a mailbox keeps of schemas that nobody consumes, all together. */
  unclaimedMessages: 1024,
  /** Bytes that these messages may take together. */
  unclaimedBytes: 1_048_576,
  /** Receivers that one peer sends to and that are not present. */
  maxAbsentPeers: 1024,
  /** Peers that one other process may have. */
  maxLinkPeers: 16_384,
  /** How long a peer without a live link stays present, in milliseconds. */
  leaveMs: 1500,
  /** Whether a peer takes its name from a holder. */
  takeover: false,
  /** Whether an ask that may have run is asked again. */
  idempotent: false,
  /** How long `connectStream` tries, in milliseconds: the name, the connection and TLS together. */
  connectTimeoutMs: 10_000,
  /** Connections of one listener of byte streams. */
  maxConnections: 1024,
  /** Connections that the system holds for a listener until they are accepted; the system may hold fewer. */
  backlogConnections: 511,
  /** What all connections of a listener may hold together, in bytes. */
  maxBufferedBytes: 268_435_456,
  /** How long a connection waits for a subscriber of `connections`, in milliseconds. */
  takeTimeoutMs: 5000,
  /** How long a byte stream may be silent in both directions, in milliseconds. */
  idleTimeoutMs: endless,
  /** How long an accepted connection may take to send its first frame, in milliseconds. */
  firstFrameTimeoutMs: 60_000,
  /** How long a server may take to send its first frame, in milliseconds. */
  serverFrameTimeoutMs: endless,
  /** How long any other frame may take from its first byte to its last, in milliseconds. */
  frameTimeoutMs: 60_000,
  /** How long this side may be silent after the peer has closed its half, before it closes its own, in milliseconds. */
  halfOpenTimeoutMs: 30_000,
  /** How long a peer may take to close its half after its data was refused, in milliseconds; then the connection is destroyed. */
  refusalMs: 1000,
  /** How long a byte stream is silent before the system probes it, in milliseconds. */
  keepAliveMs: 30_000,
  /** The longest line of a byte stream, in bytes. */
  maxLineBytes: 65_536,
  /** How lines become bytes. */
  lineEncoding: 'utf8',
  /** The largest frame of a byte stream, in bytes. */
  maxFrameBytes: 1_048_576,
  /** The length field of a frame, in bytes. */
  prefixBytes: 4,
  /** Which byte of it comes first. */
  endianness: 'big',
  /** What a frame has before it, in bytes. */
  prefixOffsetBytes: 0,
  /** What is added to it to get what follows it, in bytes. */
  prefixAdjustmentBytes: 0,
  /** How values of the type long are read: as numbers, or as bigints. */
  long: 'number',
  /** Input and output threads of a runtime. */
  ioThreads: 1,
  /** Sockets of a runtime, monitors included. */
  maxSockets: 1023,
  /** What the records of a store on disk may take, in bytes. */
  storeBytes: 4_294_967_296,
  /** What a confirmation of a durable queue on disk has survived. */
  durability: 'flushed',
  /** Whether a store on disk opens at the last flushed transaction, whatever was committed after it. */
  flushedOnly: false,
  /** How long a consumer of a durable queue has a message without a sign of life, in milliseconds. */
  leaseMs: 30_000,
  /** The end of the name of a queue of dead letters, behind the name of its queue. */
  deadSuffix: '.dead',
  /** Deliveries of one message, the first included, before it is a dead letter. */
  maxAttempts: 5,
  /** The wait before a message is delivered again after its first failure, in milliseconds; each further one doubles it. */
  backoffInitialMs: 1000,
  /** The longest of these waits, in milliseconds. */
  backoffMaxMs: 60_000,
  /** How much longer each of these waits is than the one before. */
  backoffFactor: 2,
  /** Messages of one durable queue. */
  maxLength: endless,
  /** Bytes of their bodies. */
  maxQueueBytes: endless,
  /** How long a message may be ready before it is dropped, in milliseconds. */
  maxAgeMs: endless,
  /** What happens when a durable queue is full. */
  queueOverflow: 'reject',
  /** Whether messages of one key are delivered one after the other. */
  keyOrder: false,
  /** Messages that may wait for others of their key before no further messages are read. */
  keyOrderMessages: 10_000,
  /** What happens to messages that no attached consumer can read. */
  unreadable: 'keep',
  /** How long the id of a message is remembered, in milliseconds. */
  dedupeMs: 120_000,
  /** How long a queue remembers the last message of a producer that sends nothing, in milliseconds. */
  producerMemoryMs: 86_400_000,
  /** How long a `send` of a producer waits for its confirmation, in milliseconds. */
  sendTimeoutMs: endless,
  /** Messages that a consumer has and has not settled. */
  prefetchMessages: 64,
  /** How long a consumer without a subscriber keeps messages that it has not handed out, in milliseconds. */
  lingerMs: 1000,
  /** How long the result of `process` of a consumer may have no subscriber before that is reported, in milliseconds. */
  unsubscribedMs: 5000,
  /** Messages that `peek` returns without a `limit`. */
  peekMessages: 10,
  /** The shortest time between two changes of a queue that `changes` emits, in milliseconds. */
  queueChangesMs: 100,
  /** Whether a queue is made when it is first used. */
  autoCreate: false,
  /** Queues of one host, dead letters aside. */
  maxQueues: 1024,
  /** How long an announcement in a directory holds without a connection of its client, in milliseconds. */
  announcementLeaseMs: 5000,
  /** How long after its start a host of a directory declares nobody gone, in milliseconds. */
  directoryGraceMs: 10_000,
  /** How long what a lost host of a directory has said is believed against another host, in milliseconds. */
  directoryStaleMs: 30_000,
  /** Announcements of one host of a directory. */
  maxAnnouncements: 16_384,
  /** Those of one client or key. */
  maxClientAnnouncements: 1024,
  /** Names that one client of a directory watches. */
  maxWatches: 1024,
  /** Views that all clients of one host of a directory watch. */
  maxWatchedViews: 65_536,
  /** The longest wait, at random, before a client of a directory announces again at a host, in milliseconds. */
  announceJitterMs: 500,
  /** The wait before a client of a directory announces again what a host has refused, in milliseconds; up to half as much is added at random. */
  announceAgainMs: 5000,
  /** The most bytes of a datagram, header included; a path of the Internet takes so many. */
  maxPayloadBytes: 1200,
  /** Whether messages of one turn share datagrams. */
  batch: false,
  /** Whether datagrams may go to all hosts of a network. */
  broadcast: false,
  /** Sources of datagrams whose numbers a socket remembers. */
  maxSources: 1024,
  /** What received datagrams may take that wait to be consumed, in bytes. */
  inboxBytes: 8_388_608,
  /** The buffer of the system for incoming datagrams, in bytes. */
  receiveBufferBytes: 1_048_576,
  /** How many routers datagrams to a group may pass, plus one. */
  multicastHops: 1,
  /** Whether sockets of the same machine receive them. */
  multicastLoopback: true,
  /** Errors of one code, caused by peers, that a resource reports at once; further ones are counted. */
  reportErrors: 32,
  /** How long these are counted before the next report, in milliseconds. */
  reportMs: 10_000,
  /** How often the process warns of errors of one kind that nobody observes, in milliseconds. */
  warningMs: 60_000,
  /** How often security events of one kind and reason are reported, in milliseconds; those between are counted. */
  securityEventMs: 1000,
  /** How long an allow list may take to decide about a key, in milliseconds; then the key is refused as not decided. */
  admissionTimeoutMs: 800,
  /** How often a function of an allow list is asked again about the keys that it has admitted, in milliseconds. */
  admissionRecheckMs: 500,
  /** How long the last answer of such a function holds while it fails or is slow, in milliseconds. */
  admissionGraceMs: 10_000,
  /** How long such a function is asked about a key that no link uses, in milliseconds; keys of one-way sockets count as used. */
  unusedKeyMs: 60_000,
  /** How long such a function is not asked again about a key that it has refused, in milliseconds. */
  refusalMemoryMs: 1000,
  /** Refused keys that are remembered, and keys about which such a function is asked at the same time. */
  undecidedKeys: 1024,
  /** Keys that such a function has admitted; beyond it, the one that connected longest ago is revoked. */
  admittedKeys: 16_384,
  /** Whether `saveKeyPair` replaces a file. */
  overwrite: false,
  /** How often `fromDns` looks a name up, in milliseconds; up to a fifth is added at random. */
  dnsPollMs: 5000,
  /** How long a look-up of `fromDns` may take, in milliseconds. */
  lookUpMs: 5000,
  /** How often the file of an allow list, or of `fromFile`, is looked at, in milliseconds. */
  followedFileMs: 250,
  /** Malformed frames within a second after which a bound socket admits new peers a few at a time. */
  floodFrames: 1000,
  /** How often it then admits some, in milliseconds. */
  admissionMs: 100,
  /** How long no peer must have waited before it admits all again, in milliseconds. */
  admissionCalmMs: 5000,
})
