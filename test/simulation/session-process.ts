/**
 * What the two kinds of process that sessions live in have in common.
 *
 * They drive their machines as `src/link` does, tell the oracle what passes between machine and network, and show it to
 * whoever tampers with it.
 */
import { RivuletError } from '../../src/errors/index.js'
import { type Held, heldNone } from '../../src/session/held-frames.js'
import type { DialerSettings, SessionStreams } from '../../src/session/index.js'
import type { Session } from '../../src/session/session.js'
import { hasNoItems, type LinkNumbers, readLinkNumbers, readRecordFrame, Welcome } from '../../src/wire/index.js'
import { frameKind } from '../../src/wire/prelude.js'
import { type FrameReader, FrameReads, type ReadingProcess } from './frame-reads.js'
import type { Connection, Network, NetworkEnd } from './network.js'
import type { Random } from './random.js'
import type { SessionOracle } from './session-oracle.js'
import type { SimulatedSecurity } from './session-security.js'
import type { Side } from './session-side.js'
import { SessionUser, type UserHabits } from './session-user.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-process.js'

/** What the processes of a simulation of sessions share. */
export interface SessionWorld extends SimulatedWorld {
  readonly network: Network
  readonly oracle: SessionOracle
  readonly habits: UserHabits
  /** That a turn ends behind an item. */
  readonly turnEnds: number
  /** Changes the frames of a side, for machines that are broken on purpose. */
  readonly tamper: ((side: Side, frame: Buffer) => Buffer | undefined) | undefined
  /** Keys and proofs, where acceptors ask for them. */
  readonly security: SimulatedSecurity | undefined
}

/** How a process behaves. */
export interface ProcessSettings extends DialerSettings {
  readonly maxSessions: number
}

/** Why a connection is gone. */
export const lost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')
/** Why a process says goodbye. */
export const closing = () => new RivuletError('RIVULET_CLOSED', 'this side closes')

/** What both kinds of process have in common. */
export abstract class SessionProcess extends SimulatedProcess implements NetworkEnd, ReadingProcess {
  readonly #settings: ProcessSettings
  declare readonly world: SessionWorld
  readonly random: Random
  /** The users of sessions that have not ended. */
  readonly users = new Set<SessionUser>()
  protected readonly flushes = new Set<() => void>()
  protected readonly reads = new FrameReads(this)

  constructor(name: string, world: SessionWorld, settings: ProcessSettings) {
    super(name, world, settings.heartbeatMs)
    this.#settings = settings
    this.random = world.random.fork()
  }

  get settings(): ProcessSettings {
    return this.#settings
  }

  abstract arrived(connection: Connection, frame: Buffer): void
  abstract lost(connection: Connection): void
  /** Tells all peers that it is about to close. */
  abstract announceDrain(): void
  /** Says goodbye and ends. */
  abstract close(): void
  /** Ends without a word. */
  abstract crash(): void
  abstract boot(): void

  /** The machine of its side, while it lives. */
  protected abstract get machine(): FrameReader | undefined

  get held(): Held {
    return this.machine?.held ?? heldNone
  }

  takeRest(): boolean {
    return this.machine?.takeRest() ?? true
  }

  /** Counts an item; returns whether the rest of its frame waits for another turn. */
  protected readonly spend = (): boolean => this.world.turnEnds > 0 && this.random.chance(this.world.turnEnds)

  protected override stop(): void {
    super.stop()
    this.reads.clear()
  }

  holds(): void {
    this.note('holds')
  }

  protected accept(session: SessionStreams, role: Side['role'], key: string): SessionUser {
    const { oracle, habits } = this.world
    const side = oracle.began(role, key, this, session as Session, this.settings.limits)
    this.note('session', side.number)
    const user = new SessionUser(side, habits, {
      random: this.random,
      oracle,
      scheduled: (delayMs, action) => this.enqueueLater(delayMs, action),
      ended: (ended, reason) => {
        this.users.delete(user)
        this.note('ended', ended.number)
        oracle.judgeEnd(ended, reason, this.isFull)
      },
    })
    this.users.add(user)
    return user
  }

  /** Whether sessions are ended to make room for others. */
  protected abstract get isFull(): boolean

  protected report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.reported(this.name, error)
  }

  protected note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  /** A frame leaves a side. */
  protected watchLeaving(side: Side | undefined, frame: Buffer): void {
    this.note('sends', kindOf(frame), frame.length)
    if (!side || kindOf(frame) !== frameKind.link) return
    const bytes = itemBytesOf(frame, numbers)
    if (bytes > 0) this.world.oracle.left(side, numbers.sequence, bytes)
  }

  /** A frame comes to a side. */
  protected watchComing(side: Side | undefined, frame: Buffer): void {
    this.note('gets', kindOf(frame), frame.length)
    if (!side) return
    try {
      if (kindOf(frame) === frameKind.link) {
        readLinkNumbers(frame, cursor, numbers)
        this.world.oracle.acknowledged(side, numbers.acknowledged)
      } else if (kindOf(frame) === frameKind.welcome) {
        this.world.oracle.acknowledged(side, readRecordFrame(Welcome, frame, frameKind.welcome, undefined).received)
      }
    } catch {
      // a bit of it was changed: the machine will say so
    }
  }

  protected override endTurn(): void {
    const flushes = [...this.flushes]
    this.flushes.clear()
    for (const flush of flushes) flush()
    for (const { side } of this.users) this.world.oracle.checkHeld(side, this.settings.outboxBytes)
  }
}

const numbers: LinkNumbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
const cursor = { position: 0 }

/** The kind in the prelude of a frame. */
export function kindOf(frame: Buffer): number {
  return (frame[3] as number) >> 1
}

/** Reads the numbers of a link frame; returns what its items take. */
function itemBytesOf(frame: Buffer, into: LinkNumbers): number {
  readLinkNumbers(frame, cursor, into)
  if (hasNoItems(frame, cursor)) return 0
  return frame.length - cursor.position
}
