/**
 * The accepting side of links: many peers, each with one session, which may come back on another connection.
 *
 * Pure, like the sessions in it. Peers are opaque names of connections; nothing is kept of one that has not said HELLO, and
 * with an authenticator little of one that has not proven its key.
 */
import { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from '../security/index.js'
import { claimedKind, frameKind, type Hello, misplaced } from '../wire/index.js'
import { type AcceptedSession, AcceptedSessions, keyOf } from './accepted-sessions.js'
import type { AcceptorPorts, AcceptorSettings } from './acceptor-ports.js'
import {
  isHello,
  kindOf,
  readHello,
  refusalReason,
  revokedError,
  speaksOurVersion,
  versionMessage,
  welcomeFor,
  writeRefusal,
  writeWelcome,
} from './handshake.js'
import { HeldFrames, isOpening, type Opening } from './held-frames.js'
import { connectionOf } from './link-connection.js'
import { ProofGate, type ProofGatePorts } from './proof-gate.js'
import { Session } from './session.js'
import { silenceError, transportFailed } from './session-settings.js'

const anotherBegun = 'its connection has begun another session'

/** The accepting side of links. */
export class Acceptor {
  readonly #settings: AcceptorSettings
  readonly #ports: AcceptorPorts
  readonly #sessions = new AcceptedSessions()
  /** Asks for proofs, where sessions have owners. */
  readonly #gate: ProofGate | undefined
  /** The frames that wait: of sessions that have taken a part of theirs, and those that would open a session. */
  readonly held = new HeldFrames<AcceptedSession>()
  #strayFrames = 0
  #draining = false
  #closed = false

  constructor(settings: AcceptorSettings, ports: AcceptorPorts) {
    this.#settings = settings
    this.#ports = ports
    const { authenticator, now, transmit, report } = ports
    const refuse = this.#refuse.bind(this)
    const admit: ProofGatePorts['admit'] = (...proven) => this.#closed || this.#admit(...proven)
    this.#gate = authenticator && new ProofGate(authenticator, { now, transmit, report, refuse, admit })
  }

  /** Sessions, those that are cut included. */
  get size(): number {
    return this.#sessions.size
  }

  /** Frames that came on a connection without a session. */
  get strayFrames(): number {
    return this.#strayFrames
  }

  /** Whether everything that was sent has arrived, as far as there are connections. */
  get settled(): boolean {
    return this.#sessions.settled
  }

  /** What is held for all peers, in bytes. */
  get heldBytes(): number {
    return this.#sessions.heldBytes
  }

  /** Takes a frame of a connection, or a part of it, or lets it wait; returns whether nothing is held then. Never throws. */
  receive(peer: string, frame: Buffer): boolean {
    if (this.#closed) return true
    const entry = this.#sessions.on(peer)
    if (!this.held.keep(peer, entry, frame)) this.#take(peer, frame, entry)
    return this.held.size === 0
  }

  #take(peer: string, frame: Buffer, entry: AcceptedSession | undefined): void {
    let kind: number
    try {
      kind = kindOf(frame)
    } catch (error) {
      this.broken(peer, error as RivuletError)
      return
    }
    try {
      if (kind === frameKind.hello || (kind === frameKind.proof && this.#gate)) this.held.wait({ peer, frame })
      else if (kind !== frameKind.link) throw misplaced(kind)
      else if (entry === undefined) this.#stray(peer, frame)
      else if (!entry.session.receive(frame)) this.held.hold(entry)
    } catch (error) {
      this.#violated(entry, error as RivuletError)
    }
    if (entry?.session.status === 'ended') this.#sessions.remove(entry)
  }

  /** Takes the frame, or more of the one, that is held longest; returns whether nothing is held then. Never throws. */
  takeRest(): boolean {
    this.held.takeMore(
      (held) => this.#takeHeld(held),
      (peer, next) => (Buffer.isBuffer(next) ? this.receive(peer, next) : this.gone(peer, next)),
    )
    return this.held.size === 0
  }

  /** Returns whether all of a frame is taken; of one that opens a session, which counts as an item, whether the share is spent. */
  #takeHeld(held: AcceptedSession | Opening): boolean {
    let isTaken = true
    try {
      if (!isOpening(held)) isTaken = held.session.takeRest()
      else if (claimedKind(held.frame) === frameKind.hello) this.#hello(held.peer, readHello(held.frame))
      else this.#gate?.proof(held.peer, held.frame)
    } catch (error) {
      this.#violated(isOpening(held) ? this.#sessions.on(held.peer) : held, error as RivuletError)
    }
    if (isOpening(held)) return this.#ports.spend()
    if (held.session.status === 'ended') this.#sessions.remove(held)
    return isTaken
  }

  /** A frame was corrupted in transit, or is malformed. */
  broken(peer: string, error: RivuletError): void {
    const entry = this.#sessions.on(peer)
    if (entry) this.#reset(entry, error)
    else {
      this.#strayFrames += 1
      this.#ports.report(error)
    }
  }

  /** A connection is gone. */
  gone(peer: string, reason: RivuletError): void {
    if (this.held.keepEnd(peer, reason)) return
    this.#gate?.gone(peer)
    const entry = this.#sessions.on(peer)
    if (entry) this.#cutOff(entry, reason)
  }

  /** Time has passed; to be called every `heartbeatMs`. */
  tick(): void {
    for (const entry of this.#sessions.all()) {
      entry.session.tick()
      if (entry.session.status === 'ended') this.#sessions.remove(entry)
    }
    this.#boundWaiting(() => this.#sessions.overfullAt(this.#ports.now()))
    this.#gate?.tick()
  }

  /** Ends all sessions that a key owns, since it is admitted no more, or by another name. Returns how many there were. */
  revoke(publicKey: string, isRenamed = false): number {
    const entries = this.#sessions.of(publicKey)
    const reason = isRenamed ? refusalReason.unknownSession : refusalReason.unauthenticated
    for (const entry of entries) this.#dismiss(entry, reason, revokedError(isRenamed))
    return entries.length
  }

  /** Whether a key owns a session. */
  readonly isInUse = (publicKey: string): boolean => this.#sessions.countOf(publicKey) > 0

  /** Asks all peers to open no new streams. */
  announceDrain(): void {
    this.#draining = true
    for (const { session } of this.#sessions.all()) session.announceDrain()
  }

  /**
   * Ends all sessions, with a goodbye where there is a connection; returns the connections with one in transit. A dialer that
   * has read it says hello for another session; one whose hello or end waits here does not read it.
   */
  close(reason: RivuletError): string[] {
    this.#closed = true
    const leaving = new Set(this.#sessions.peers())
    for (const { peer, next } of this.held.clear()) if (!Buffer.isBuffer(next) || isHello(next)) leaving.delete(peer)
    for (const entry of [...this.#sessions.all()]) {
      entry.session.goodbye(reason)
      this.#sessions.remove(entry)
    }
    return [...leaving]
  }

  #hello(peer: string, hello: Hello): void {
    if (!speaksOurVersion(hello)) {
      this.#refuse(peer, hello.connection, refusalReason.version, versionMessage(hello))
      return
    }
    const known = this.#sessions.get(keyOf(hello))
    // a late hello of an earlier connection; and a second one of this connection
    if (known && hello.connection <= known.connection) return
    if (!this.#gate) this.#admit(peer, hello, undefined)
    else if (!this.#gate.isRepeated(peer, hello)) {
      // nothing flows on a connection between its hello and its proof: the session that was there leaves it
      const former = this.#sessions.on(peer)
      if (former && former === known) this.#cutOff(former, transportFailed('its peer says hello again'))
      else if (former) this.#end(former, anotherBegun)
      this.#gate.hello(peer, hello)
    }
  }

  /** The peer may have a session: that which it asks for, if it is its own, or another. */
  #admit(peer: string, hello: Hello, identity: PeerIdentity | undefined): void {
    const known = this.#sessions.get(keyOf(hello))
    const isForeign = known !== undefined && known.owner !== identity?.publicKey
    if (isForeign) this.#gate?.note('foreign-session', identity)
    if (isForeign || (hello.resume && !known)) {
      this.#refuse(peer, hello.connection, refusalReason.unknownSession, 'the session is not known here')
      return
    }
    // another connection may have been faster with its proof
    if (known && hello.connection <= known.connection) return
    const former = this.#sessions.on(peer)
    if (former && former !== known) this.#end(former, anotherBegun)
    if (hello.resume && known) this.#resume(peer, known, hello)
    else this.#begin(peer, hello, known, identity)
  }

  #begin(peer: string, hello: Hello, known: AcceptedSession | undefined, identity: PeerIdentity | undefined): void {
    // an honest dialer starts again only if no welcome has arrived, so nothing has happened on the session
    if (known && known.session.received > 0) {
      throw new RivuletError('RIVULET_PROTOCOL_VIOLATION', 'a hello would begin a session that exists')
    }
    if (known) this.#end(known, 'its dialer starts again')
    const full = this.#fullness(identity)
    if (full !== undefined) {
      this.#gate?.note('too-many-sessions', identity)
      this.#refuse(peer, hello.connection, refusalReason.tooManySessions, full)
      this.#ports.report(new RivuletError('RIVULET_TOO_MANY_SESSIONS', full))
      return
    }
    const entry = this.#newEntry(hello, identity)
    this.#enter(entry, peer, hello)
    if (this.#draining) entry.session.announceDrain()
  }

  /** Makes room for another session; returns why there is none. */
  #fullness(identity: PeerIdentity | undefined): string | undefined {
    const owner = identity?.publicKey
    const own = owner === undefined ? 0 : this.#sessions.countOf(owner)
    if (this.#gate?.isFull(own) && !this.#makeRoom(owner, true)) return `there are ${own} sessions of this key already`
    const { size } = this.#sessions
    if (size < this.#settings.maxSessions || this.#makeRoom(owner, false)) return undefined
    return `there are ${size} sessions already`
  }

  #resume(peer: string, entry: AcceptedSession, hello: Hello): void {
    const former = entry.peer
    if (former !== undefined && former !== peer) {
      this.#cutOff(entry, transportFailed('it has another connection now'))
      this.#refuse(former, entry.connection, refusalReason.superseded, 'the session has another connection now')
    }
    this.#enter(entry, peer, hello)
  }

  /** Answers, and lets link frames flow. */
  #enter(entry: AcceptedSession, peer: string, hello: Hello): void {
    const { session } = entry
    this.#sessions.place(entry, peer, hello.connection)
    const { limits } = this.#settings
    this.#ports.transmit(peer, writeWelcome(welcomeFor(hello, session.received, limits, this.#gate !== undefined)))
    session.attach(hello.connection, hello.limits, hello.received)
    if (session.status === 'ended') this.#sessions.remove(entry)
  }

  #newEntry(hello: Hello, identity: PeerIdentity | undefined): AcceptedSession {
    const { now, transmit, flushLater, spend, accept } = this.#ports
    const session: Session = new Session('acceptor', this.#settings, {
      now,
      transmit: (frame) => {
        if (entry.peer !== undefined) transmit(entry.peer, frame)
      },
      flushLater: () => flushLater(flush),
      spend,
      replaceConnection: (reason) => this.#reset(entry, reason),
      onSilence: () => this.#askForConnection(entry),
    })
    const flush = () => session.flush()
    const owner = identity?.publicKey
    const entry: AcceptedSession = { key: keyOf(hello), session, owner, peer: undefined, connection: 0 }
    session.handler = accept(session, identity)
    this.#sessions.add(entry)
    return entry
  }

  /** Asks a silent peer for another connection, in case that this one is dead one way; a busy peer keeps its session. */
  #askForConnection({ session, peer, connection }: AcceptedSession): void {
    session.handler?.onStatus(undefined)
    if (peer !== undefined) this.#refuse(peer, connection, refusalReason.reset, silenceError(this.#settings).message)
  }

  /** Ends a session without a connection for one of an owner; returns whether there was one that may be ended for it. */
  #makeRoom(owner: string | undefined, isOwn: boolean): boolean {
    const entry = this.#sessions.spareFor(owner, isOwn)
    if (entry) this.#end(entry, 'others need its place')
    return entry !== undefined
  }

  /** Only the dialer can make a new connection: it is asked to. */
  #reset(entry: AcceptedSession, reason: RivuletError): void {
    this.#ports.report(reason)
    const { peer, connection } = entry
    if (peer === undefined) return
    this.#cutOff(entry, reason)
    this.#refuse(peer, connection, refusalReason.reset, reason.message)
  }

  #stray(peer: string, frame: Buffer): void {
    const connection = connectionOf(frame)
    this.#strayFrames += 1
    if (this.#gate?.strayFrame(peer, connection)) return
    this.#refuse(peer, connection, refusalReason.unknownSession, 'there is no session on this connection')
  }

  /** The frame arrived as it was sent: its sender is broken or hostile. */
  #violated(entry: AcceptedSession | undefined, error: RivuletError): void {
    this.#ports.report(error)
    if (entry) this.#dismiss(entry, refusalReason.violation, error)
    else this.#strayFrames += 1
  }

  /** Ends a session and refuses its connection. */
  #dismiss(entry: AcceptedSession, reason: string, error: RivuletError): void {
    const { peer, connection, session } = entry
    if (peer !== undefined) this.#refuse(peer, connection, reason, error.message)
    session.end(error)
    this.#sessions.remove(entry)
  }

  #end(entry: AcceptedSession, why: string): void {
    entry.session.end(new RivuletError('RIVULET_SESSION_LOST', `a session of a link has ended: ${why}`))
    this.#sessions.remove(entry)
  }

  #refuse(peer: string, connection: number, reason: string, message: string): void {
    this.#ports.transmit(peer, writeRefusal(connection, reason, message))
  }

  #cutOff(entry: AcceptedSession, reason: RivuletError): void {
    this.#sessions.cutOff(entry)
    entry.session.detach(reason)
    this.#boundWaiting()
  }

  #boundWaiting(overfull = () => this.#sessions.overfull()): void {
    for (let most = overfull(); most; most = overfull()) this.#end(most, 'too much waits for its peer')
  }
}
