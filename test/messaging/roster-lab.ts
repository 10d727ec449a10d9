/** A roster on a clock that stands still, and everything that it says, as lines. */
import type { PeerClaim } from '../../patterns/messaging/peer-claim.js'
import { Roster } from '../../patterns/messaging/roster.js'
import type { RosterSettings } from '../../patterns/messaging/roster-contract.js'
import type { RivuletError } from '../../src/errors/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** The times that most tests use, in milliseconds. */
export const leaveMs = 1500
export const settleMs = 1000

/** An incarnation that sorts by its number. */
export const incarnation = (number: number): string => number.toString(16).padStart(32, '0')

/** The number of an incarnation. */
export const numberOf = (text: string): number => Number.parseInt(text, 16)

/** A claim, held unless something else is asked for. */
export function claimOf(name: string, number: number, more: Partial<PeerClaim> = {}): PeerClaim {
  return { name, incarnation: incarnation(number), epoch: 1, takeover: false, answers: new Map(), ...more }
}

/** A roster under test. */
export class RosterLab {
  readonly clock = new VirtualClock()
  readonly roster: Roster
  readonly reported: RivuletError[] = []
  #lines: string[] = []
  /** Called with each line, as user code that a port reaches may call back. */
  onLine: (line: string) => void = () => {}

  constructor(settings: Partial<RosterSettings> = {}) {
    this.roster = new Roster(
      { leaveMs, settleMs, maxClaims: 100, ...settings },
      {
        clock: this.clock,
        accept: (session, one) => this.#say(`${session}: accept ${numberOf(one)}`),
        refuse: (session, { incarnation: one, code, epoch }) =>
          this.#say(`${session}: refuse ${numberOf(one)} ${code.slice(8)} ${epoch}`),
        announce: ({ name, incarnation: one, epoch }) => this.#say(`announce ${name} ${numberOf(one)} at ${epoch}`),
        withdraw: (one) => this.#say(`withdraw ${numberOf(one)}`),
        joined: ({ ref }) => this.#say(`joined ${ref.name} ${numberOf(ref.incarnation)}`),
        changed: ({ ref }) => this.#say(`changed ${numberOf(ref.incarnation)}`),
        left: ({ ref }, reason) => this.#say(`left ${ref.name} ${numberOf(ref.incarnation)} ${reason}`),
        suspected: ({ ref }) => this.#say(`suspected ${numberOf(ref.incarnation)}`),
        recovered: ({ ref }) => this.#say(`recovered ${numberOf(ref.incarnation)}`),
        conflict: (winner, losers) =>
          this.#say(
            `conflict ${numberOf(winner.incarnation)} wins over ${losers.map((one) => numberOf(one.incarnation))}`,
          ),
        complete: () => this.#say('complete'),
        accepted: (session, one) => this.#say(`${session} accepted ${numberOf(one)}`),
        refused: (session, one, { code }) =>
          this.#say(`${session ?? 'here'} refused ${numberOf(one)} ${code.slice(8)}`),
        regained: (one) => this.#say(`regained ${numberOf(one)}`),
        report: (error) => void this.reported.push(error),
      },
    )
  }

  /** Begins a session that has met a node. */
  meet(session: string, node: string, publicKey?: string): this {
    this.roster.began(session, undefined)
    this.roster.met(session, node, publicKey === undefined ? undefined : { name: node, publicKey })
    return this
  }

  /** What was said since the last time. */
  lines(): string[] {
    const lines = this.#lines
    this.#lines = []
    return lines
  }

  #say(line: string): void {
    this.#lines.push(line)
    this.onLine(line)
  }
}
