/**
 * What the two sides of a link tell each other before link frames flow, and the checks of it.
 *
 * The frames are records of their own kinds; who says what, and when, is in `dialer.ts` and `acceptor.ts`.
 */
import { RivuletError } from '../errors/index.js'
import {
  Challenge,
  frameKind,
  Hello,
  type LinkLimits,
  openPrelude,
  Proof,
  Refusal,
  readRecordFrame,
  Welcome,
  writeRecordFrame,
} from '../wire/index.js'
import { violation } from './incoming-streams.js'
import { linkFrameBytes } from './sender.js'

/** The version of the protocol of links that this side speaks: the only one so far. */
export const linkVersion = 1

/** What this side can do beyond the first version; both sides use what both can. */
export const capabilities: readonly string[] = Object.freeze([])

/** What a dialer says that can prove its key. */
export const proofCapability = 'proof'

/** Why a connection is refused. */
export const refusalReason = {
  /** The session that is to be resumed is not known: begin a new one. */
  unknownSession: 'unknown-session',
  /** There is no common version of the protocol. */
  version: 'version',
  /** There are too many sessions: try later. */
  tooManySessions: 'too-many-sessions',
  /** Another connection has said hello for the session since. */
  superseded: 'superseded',
  /** Something was lost or changed on this connection: make a new one. */
  reset: 'reset',
  /** The protocol was broken, and the session has ended. */
  violation: 'violation',
  /** The peer has not proven a key that is admitted, or its key was revoked. */
  unauthenticated: 'unauthenticated',
  /** Nobody could decide whether the key of the peer is admitted: try later. */
  admissionUnavailable: 'admission-unavailable',
} as const

/** Texts of untrusted peers are cut at this length where they are repeated. */
const maxTextLength = 200

/** Opens any frame of a link; returns its kind. Throws what `openPrelude` throws. */
export function kindOf(frame: Buffer): number {
  return openPrelude(frame, undefined)
}

/** Tells whether a frame is a hello. */
export function isHello(frame: Buffer): boolean {
  try {
    return kindOf(frame) === frameKind.hello
  } catch {
    return false
  }
}

/** Writes a hello. */
export function writeHello(hello: Hello): Buffer {
  return writeRecordFrame(Hello, hello, frameKind.hello, undefined)
}

/** Writes a welcome. */
export function writeWelcome(welcome: Welcome): Buffer {
  return writeRecordFrame(Welcome, welcome, frameKind.welcome, undefined)
}

/** Writes a refusal. */
export function writeRefusal(connection: number, reason: string, message: string): Buffer {
  return writeRecordFrame(Refusal, { connection, reason, message }, frameKind.refusal, undefined)
}

/** Writes a challenge. */
export function writeChallenge(challenge: Challenge): Buffer {
  return writeRecordFrame(Challenge, challenge, frameKind.challenge, undefined)
}

/** Writes a proof. */
export function writeProof(proof: Proof): Buffer {
  return writeRecordFrame(Proof, proof, frameKind.proof, undefined)
}

/** Reads a challenge; throws RIVULET_BAD_FRAME. */
export function readChallenge(frame: Buffer): Challenge {
  return readRecordFrame(Challenge, frame, frameKind.challenge, undefined)
}

/** Reads a proof; throws RIVULET_BAD_FRAME. */
export function readProof(frame: Buffer): Proof {
  return readRecordFrame(Proof, frame, frameKind.proof, undefined)
}

/** Reads a hello; throws RIVULET_BAD_FRAME, RIVULET_PROTOCOL_VIOLATION. */
export function readHello(frame: Buffer): Hello {
  const hello = readRecordFrame(Hello, frame, frameKind.hello, undefined)
  checkLimits(hello.limits)
  if (hello.connection < 1 || hello.received < 0) throw violation('a hello has a number that cannot be')
  return hello
}

/** Reads a welcome; throws RIVULET_BAD_FRAME, RIVULET_PROTOCOL_VIOLATION. */
export function readWelcome(frame: Buffer): Welcome {
  const welcome = readRecordFrame(Welcome, frame, frameKind.welcome, undefined)
  checkLimits(welcome.limits)
  if (welcome.received < 0) throw violation('a welcome has a number that cannot be')
  return welcome
}

/** Reads a refusal; throws RIVULET_BAD_FRAME. */
export function readRefusal(frame: Buffer): Refusal {
  const refusal = readRecordFrame(Refusal, frame, frameKind.refusal, undefined)
  return { ...refusal, message: refusal.message.slice(0, maxTextLength) }
}

/** Whether the two sides have a version in common. */
export function speaksOurVersion({ minVersion, maxVersion }: Hello): boolean {
  return minVersion <= linkVersion && linkVersion <= maxVersion
}

/** Why there is no common version. */
export function versionMessage({ minVersion, maxVersion }: Hello): string {
  return `this side speaks version ${linkVersion} of the link protocol, not ${minVersion} to ${maxVersion}`
}

/** The welcome that answers a hello; `received` is the number of the last frame that came on its session. */
export function welcomeFor(hello: Hello, received: number, limits: LinkLimits, isSecured: boolean): Welcome {
  return {
    version: linkVersion,
    capabilities: commonCapabilities(hello.capabilities, isSecured),
    connection: hello.connection,
    resumed: hello.resume,
    received,
    limits,
    extensions: {},
  }
}

/** What a side can do: with security it can also prove a key, or ask for a proof. */
export function ownCapabilities(isSecured: boolean): readonly string[] {
  return isSecured ? [...capabilities, proofCapability] : capabilities
}

/** What both sides can do. */
function commonCapabilities(theirs: readonly string[], isSecured: boolean): string[] {
  return ownCapabilities(isSecured).filter((one) => theirs.includes(one))
}

/** A peer whose limits let nothing through would never be served. */
function checkLimits({ itemBytes, windowBytes, streamWindowBytes, assemblyBytes }: LinkLimits): void {
  const enough = itemBytes >= linkFrameBytes && windowBytes >= linkFrameBytes && assemblyBytes >= itemBytes
  if (!enough || streamWindowBytes < 1) throw violation('its limits are below what the protocol asks for')
}

/** The error for a session that a refusal ends, or that cannot begin. */
export function refusedError(refusal: Refusal): RivuletError {
  const { reason, message } = refusal
  if (reason === refusalReason.version) return new RivuletError('RIVULET_INCOMPATIBLE_PROTOCOL', message)
  if (reason === refusalReason.tooManySessions) return new RivuletError('RIVULET_TOO_MANY_SESSIONS', message)
  if (reason === refusalReason.admissionUnavailable) return new RivuletError('RIVULET_ADMISSION_UNAVAILABLE', message)
  if (reason === refusalReason.unauthenticated) return new RivuletError('RIVULET_UNAUTHENTICATED', message)
  if (reason === refusalReason.violation) return new RivuletError('RIVULET_PROTOCOL_VIOLATION', message)
  return new RivuletError('RIVULET_SESSION_LOST', message)
}

/** The error for sides of which one alone has security. */
export function securityMismatch(message: string): RivuletError {
  return new RivuletError('RIVULET_SECURITY_MISMATCH', message)
}

/** The error for an acceptor whose key is not expected. */
export function serverKeyMismatch(): RivuletError {
  const message = 'the key of the other side is none of `serverKey`: correct it, or find out who answers there'
  return new RivuletError('RIVULET_SERVER_KEY_MISMATCH', message)
}

/** The error for a session whose key is no longer admitted, or by another name. */
export function revokedError(isRenamed: boolean): RivuletError {
  if (isRenamed) return new RivuletError('RIVULET_SESSION_LOST', 'the key of this peer has another name now')
  return new RivuletError('RIVULET_UNAUTHENTICATED', 'the key of this peer is no longer admitted')
}
