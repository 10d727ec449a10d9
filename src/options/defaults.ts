/**
 * The one table of defaults: every number that a resource uses when its caller says nothing.
 *
 * `docs/defaults.md` shows the same table, and a test holds the two against each other. Bounds of single options are
 * not here: they stand beside the option.
 */

/** Every default, with its unit in its name. */
export const defaults = Object.freeze({
  /** The first wait before a lost connection is tried again, in milliseconds; each side adds up to as much at random. */
  reconnectMs: 100,
  /** The longest wait between two tries, in milliseconds. */
  reconnectMaxMs: 1000,
  /** How long a new connection may take to agree on the protocol, in milliseconds. */
  handshakeMs: 2000,
  /** How often a session shows a sign of life, and how often the system probes a silent connection, in milliseconds. */
  heartbeatMs: 1000,
  /** How long a connection may stay silent before it is cut, in milliseconds. */
  silenceMs: 10_000,
  /** How long frames for a subscriber may stay unacknowledged by its system before it is cut, in milliseconds. */
  subscriberSilenceMs: 60_000,
  /** The same as `silenceMs` for a worker of a transient queue, which may have a backlog from a producer that is gone. */
  workerSilenceMs: 600_000,
  /** How long `close` drains, in milliseconds. */
  closeTimeoutMs: 5000,
  /** The largest message of topics and the transient queue, in bytes. */
  maxMessageBytes: 1_048_576,
  /** The largest message of a link, in bytes. */
  maxLinkMessageBytes: 16_777_216,
  /** What may be under way on one link, in bytes: more is faster far away, less lets small messages pass large ones. */
  linkWindowBytes: 262_144,
  /** What may be under way and not consumed on one stream of a link, in bytes. */
  streamWindowBytes: 131_072,
  /** How long a disconnected link may be resumed, in milliseconds; less than `callTimeoutMs`, so that its end leaves time. */
  retentionMs: 15_000,
  /** How long a disconnected link keeps calls that another server can take, in milliseconds. */
  failoverMs: 1000,
  /** Links of one server. */
  maxSessions: 1024,
  /** Calls of one server at the same time. */
  maxConcurrentCalls: 65_536,
  /** What one client's streams of requests may hold at a server before they are consumed, and outcomes it does not read, in bytes. */
  backlogBytes: 67_108_864,
  /** How long a call with one response may take, in milliseconds. */
  callTimeoutMs: 30_000,
  /** What one outbox may hold, in bytes. */
  outboxBytes: 8_388_608,
  /** What one batch frame may hold before it is cut, in bytes. */
  frameBytes: 65_536,
  /** Frames that wait in the library for one worker, on each side, in a transient queue. */
  queueHighWaterMark: 32,
  /** Frames that wait in the library for one subscriber, on each side. */
  topicHighWaterMark: 128,
  /** How long a publisher waits for a subscriber that is full before that one loses frames, in milliseconds. */
  slowSubscriberMs: 200,
  /** What the subscriptions of all subscribers of a publisher may add up to, in bytes. */
  subscriptionBytes: 524_288,
  /** What the system may hold for one connection of a transient queue, in bytes a side. */
  socketBufferBytes: 65_536,
  /** How often a writer announces its schema while it sends, in milliseconds. */
  announceMs: 1000,
  /** Frames that a receiver parks while it waits for the schema of their writer. */
  parkedFrames: 64,
  /** How long it parks them, in milliseconds. */
  parkedMs: 5000,
  /** Input and output threads of a runtime. */
  ioThreads: 1,
  /** Sockets of a runtime, monitors included. */
  maxSockets: 1023,
  /** What the records of a store on disk may take, in bytes. */
  storeBytes: 4_294_967_296,
  /** How long a consumer of a durable queue has a message without a sign of life, in milliseconds. */
  leaseMs: 30_000,
  /** Deliveries of one message, the first included, before it is a dead letter. */
  maxAttempts: 5,
  /** The wait before a message is delivered again after its first failure, in milliseconds; each further one doubles it. */
  backoffInitialMs: 1000,
  /** The longest of these waits, in milliseconds. */
  backoffMaxMs: 60_000,
  /** How long the id of a message is remembered, in milliseconds. */
  dedupeMs: 120_000,
  /** Messages that a consumer has and has not settled. */
  prefetchMessages: 64,
  /** Queues of one host, dead letters aside. */
  maxQueues: 1024,
})
