/** One side of a session as an onlooker knows it: what was sent on it and what was delivered, counted from outside. */
import type { Session } from '../../src/session/session.js'
import type { LinkLimits } from '../../src/wire/index.js'
import type { SentBody } from './sent-bodies.js'

/** An item that was sent. */
export interface SentItem extends SentBody {
  readonly kind: number
  readonly flags: number
}

/** What one side sent on one stream, and how much of it was delivered. */
export interface StreamLog {
  readonly sent: SentItem[]
  delivered: number
  /** Urgent items have an order of their own. */
  readonly urgent: SentItem[]
  deliveredUrgent: number
  /** The sender has forgotten the stream: the rest may be lost. */
  forgotten: boolean
  /** The sender was told that nothing had left. */
  secret: boolean
}

/** What one side knows of what comes in on one stream. */
export interface IncomingLog {
  /** Bytes that were delivered and not consumed. */
  outstanding: number
  /** The receiver has forgotten the stream: what still comes may be in pieces. */
  forgotten: boolean
}

/** Who a side belongs to, and how long that one lives. */
export interface SideOwner {
  readonly name: string
  readonly life: number
}

/** One side of a session. */
export class Side {
  readonly number: number
  readonly role: 'dialer' | 'acceptor'
  /** The number that the two sides of a session have in common. */
  readonly key: string
  readonly owner: SideOwner
  /** The life of the owner in which it came to be. */
  readonly life: number
  readonly session: Session
  readonly limits: LinkLimits
  readonly outgoing = new Map<number, StreamLog>()
  readonly incoming = new Map<number, IncomingLog>()
  /** Bytes of frames that left and were not acknowledged, by number. */
  readonly unacknowledged = new Map<number, number>()
  unacknowledgedBytes = 0
  /** When the connection was lost; `undefined` while there is one. */
  cutAt: number | undefined
  wasLive = false
  ended = false
  /** This side has said goodbye. */
  closed = false

  constructor(
    number: number,
    role: 'dialer' | 'acceptor',
    key: string,
    owner: SideOwner,
    session: Session,
    limits: LinkLimits,
    now: number,
  ) {
    this.number = number
    this.role = role
    this.key = key
    this.owner = owner
    this.life = owner.life
    this.session = session
    this.limits = limits
    this.cutAt = now
  }

  /** Whether the process that it lived in is gone. */
  get crashed(): boolean {
    return this.owner.life !== this.life
  }

  logOf(stream: number): StreamLog {
    const known = this.outgoing.get(stream)
    if (known) return known
    const log = { sent: [], delivered: 0, urgent: [], deliveredUrgent: 0, forgotten: false, secret: false }
    this.outgoing.set(stream, log)
    return log
  }

  incomingOf(stream: number): IncomingLog {
    const known = this.incoming.get(stream)
    if (known) return known
    const log = { outstanding: 0, forgotten: false }
    this.incoming.set(stream, log)
    return log
  }
}
