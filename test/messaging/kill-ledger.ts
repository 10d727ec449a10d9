/**
 * The account of a round in which some of many processes with a peer each were killed and started again: what each said of its
 * messages and of the others, held against what it must be.
 *
 * Of a process that was killed its log says what it had handed out; what its mailbox held and what it had sent is not known.
 */

/** Every so many messages one may be repeated to the next incarnation of its receiver. */
export const repeatEvery = 4

/** What became of the messages of one peer to another, by their places among all that this process has sent it. */
export interface SentReport {
  /** Those that were confirmed before the peer was seen to leave in this round, and those that were since. */
  readonly before: readonly number[]
  readonly since: readonly number[]
  /** Those that failed. */
  readonly failed: readonly { readonly place: number; readonly outcome: string; readonly mayRepeat: boolean }[]
}

/** What a peer saw of another one, at a time on the clock of the machine. */
export interface SeenReport {
  readonly kind: string
  readonly name: string
  readonly incarnation: string
  readonly at: number
}

/** What one process says at the end of a round. */
export interface RoundReport {
  /** By the name of the receiver. */
  readonly sent: Readonly<Record<string, SentReport>>
  /** Places in the order in which they came, by the incarnation of the sender. */
  readonly received: Readonly<Record<string, readonly number[]>>
  readonly seen: readonly SeenReport[]
  /** How late its timers were at most, in milliseconds. */
  readonly stalledMs: number
}

/** A peer whose process was killed. */
export interface KilledPeer {
  readonly incarnation: string
  readonly at: number
  /** What it had handed out, of all rounds: places by the incarnation of their sender. */
  readonly received: Readonly<Record<string, readonly number[]>>
}

/** A peer at the end of a round. */
export interface PeerOfRound {
  readonly name: string
  readonly incarnation: string
  /** The peers that it has to do with. */
  readonly others: readonly string[]
  /** Its incarnation before, and when the process of that had ended, if it was killed in this round. */
  readonly killed?: KilledPeer | undefined
  readonly report: RoundReport
}

/** What a round came to. */
export interface RoundCounts {
  confirmed: number
  /** Messages whose outcome is not known, since their receiver was killed. */
  unknown: number
  /** From the end of a killed process until the last peer saw that the killed one had left, in milliseconds. */
  leftMs: number
  /** Peers that saw that too late, since their own processes had stalled: they gave others a fresh period then. */
  stalled: number
}

const unknownOutcome = 'RIVULET_UNKNOWN_OUTCOME maybe'

/** What a process that is back gets until the others have seen that its predecessor has left. */
const nameTaken = 'RIVULET_NAME_TAKEN no'

/** A process whose timers are later than that knows that it has not heard others, in milliseconds. */
const longestLateMs = 300

/** Settles a round. */
export class KillLedger {
  readonly faults: string[] = []
  readonly #leftLimitMs: number

  /** @param leftLimitMs - Within which everybody must have seen that a killed peer has left. */
  constructor(leftLimitMs: number) {
    this.#leftLimitMs = leftLimitMs
  }

  settle(peers: readonly PeerOfRound[]): RoundCounts {
    const counts: RoundCounts = { confirmed: 0, unknown: 0, leftMs: 0, stalled: 0 }
    for (const peer of peers) {
      for (const [incarnation, places] of Object.entries(peer.report.received)) this.#ordered(peer, incarnation, places)
      for (const other of peers.filter(({ name }) => peer.others.includes(name))) {
        this.#messages(peer, other, counts)
        this.#presence(peer, other, counts)
      }
    }
    return counts
  }

  #ordered({ name }: PeerOfRound, incarnation: string, places: readonly number[]): void {
    let last = -1
    for (const place of places) {
      if (place <= last) this.#fault(`${name} got ${place} behind ${last} of ${incarnation}`)
      last = place
    }
  }

  /** What one peer has sent to another one. */
  #messages(from: PeerOfRound, to: PeerOfRound, counts: RoundCounts): void {
    const sent = from.report.sent[to.name]
    if (sent === undefined) return
    const what = (place: number) => `message ${place} of ${from.name} to ${to.name}`
    // a peer that was started again itself has never met the former receiver
    const isRestarted = to.killed !== undefined && from.killed === undefined
    const got = new Set(to.report.received[from.incarnation])
    const former = new Set(isRestarted ? to.killed?.received[from.incarnation] : [])
    const last = Math.max(-1, ...[...former].slice(-1))
    for (const place of got) {
      if (former.has(place) && place % repeatEvery > 0 && !sent.before.includes(place))
        this.#fault(`${what(place)} came to both receivers`)
    }
    const due = isRestarted ? sent.since : [...sent.before, ...sent.since]
    for (const place of due) {
      if (!got.delete(place)) this.#fault(`${what(place)} was confirmed and is not there`)
    }
    for (const place of isRestarted ? sent.before : []) {
      if (got.delete(place))
        this.#fault(`${what(place)} was confirmed by the former receiver and came to the next one, too`)
      if (!former.has(place) && place < last) this.#fault(`${what(place)} was confirmed and never handed out`)
    }
    for (const { place, outcome, mayRepeat } of sent.failed) {
      const isUnknown = isRestarted && !mayRepeat && outcome === unknownOutcome
      const isExcused = isUnknown || (from.killed !== undefined && outcome === nameTaken)
      if (isUnknown) counts.unknown += 1
      if (!isExcused) this.#fault(`${what(place)} has the outcome ${outcome}`)
      if (got.delete(place)) this.#fault(`${what(place)} has the outcome ${outcome}, and came to the next receiver`)
    }
    for (const place of got) this.#fault(`${what(place)} has no outcome and is there`)
    counts.confirmed += sent.before.length + sent.since.length
  }

  /** What one peer has seen of another one in this round. */
  #presence(peer: PeerOfRound, other: PeerOfRound, counts: RoundCounts): void {
    const what = (happened: string) => `${peer.name} has seen ${other.name} ${happened}`
    const seen = peer.report.seen.filter(
      ({ name, kind }) => name === other.name && /^(joined|left|conflict)$/.test(kind),
    )
    const kinds = seen.map(({ kind, incarnation }) => `${kind} ${incarnation}`)
    const joined = `joined ${other.incarnation}`
    const { killed } = other
    const wanted = [
      ...(killed !== undefined && peer.killed === undefined ? [`left ${killed.incarnation}`] : []),
      ...(killed !== undefined || peer.killed !== undefined ? [joined] : []),
    ]
    if (kinds.join() !== wanted.join()) this.#fault(what(`[${kinds}], and not [${wanted}]`))
    const left = seen.find(({ kind }) => kind === 'left')
    if (killed === undefined || left === undefined) return
    const leftMs = left.at - killed.at
    if (leftMs > this.#leftLimitMs && peer.report.stalledMs > longestLateMs) {
      counts.stalled += 1
      return
    }
    counts.leftMs = Math.max(counts.leftMs, leftMs)
    if (leftMs > this.#leftLimitMs) this.#fault(what(`leave after ${leftMs} ms`))
  }

  #fault(what: string): void {
    if (this.faults.length < 20) this.faults.push(what)
  }
}
