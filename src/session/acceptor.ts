/**
 * The accepting side of links: many peers, each with one session, which may come back on another connection.
 *
 * Pure, like the sessions in it. Peers are opaque names of connections; nothing is kept of one that has not said HELLO.
 */
import { RivuletError } from '../errors/index.js'
import { frameKind, type Hello } from '../wire/index.js'
import { overfull } from './cut-sessions.js'
import {
  commonCapabilities,
  kindOf,
  linkVersion,
  readHello,
  refusalReason,
  speaksOurVersion,
  writeRefusal,
  writeWelcome,
} from './handshake.js'
import { connectionOf } from './link-connection.js'
import { Session } from './session.js'
import { type SessionSettings, silenceError } from './session-settings.js'
import type { SessionStreams, StreamsHandler } from './session-streams.js'

/** How an acceptor behaves. */
export interface AcceptorSettings extends SessionSettings {
  /** Sessions at the same time, those that are cut included. */
  readonly maxSessions: number
}

/** What an acceptor needs of its driver. */
export interface AcceptorPorts {
  now(): number
  transmit(peer: string, frame: Buffer): void
  /** Asks for a call of the function at the end of this turn. */
  flushLater(flush: () => void): void
  /** Counts an item that was taken; returns whether the rest of its frame must wait for the next turn. */
  spend(): boolean
  /** A new session begins; nothing happens on it before this returns. */
  accept(session: SessionStreams): StreamsHandler
  report(error: RivuletError): void
}

/** A session with the connection that it is on. */
interface Entry {
  readonly key: string
  readonly session: Session
  peer: string | undefined
  connection: number
}

/** The accepting side of links. */
export class Acceptor {
  readonly #settings: AcceptorSettings
  readonly #ports: AcceptorPorts
  readonly #byId = new Map<string, Entry>()
  readonly #byPeer = new Map<string, Entry>()
  /** Those without a connection, the one that was cut first in front. */
  readonly #cut = new Set<Entry>()
  /** The session that has taken its last frame in part. */
  #held: Entry | undefined
  #strayFrames = 0
  #draining = false
  #closed = false

  constructor(settings: AcceptorSettings, ports: AcceptorPorts) {
    this.#settings = settings
    this.#ports = ports
  }

  /** Sessions, those that are cut included. */
  get size(): number {
    return this.#byId.size
  }

  /** Frames that came on a connection without a session. */
  get strayFrames(): number {
    return this.#strayFrames
  }

  /** Whether everything that was sent has arrived, as far as there are connections. */
  get settled(): boolean {
    for (const { session } of this.#byId.values()) if (session.status === 'live' && !session.settled) return false
    return true
  }

  /** What is held for all peers, in bytes. */
  get heldBytes(): number {
    let bytes = 0
    for (const { session } of this.#byId.values()) bytes += session.heldBytes
    return bytes
  }

  /**
   * Takes a frame of a connection; never throws.
   *
   * Returns whether that was all of it. If not, no frame of any connection may come before `takeRest` has taken the rest.
   */
  receive(peer: string, frame: Buffer): boolean {
    if (this.#closed) return true
    let kind: number
    try {
      kind = kindOf(frame)
    } catch (error) {
      this.broken(peer, error as RivuletError)
      return true
    }
    const entry = this.#byPeer.get(peer)
    try {
      if (kind === frameKind.link && entry) this.#held = entry.session.receive(frame) ? undefined : entry
      else if (kind === frameKind.link) this.#stray(peer, frame)
      else if (kind === frameKind.hello) this.#hello(peer, readHello(frame))
      else throw new RivuletError('RIVULET_BAD_FRAME', `a frame of kind ${kind} does not belong here`)
    } catch (error) {
      this.#violated(peer, error as RivuletError)
    }
    if (entry?.session.status === 'ended') this.#remove(entry)
    return this.#held === undefined
  }

  /** Takes more of a frame that is held, in another turn; returns whether that was all of it. Never throws. */
  takeRest(): boolean {
    const entry = this.#held
    if (entry === undefined) return true
    try {
      if (!entry.session.takeRest()) return false
    } catch (error) {
      this.#ports.report(error as RivuletError)
      this.#accuse(entry, error as RivuletError)
    }
    this.#held = undefined
    if (entry.session.status === 'ended') this.#remove(entry)
    return true
  }

  /** A frame was corrupted in transit, or is malformed. */
  broken(peer: string, error: RivuletError): void {
    const entry = this.#byPeer.get(peer)
    if (entry) {
      this.#reset(entry, error)
      return
    }
    this.#strayFrames += 1
    this.#ports.report(error)
  }

  /** A connection is gone. */
  gone(peer: string, reason: RivuletError): void {
    const entry = this.#byPeer.get(peer)
    if (!entry) return
    this.#cutOff(entry, reason)
  }

  /** Time has passed; to be called every `heartbeatMs`. */
  tick(): void {
    for (const entry of this.#byId.values()) {
      entry.session.tick()
      if (entry.session.status === 'ended') this.#remove(entry)
    }
    this.#boundWaiting()
  }

  /** Asks all peers to open no new streams. */
  announceDrain(): void {
    this.#draining = true
    for (const { session } of this.#byId.values()) session.announceDrain()
  }

  /**
   * Ends all sessions, with a goodbye where there is a connection.
   *
   * @returns The connections with a goodbye in transit; a dialer that has read it says hello for another session.
   */
  close(reason: RivuletError): string[] {
    this.#closed = true
    const peers = [...this.#byPeer.keys()]
    for (const entry of [...this.#byId.values()]) {
      entry.session.goodbye(reason)
      this.#remove(entry)
    }
    return peers
  }

  #hello(peer: string, hello: Hello): void {
    if (!speaksOurVersion(hello)) {
      const { minVersion, maxVersion } = hello
      const message = `this side speaks version ${linkVersion} of the link protocol, not ${minVersion} to ${maxVersion}`
      this.#refuse(peer, hello.connection, refusalReason.version, message)
      return
    }
    const key = hello.session.toString('latin1')
    const known = this.#byId.get(key)
    // a late hello of an earlier connection; and a second one of this connection
    if (known && hello.connection <= known.connection) return
    if (hello.resume && !known) {
      this.#refuse(peer, hello.connection, refusalReason.unknownSession, 'the session is not known here')
      return
    }
    const former = this.#byPeer.get(peer)
    if (former && former !== known) this.#end(former, 'its connection has begun another session')
    if (hello.resume && known) this.#resume(peer, known, hello)
    else this.#begin(peer, key, known, hello)
  }

  #begin(peer: string, key: string, known: Entry | undefined, hello: Hello): void {
    // an honest dialer starts again only if no welcome has arrived, so nothing has happened on the session
    if (known && known.session.received > 0) {
      throw new RivuletError('RIVULET_PROTOCOL_VIOLATION', 'a hello would begin a session that exists')
    }
    if (known) this.#end(known, 'its dialer starts again')
    if (this.#byId.size >= this.#settings.maxSessions && !this.#makeRoom()) {
      const message = `there are ${this.#byId.size} sessions already`
      this.#refuse(peer, hello.connection, refusalReason.tooManySessions, message)
      this.#ports.report(new RivuletError('RIVULET_TOO_MANY_SESSIONS', message))
      return
    }
    const entry = this.#newEntry(key)
    this.#enter(entry, peer, hello)
    if (this.#draining) entry.session.announceDrain()
  }

  #resume(peer: string, entry: Entry, hello: Hello): void {
    const former = entry.peer
    if (former !== undefined && former !== peer) {
      this.#cutOff(entry, new RivuletError('RIVULET_TRANSPORT_FAILED', 'a link: it has another connection now'))
      this.#refuse(former, entry.connection, refusalReason.superseded, 'the session has another connection now')
    }
    this.#enter(entry, peer, hello)
  }

  /** Answers, and lets link frames flow. */
  #enter(entry: Entry, peer: string, hello: Hello): void {
    const { session } = entry
    entry.peer = peer
    entry.connection = hello.connection
    this.#cut.delete(entry)
    this.#byPeer.set(peer, entry)
    const welcome = {
      version: linkVersion,
      capabilities: commonCapabilities(hello.capabilities),
      connection: hello.connection,
      resumed: hello.resume,
      received: session.received,
      limits: this.#settings.limits,
      extensions: {},
    }
    this.#ports.transmit(peer, writeWelcome(welcome))
    session.attach(hello.connection, hello.limits, hello.received)
    if (session.status === 'ended') this.#remove(entry)
  }

  #newEntry(key: string): Entry {
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
    const entry: Entry = { key, session, peer: undefined, connection: 0 }
    session.handler = accept(session)
    this.#byId.set(key, entry)
    return entry
  }

  /** Asks a silent peer for another connection, in case that this one is dead one way; a busy peer keeps its session. */
  #askForConnection({ session, peer, connection }: Entry): void {
    session.handler?.onStatus(undefined)
    if (peer !== undefined) this.#refuse(peer, connection, refusalReason.reset, silenceError(this.#settings).message)
  }

  /** Ends the session that has been without a connection for longest, if there is one. */
  #makeRoom(): boolean {
    for (const entry of this.#cut) {
      this.#end(entry, 'others need its place')
      return true
    }
    return false
  }

  /** Only the dialer can make a new connection: it is asked to. */
  #reset(entry: Entry, reason: RivuletError): void {
    this.#ports.report(reason)
    const { peer, connection } = entry
    if (peer === undefined) return
    this.#cutOff(entry, reason)
    this.#refuse(peer, connection, refusalReason.reset, reason.message)
  }

  #stray(peer: string, frame: Buffer): void {
    const connection = connectionOf(frame)
    this.#strayFrames += 1
    this.#refuse(peer, connection, refusalReason.unknownSession, 'there is no session on this connection')
  }

  /** The frame arrived as it was sent: its sender is broken or hostile. */
  #violated(peer: string, error: RivuletError): void {
    this.#ports.report(error)
    const entry = this.#byPeer.get(peer)
    if (!entry) {
      this.#strayFrames += 1
      return
    }
    this.#accuse(entry, error)
  }

  /** Ends the session of a peer that breaks the protocol. */
  #accuse(entry: Entry, error: RivuletError): void {
    const { peer, connection, session } = entry
    if (peer !== undefined) this.#refuse(peer, connection, refusalReason.violation, error.message)
    session.end(error)
    this.#remove(entry)
  }

  #end(entry: Entry, why: string): void {
    entry.session.end(new RivuletError('RIVULET_SESSION_LOST', `a session of a link has ended: ${why}`))
    this.#remove(entry)
  }

  #refuse(peer: string, connection: number, reason: string, message: string): void {
    this.#ports.transmit(peer, writeRefusal(connection, reason, message))
  }

  #cutOff(entry: Entry, reason: RivuletError): void {
    this.#leave(entry)
    this.#cut.add(entry)
    entry.session.detach(reason)
    this.#boundWaiting()
  }

  #boundWaiting(): void {
    let most = overfull(this.#cut)
    for (; most; most = overfull(this.#cut)) this.#end(most, 'too much waits for its peer')
  }

  #leave(entry: Entry): void {
    if (entry.peer !== undefined) this.#byPeer.delete(entry.peer)
    entry.peer = undefined
  }

  #remove(entry: Entry): void {
    this.#leave(entry)
    this.#cut.delete(entry)
    if (this.#byId.get(entry.key) === entry) this.#byId.delete(entry.key)
  }
}
