/**
 * What the two sides of a link tell each other before link frames flow, and the checks of it.
 *
 * The frames are records of their own kinds; who says what, and when, is in `dialer.ts` and `acceptor.ts`. Kinds 8 and 9
 * are kept for a challenge and its proof, between HELLO and WELCOME.
 */
import { RivuletError } from '../errors/index.js'
import {
  frameKind,
  Hello,
  type LinkLimits,
  openPrelude,
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

/** What both sides can do. */
export function commonCapabilities(theirs: readonly string[]): string[] {
  return capabilities.filter((one) => theirs.includes(one))
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
  if (reason === refusalReason.violation) return new RivuletError('RIVULET_PROTOCOL_VIOLATION', message)
  return new RivuletError('RIVULET_SESSION_LOST', message)
}
