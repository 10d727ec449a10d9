/**
 * The connecting side of a link: says HELLO on each connection, resumes its session, and begins a new one when that ends.
 *
 * Pure, like the session in it. One dialer is one link to one endpoint.
 */
import { RivuletError } from '../errors/index.js'
import { frameKind, type Hello, type LinkLimits, misplaced } from '../wire/index.js'
import type { DialerPorts, DialerSettings } from './dialer-ports.js'
import {
  kindOf,
  linkVersion,
  ownCapabilities,
  readChallenge,
  readRefusal,
  readWelcome,
  refusalReason,
  refusedError,
  revokedError,
  securityMismatch,
  serverKeyMismatch,
  writeHello,
  writeProof,
} from './handshake.js'
import { type Held, heldNone, heldOne } from './held-frames.js'
import { Session } from './session.js'
import { silenceError, transportFailed } from './session-settings.js'
import type { SessionStreams } from './session-streams.js'

/** The first wait after a refusal that only people can cure, and the longest, in milliseconds; each is twice the one before. */
const backoffMs = 1000
const maxBackoffMs = 30_000

/** The connecting side of a link. */
export class Dialer {
  readonly #settings: DialerSettings
  readonly #ports: DialerPorts
  #session: Session
  #id: Buffer
  /** Counts the hellos of all sessions, so that what is left of an earlier one is never taken for the present one's. */
  #connection = 0
  #peerLimits: LinkLimits
  #isUp = false
  /** The hello that waits for its answer, and since when. */
  #hello: Hello | undefined
  #helloAt = 0
  /** Whether the last hello was answered with a challenge, and that with a proof. */
  #hasProven = false
  /** Whether the next hello waits for the next tick. */
  #waits = false
  /** No hello before this time, after so many refusals in a row. */
  #retryAt = 0
  #refusals = 0
  #closed = false
  #isRetired = false

  constructor(settings: DialerSettings, ports: DialerPorts) {
    this.#settings = settings
    this.#ports = ports
    this.#peerLimits = settings.limits
    this.#id = ports.random(16)
    this.#session = this.#newSession()
  }

  /** The present session. */
  get session(): SessionStreams {
    return this.#session
  }

  /** Whether everything that was sent has arrived. */
  get settled(): boolean {
    return this.#session.settled
  }

  /** What is held for the peer, in bytes. */
  get heldBytes(): number {
    return this.#session.heldBytes
  }

  /** There is a connection. */
  up(): void {
    if (this.#closed) return
    if (this.#isUp) this.down(transportFailed('it has another connection now'))
    this.#isUp = true
    this.#session.liveness.reached(this.#ports.now())
    this.#waits = this.#mustWait
    if (!this.#waits) this.#sayHello()
  }

  /** The connection is lost. */
  down(reason: RivuletError): void {
    this.#isUp = false
    this.#hello = undefined
    this.#session.detach(reason)
  }

  /** Whether the session holds a frame. */
  get held(): Held {
    return this.#session.intake.isHeld ? heldOne : heldNone
  }

  /** Takes a frame of the connection, or a part of it; returns whether nothing is held then. Never throws. */
  receive(frame: Buffer): boolean {
    if (this.#closed || !this.#isUp) return true
    let kind: number
    try {
      kind = kindOf(frame)
    } catch (error) {
      this.broken(error as RivuletError)
      return true
    }
    let isTaken = true
    try {
      if (kind === frameKind.link) isTaken = this.#session.receive(frame)
      else if (kind === frameKind.welcome) this.#welcome(frame)
      else if (kind === frameKind.challenge) this.#challenge(frame)
      else if (kind === frameKind.refusal) this.#refusal(frame)
      else throw misplaced(kind)
    } catch (error) {
      this.#accuse(error as RivuletError)
    }
    if (this.#session.status === 'ended') this.#startAgain()
    return isTaken
  }

  /** Takes more of a frame that is held; returns whether nothing is held then. Never throws. */
  takeRest(): boolean {
    let isTaken = true
    try {
      isTaken = this.#session.takeRest()
    } catch (error) {
      this.#accuse(error as RivuletError)
    }
    if (this.#session.status === 'ended') this.#startAgain()
    return isTaken
  }

  /** A frame was corrupted in transit, or lost: the connection is replaced, and the session continues. */
  broken(error: RivuletError): void {
    if (!this.#isUp) return
    this.#ports.report(error)
    this.down(error)
    this.#ports.reconnect()
  }

  /** Time has passed; to be called every `heartbeatMs`. */
  tick(): void {
    if (this.#closed) return
    this.#session.tick()
    if (this.#session.status === 'ended') this.#startAgain()
    else if (this.#waits && this.#isUp && !this.#mustWait) this.#sayHello()
    else if (this.#hello !== undefined && this.#ports.now() - this.#helloAt > this.#settings.handshakeMs) {
      this.broken(new RivuletError('RIVULET_HANDSHAKE_FAILED', 'a link: the peer does not answer a hello'))
    }
  }

  /** Lets what this turn produced leave. */
  flush(): void {
    this.#session.flush()
  }

  /** Tells the peer that this side is about to close. */
  announceDrain(): void {
    this.#session.announceDrain()
  }

  /** Opens no new streams, and no further session when the present one ends. */
  retire(): void {
    this.#isRetired = true
    this.#session.retire()
  }

  /** The key of the acceptor is no longer admitted here, or by another name: the session ends, and the next one proves it again. */
  revoke(isRenamed: boolean): void {
    if (this.#closed) return
    const error = revokedError(isRenamed)
    this.#session.goodbye(error)
    if (!isRenamed) this.#backOff(error)
    this.#startAgain()
  }

  /** Ends the link for good, with a goodbye if there is a connection. */
  close(reason: RivuletError): void {
    if (this.#closed) return
    this.#closed = true
    // an acceptor that has asked for a proof begins nothing before it has come
    const isAsked = this.#hello !== undefined && (this.#ports.prover === undefined || this.#hasProven)
    if (this.#session.status === 'opening' && isAsked) this.#withdrawHello(reason)
    this.#session.goodbye(reason)
  }

  /** A frame arrived as it was sent: its sender is broken or hostile. */
  #accuse(error: RivuletError): void {
    this.#ports.report(error)
    this.#session.end(error)
    this.#waits = true
  }

  /** The peer will begin the session that it was asked for: all that it hears of it is a goodbye. */
  #withdrawHello(reason: RivuletError): void {
    const { now, transmit, spend } = this.#ports
    const ports = { now, transmit, spend, flushLater: () => {}, replaceConnection: () => {}, onSilence: () => {} }
    const session = new Session('dialer', this.#settings, ports, this.#peerLimits)
    session.attach(this.#connection, this.#settings.limits, 0)
    session.goodbye(reason)
  }

  #newSession(): Session {
    const { now, transmit, flushLater, spend, accept } = this.#ports
    const sessionPorts = {
      now,
      transmit,
      flushLater,
      spend,
      replaceConnection: (reason: RivuletError) => this.broken(reason),
      onSilence: () => this.broken(silenceError(this.#settings)),
    }
    const session = new Session('dialer', this.#settings, sessionPorts, this.#peerLimits)
    session.handler = accept(session)
    return session
  }

  /** The session has ended: the next one uses the same connection if there is one. */
  #startAgain(): void {
    if (this.#closed) return
    if (this.#isRetired) {
      this.#closed = true
      return
    }
    this.#id = this.#ports.random(16)
    this.#hello = undefined
    this.#session = this.#newSession()
    if (this.#isUp && !this.#waits) this.#sayHello()
  }

  get #mustWait(): boolean {
    return this.#ports.now() < this.#retryAt
  }

  #sayHello(): void {
    this.#waits = false
    this.#hasProven = false
    this.#connection += 1
    this.#helloAt = this.#ports.now()
    const { received, status } = this.#session
    this.#hello = {
      minVersion: linkVersion,
      maxVersion: linkVersion,
      capabilities: [...ownCapabilities(this.#ports.prover !== undefined)],
      session: this.#id,
      connection: this.#connection,
      resume: status !== 'opening',
      received,
      limits: this.#settings.limits,
      extensions: {},
    }
    this.#ports.transmit(writeHello(this.#hello))
  }

  #challenge(frame: Buffer): void {
    const challenge = readChallenge(frame)
    const hello = this.#hello
    // what is left of an earlier connection, or a second one for the same hello
    if (hello === undefined || challenge.connection !== this.#connection || this.#hasProven) return
    const { prover } = this.#ports
    if (prover === undefined) {
      this.#giveUp(securityMismatch('the other side asks for a proof of identity: give this side `security`'))
      return
    }
    const proof = prover.prove(hello, challenge)
    if (proof === undefined || proof === 'revoked') {
      this.#giveUp(proof === 'revoked' ? revokedError(false) : serverKeyMismatch())
      return
    }
    this.#hasProven = true
    this.#helloAt = this.#ports.now()
    this.#ports.transmit(writeProof(proof))
  }

  #welcome(frame: Buffer): void {
    const { connection, limits, received, resumed, version } = readWelcome(frame)
    // what is left of an earlier connection
    if (connection !== this.#connection || this.#hello === undefined) return
    if (this.#ports.prover !== undefined && !this.#hasProven) {
      this.#giveUp(
        securityMismatch('the other side asks for no proof of identity: give it `security`, or take it from this side'),
      )
      return
    }
    this.#hello = undefined
    this.#refusals = 0
    const isNew = this.#session.status === 'opening'
    if (version !== linkVersion || resumed === isNew) {
      throw new RivuletError('RIVULET_PROTOCOL_VIOLATION', 'a welcome does not answer what the hello said')
    }
    this.#peerLimits = limits
    this.#session.attach(connection, limits, received)
  }

  #refusal(frame: Buffer): void {
    const refusal = readRefusal(frame)
    if (refusal.connection !== this.#connection) return
    this.#hello = undefined
    const error = refusedError(refusal)
    const { unknownSession, superseded, violation, reset, unauthenticated, admissionUnavailable } = refusalReason
    if (refusal.reason === unauthenticated) this.#giveUp(error)
    // it may be admitted all the same: its session can wait for that
    else if (refusal.reason === admissionUnavailable) this.#backOff(error)
    else if (refusal.reason === reset) this.broken(new RivuletError('RIVULET_TRANSPORT_FAILED', refusal.message))
    else if ([unknownSession, superseded, violation].some((reason) => reason === refusal.reason)) {
      // a session that is refused before it has begun, or for what it did, is not followed by another in a tight circle
      this.#waits = refusal.reason !== unknownSession || this.#session.status === 'opening'
      if (this.#waits) this.#ports.report(error)
      this.#session.end(error)
    } else {
      this.#ports.report(error)
      this.#waits = true
    }
  }

  /** The two sides do not agree on who they are, which only people can change: the session ends, and the next try waits. */
  #giveUp(error: RivuletError): void {
    this.#backOff(error)
    this.#session.end(error)
  }

  #backOff(error: RivuletError): void {
    this.#hello = undefined
    this.#waits = true
    this.#retryAt = this.#ports.now() + Math.min(maxBackoffMs, backoffMs * 2 ** this.#refusals)
    this.#refusals += 1
    this.#ports.report(error)
  }
}
