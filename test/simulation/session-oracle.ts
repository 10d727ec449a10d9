/**
 * The promises of sessions, held against what is seen from outside: nothing here asks a machine what it believes.
 *
 * A broken promise is thrown as a `BrokenPromise`, and ends the run.
 */
import type { RivuletError } from '../../src/errors/index.js'
import { firstPatternKind, itemFlag } from '../../src/session/item.js'
import { linkFrameBytes } from '../../src/session/sender.js'
import type { Session } from '../../src/session/session.js'
import type { LinkLimits } from '../../src/wire/index.js'
import { isBody } from './sent-bodies.js'
import { type SentItem, Side, type SideOwner } from './session-side.js'

/** What a machine must never let happen. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** What an item that waits may take beside its body, in bytes. */
const waitingItemBytes = 128

/** Errors that two honest sides never give each other cause for. */
const accusations = ['RIVULET_PROTOCOL_VIOLATION', 'RIVULET_DECODE_FAILED', 'RIVULET_INCOMPATIBLE_PROTOCOL']

/** Errors that an honest dialer is never given cause for; its acceptor may have those of an impostor. */
const refusals = ['RIVULET_UNAUTHENTICATED', 'RIVULET_SECURITY_MISMATCH', 'RIVULET_SERVER_KEY_MISMATCH']

/** Watches all sessions of a simulation. */
export class SessionOracle {
  readonly sides: Side[] = []
  /** Items that were delivered, and frames with items that left for the first time. */
  delivered = 0
  frames = 0
  /** The first promise that was broken: what comes of it is of no interest, and machines may take it for their own. */
  broken: BrokenPromise | undefined
  readonly #now: () => number
  readonly #retentionMs: number
  readonly #latest = new Map<string, Partial<Record<Side['role'], Side>>>()

  constructor(now: () => number, retentionMs: number) {
    this.#now = now
    this.#retentionMs = retentionMs
  }

  /** Ends the run: a promise is broken. */
  fail(message: string): never {
    this.broken ??= new BrokenPromise(message)
    throw this.broken
  }

  /** A side of a session begins. */
  began(role: Side['role'], key: string, owner: SideOwner, session: Session, limits: LinkLimits): Side {
    const side = new Side(this.sides.length, role, key, owner, session, limits, this.#now())
    this.sides.push(side)
    this.#latest.set(key, { ...this.#latest.get(key), [role]: side })
    return side
  }

  /** The other side of the same session, the last one if there were several. */
  partnerOf({ key, role }: Side): Side | undefined {
    return this.#latest.get(key)?.[role === 'dialer' ? 'acceptor' : 'dialer']
  }

  /** An item was sent. */
  sent(side: Side, stream: number, item: SentItem): void {
    const log = side.logOf(stream)
    if (item.kind < firstPatternKind) log.urgent.push(item)
    else log.sent.push(item)
  }

  /** A side forgets a stream; it may have been told that nobody knows of it. */
  forgot(side: Side, stream: number, wasUnsent: boolean): void {
    const log = side.logOf(stream)
    log.forgotten = true
    log.secret ||= wasUnsent
    side.incomingOf(stream).forgotten = true
  }

  /** So many bytes of a stream were consumed. */
  consumed(side: Side, stream: number, bytes: number): void {
    side.incomingOf(stream).outstanding -= bytes
  }

  /** An item was delivered to a side. */
  arrived(side: Side, stream: number, kind: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const where = `item ${kind} of ${end - start} bytes on stream ${stream} of ${nameOf(side)}`
    if (side.ended) this.fail(`${where}: after the end`)
    const from = this.partnerOf(side)
    const log = from?.outgoing.get(stream)
    if (!from || !log) this.fail(`${where}: nothing was sent there`)
    if (log.secret) this.fail(`${where}: it was said not to have been sent`)
    if (!from.crashed && kind >= firstPatternKind && from.session.isUnsent(stream)) {
      this.fail(`${where}: its sender believes it unsent`)
    }
    this.delivered += 1
    const isUrgent = kind < firstPatternKind
    const incoming = side.incomingOf(stream)
    if (incoming.forgotten && !isUrgent) return
    const at = isUrgent ? log.deliveredUrgent++ : log.delivered++
    const item = (isUrgent ? log.urgent : log.sent)[at]
    if (!item) this.fail(`${where}: once too often`)
    if (item.kind !== kind || item.flags !== flags || !isBody(item, bytes, start, end)) {
      this.fail(`${where}: not item ${at}, which is ${item.kind} of ${item.size} bytes`)
    }
    if (isUrgent) return
    if (incoming.outstanding >= side.limits.streamWindowBytes) this.fail(`${where}: beyond its credit`)
    if (!(flags & itemFlag.last)) incoming.outstanding += end - start
  }

  /** A frame with items left a side, perhaps not for the first time. */
  left(side: Side, sequence: number, bytes: number): void {
    if (side.unacknowledged.has(sequence)) return
    this.frames += 1
    side.unacknowledged.set(sequence, bytes)
    side.unacknowledgedBytes += bytes
    const partner = this.partnerOf(side)
    // a dialer that leaves does not wait for its partner to say goodbye
    if (!partner && side.closed && !side.wasLive && sequence === 1) return
    if (!partner) this.fail(`${nameOf(side)} sends to nobody`)
    const most = partner.limits.windowBytes + 3 * linkFrameBytes
    if (side.unacknowledgedBytes > most) {
      this.fail(`${nameOf(side)} has ${side.unacknowledgedBytes} bytes under way, over ${most}`)
    }
  }

  /** A side was told what its peer has received. */
  acknowledged(side: Side, sequence: number): void {
    for (const [number, bytes] of side.unacknowledged) {
      if (number > sequence) break
      side.unacknowledged.delete(number)
      side.unacknowledgedBytes -= bytes
    }
  }

  /** The status of a side may have changed. */
  looked(side: Side, reason: RivuletError | undefined): void {
    const { status } = side.session
    if (side.ended) this.fail(`${nameOf(side)}: told of something after its end`)
    if (status === 'live') side.wasLive = true
    if (status === 'live') side.cutAt = undefined
    else side.cutAt ??= this.#now()
    if (status !== 'ended') return
    side.ended = true
    if (!reason) this.fail(`${nameOf(side)}: ended without a reason`)
  }

  /** A side has ended: there must be a cause for it that is no fault of the machines. */
  judgeEnd(side: Side, reason: RivuletError, wasFull: boolean): void {
    const partner = this.partnerOf(side)
    const cutMs = side.cutAt === undefined ? 0 : this.#now() - side.cutAt
    if (reason.code === 'RIVULET_CLOSED' && (side.closed || partner?.closed)) return
    if (reason.code === 'RIVULET_MESSAGE_TOO_LARGE' && !side.wasLive) return
    if (reason.code === 'RIVULET_SESSION_LOST') {
      if (cutMs > this.#retentionMs || wasFull) return
      if (!partner || partner.crashed || partner.ended) return
      // the welcome did not arrive, and the dialer begins the session anew
      if (side.role === 'acceptor' && !partner.wasLive) return
    }
    this.fail(`${nameOf(side)} ended without a cause: ${reason.code}, ${reason.message}`)
  }

  /** A machine reports an error. */
  reported(who: string, error: RivuletError): void {
    if (accusations.includes(error.code)) this.fail(`${who} accuses an honest peer: ${error.message}`)
    if (refusals.includes(error.code) && who.startsWith('dial')) this.fail(`${who} is refused: ${error.message}`)
  }

  /** What is held for a peer is bounded. */
  checkHeld(side: Side, outboxBytes: number): void {
    if (side.ended || side.crashed) return
    const { windowBytes, itemBytes, assemblyBytes } = side.limits
    // small items and large ones have an outbox each, and the last of each may go beyond it
    const outboxes = 2 * outboxBytes + itemBytes + linkFrameBytes + 2 * waitingItemBytes
    const most = windowBytes + 3 * linkFrameBytes + outboxes + assemblyBytes
    const held = side.session.heldBytes
    if (held > most || held < 0) this.fail(`${nameOf(side)} holds ${held} bytes, over ${most}`)
  }

  /** Everything has come to rest on a network without faults: nothing may be missing. */
  checkRest(): void {
    for (const side of this.sides) {
      if (side.crashed) continue
      const partner = this.partnerOf(side)
      const name = nameOf(side)
      if (side.ended) {
        // a session that its dialer began anew has another side here
        const isLatest = partner && this.partnerOf(partner) === side
        if (isLatest && !partner.crashed && !partner.ended) this.fail(`${name} ended, its peer did not`)
        continue
      }
      if (side.session.status !== 'live') this.fail(`${name} is ${side.session.status} at rest`)
      if (!partner || partner.crashed || partner.ended) this.fail(`${name} lives on without a peer`)
      for (const [stream, log] of side.outgoing) {
        const missing = log.urgent.length - log.deliveredUrgent
        if (missing > 0) this.fail(`${name}: ${missing} urgent items of stream ${stream} were lost`)
        if (log.forgotten || partner.incoming.get(stream)?.forgotten || log.delivered === log.sent.length) continue
        this.fail(`${name}: ${log.sent.length - log.delivered} items of stream ${stream} were lost`)
      }
      const { settled, heldBytes, streamStates } = side.session
      if (!settled) this.fail(`${name} is not settled at rest`)
      if (heldBytes !== 0) this.fail(`${name} holds ${heldBytes} bytes at rest`)
      if (streamStates !== 0) this.fail(`${name} remembers ${streamStates} streams that are over`)
    }
  }

  /** On a network without faults, each goodbye is heard. */
  checkGoodbyes(): void {
    for (const side of this.sides) {
      const partner = this.partnerOf(side)
      if (side.crashed || !side.closed || !partner || partner.crashed || partner.ended) continue
      this.fail(`${nameOf(partner)} has not heard the goodbye of its peer`)
    }
  }
}

function nameOf({ role, number, owner }: Side): string {
  return `${role} side ${number} of ${owner.name}`
}
