/** A dialer and an acceptor with a wire between them, whose every frame and every millisecond is in the hands of a test. */
import { bufferFull } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import { writeHello } from '../../src/session/handshake.js'
import {
  Acceptor,
  type AcceptorSettings,
  type Authenticator,
  Dialer,
  type DialerSettings,
  type IdentityProver,
  type ItemBody,
  type SessionStreams,
  type StreamsHandler,
} from '../../src/session/index.js'
import type { Session } from '../../src/session/session.js'
import { frameKind, Hello, type LinkNumbers, Refusal, readLinkNumbers, readRecordFrame } from '../../src/wire/index.js'
import { PromptAcceptor } from './prompt-acceptor.js'

/** How machines behave in tests, unless they say otherwise. */
export const settings: DialerSettings & AcceptorSettings = {
  limits: { itemBytes: 1_000_000, windowBytes: 262_144, streamWindowBytes: 131_072, assemblyBytes: 4_000_000 },
  outboxBytes: 8_388_608,
  heartbeatMs: 1000,
  silenceMs: 10_000,
  retentionMs: 30_000,
  handshakeMs: 2000,
  maxSessions: 4,
}

/** The kind of the items that tests send. */
export const itemKind = 20

/** Why tests lose connections. */
export const lost = new RivuletError('RIVULET_TRANSPORT_FAILED', 'the test has cut the connection')

/** A hello, with what a test wants to be different. */
export const helloOf = (fields: Partial<Hello> = {}): Buffer =>
  writeHello({
    minVersion: 1,
    maxVersion: 1,
    capabilities: [],
    session: Buffer.alloc(16, 9),
    connection: 1,
    resume: false,
    received: 0,
    limits: settings.limits,
    extensions: {},
    ...fields,
  })

/** A body that is there already. */
export function bodyOf(body: Buffer | string): ItemBody {
  const bytes = Buffer.from(body)
  return {
    writeBody(target, _view, position, end) {
      if (position + bytes.length > end) throw bufferFull
      bytes.copy(target, position)
      return position + bytes.length
    },
  }
}

/** An item that was delivered. */
export interface Delivered {
  readonly stream: number
  readonly kind: number
  readonly flags: number
  readonly body: Buffer
}

/** One side's pattern: notes what it is told. */
export class Listener implements StreamsHandler {
  readonly session: Session
  readonly items: Delivered[] = []
  readonly writable: number[] = []
  /** What the session was each time it told of a change. */
  readonly changes: { status: string; suspected: boolean; draining: boolean; code: string | undefined }[] = []
  /** Is told of each item, too. */
  listen: ((item: Delivered) => void) | undefined

  constructor(session: SessionStreams) {
    this.session = session as Session
  }

  get texts(): string[] {
    return this.items.map(({ body }) => body.toString())
  }

  get statuses(): string[] {
    return this.changes.map(({ status }) => status)
  }

  /** Why the session was cut or ended, at last. */
  get reason(): string | undefined {
    return this.changes.at(-1)?.code
  }

  send(stream: number, body: Buffer | string = 'x', flags = 0, kind = itemKind): void {
    this.session.send(stream, kind, flags, bodyOf(body))
  }

  onItem(
    stream: number,
    kind: number,
    flags: number,
    bytes: Buffer,
    _view: DataView,
    start: number,
    end: number,
  ): void {
    const item = { stream, kind, flags, body: Buffer.from(bytes.subarray(start, end)) }
    this.items.push(item)
    this.listen?.(item)
  }

  onWritable(stream: number): void {
    this.writable.push(stream)
  }

  onStatus(reason: RivuletError | undefined): void {
    const { status, suspected, draining } = this.session
    this.changes.push({ status, suspected, draining, code: reason?.code })
  }
}

/** What a frame is, for tests that look at frames. */
export function look(frame: Buffer): { kind: number; bytes: number } & Partial<LinkNumbers> {
  const kind = (frame[3] as number) >> 1
  const numbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
  if (kind !== frameKind.link) return { kind, bytes: frame.length }
  readLinkNumbers(frame, { position: 0 }, numbers)
  return { kind, bytes: frame.length, ...numbers }
}

/** How a pair is set up. */
export interface LinkPairOptions {
  readonly dialer?: Partial<DialerSettings>
  readonly acceptor?: Partial<AcceptorSettings>
  /** Counts an item; returns whether the rest of its frame waits for another turn. Default: it never does. */
  readonly spend?: () => boolean
  /** How the acceptor knows its peers, and the dialer proves its key. Default: neither does. */
  readonly authenticator?: Authenticator
  readonly prover?: IdentityProver
  /** Uses the sessions of a side in place of a listener. */
  readonly onDialed?: (session: SessionStreams) => StreamsHandler
  readonly onAccepted?: (session: SessionStreams) => StreamsHandler
}

/** A dialer, an acceptor and a wire. */
export class LinkPair {
  now = 5000
  /** Frames that are on their way. */
  readonly toAcceptor: Buffer[] = []
  readonly toDialer: Buffer[] = []
  /** Frames to other connections than the present one. */
  readonly elsewhere: { peer: string; frame: Buffer }[] = []
  readonly dialerReports: string[] = []
  readonly acceptorReports: string[] = []
  /** The users of each session, in order. */
  readonly dialed: Listener[] = []
  readonly accepted: Listener[] = []
  /** Whose the accepted sessions are, in order. */
  readonly identities: (PeerIdentity | undefined)[] = []
  /** Times that the dialer asked for another connection. */
  reconnects = 0
  readonly dialer: Dialer
  readonly acceptor: Acceptor
  #connections = 0
  #flushes = new Set<() => void>()
  #ids = 0

  constructor(options: LinkPairOptions = {}) {
    const now = () => this.now
    const { spend = () => false } = options
    // who counts items looks at what is held
    const Accepting = options.spend === undefined ? PromptAcceptor : Acceptor
    this.acceptor = new Accepting(
      { ...settings, ...options.acceptor },
      {
        now,
        transmit: (peer, frame) => {
          if (peer === this.peer) this.toDialer.push(frame)
          else this.elsewhere.push({ peer, frame })
        },
        flushLater: (flush) => this.#flushes.add(flush),
        spend,
        accept: (session, identity) => {
          this.identities.push(identity)
          return options.onAccepted?.(session) ?? listener(session, this.accepted)
        },
        report: ({ code }) => this.acceptorReports.push(code),
        authenticator: options.authenticator,
      },
    )
    this.dialer = new Dialer(
      { ...settings, ...options.dialer },
      {
        now,
        random: (bytes) => Buffer.alloc(bytes, ++this.#ids),
        transmit: (frame) => this.toAcceptor.push(frame),
        flushLater: () => this.#flushes.add(this.#flush),
        spend,
        reconnect: () => {
          this.reconnects += 1
        },
        accept: (session) => options.onDialed?.(session) ?? listener(session, this.dialed),
        report: ({ code }) => this.dialerReports.push(code),
        prover: options.prover,
      },
    )
  }

  /** The name of the present connection. */
  get peer(): string {
    return `connection ${this.#connections}`
  }

  /** The users of the present session. */
  get client(): Listener {
    return this.dialed.at(-1) as Listener
  }

  get server(): Listener {
    return this.accepted.at(-1) as Listener
  }

  /** Makes a connection, and lets everything arrive. */
  connect(): this {
    this.up()
    this.settle()
    return this
  }

  /** Makes a connection: the hello is on its way. */
  up(): void {
    this.#connections += 1
    this.dialer.up()
  }

  /** Cuts the connection at both sides; what was on its way is lost. */
  cut(): void {
    this.toAcceptor.length = this.toDialer.length = 0
    this.dialer.down(lost)
    this.acceptor.gone(this.peer, lost)
  }

  /** Ends the turn of both sides. */
  flush(): void {
    const flushes = [...this.#flushes]
    this.#flushes.clear()
    for (const flush of flushes) flush()
  }

  /** Lets everything leave and arrive, until nothing more happens. */
  settle(): void {
    for (;;) {
      this.flush()
      const [toAcceptor] = this.toAcceptor.splice(0, 1)
      const [toDialer] = this.toDialer.splice(0, 1)
      if (toAcceptor && !this.acceptor.receive(this.peer, toAcceptor)) while (!this.acceptor.takeRest());
      if (toDialer && !this.dialer.receive(toDialer)) while (!this.dialer.takeRest());
      if (!toAcceptor && !toDialer && this.#flushes.size === 0) return
    }
  }

  /** Lets time pass: both sides tick, and what they send arrives. */
  pass(ms: number, arrives = true): void {
    for (let passed = 0; passed < ms; passed += settings.heartbeatMs) {
      this.now += settings.heartbeatMs
      this.dialer.tick()
      this.acceptor.tick()
      if (arrives) this.settle()
    }
  }

  /** The hello that is on its way. */
  hello(): Hello {
    return readRecordFrame(Hello, this.toAcceptor.at(-1) as Buffer, frameKind.hello, undefined)
  }

  readonly #flush = () => this.dialer.flush()
}

/** The refusals among frames. */
export function refusalsIn(frames: readonly Buffer[]): string[] {
  return frames
    .filter((frame) => look(frame).kind === frameKind.refusal)
    .map((frame) => readRecordFrame(Refusal, frame, frameKind.refusal, undefined).reason)
}

function listener(session: SessionStreams, list: Listener[]): Listener {
  const one = new Listener(session)
  list.push(one)
  return one
}
