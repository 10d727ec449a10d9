/** The listening side of a `meet`: gives the roster what the other node says, and answers which claims hold. */
import { maxCaller } from '../../src/call/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { Callers } from './callers.js'
import { invalidRequest } from './invalid-request.js'
import type { ClaimRefusal } from './peer-claim.js'
import type { RosterFacts } from './roster-contract.js'
import type { MeetAnswer, MeetRequest } from './wire.js'

/** What a meet needs of its node. */
export interface MeetSessionPorts {
  readonly roster: Pick<RosterFacts, 'met' | 'claim' | 'withdrawn' | 'completed'>
  /** The session, and whose key its other side has proven to own. */
  readonly session: string
  readonly identity: PeerIdentity | undefined
  /** The numbers of the peers of the other node. */
  readonly callers: Pick<Callers, 'set' | 'delete'>
  /**
   * It says its first words.
   *
   * @throws RIVULET_INVALID_REQUEST if the session has another meet.
   */
  begins(): void
  /** The other node said who it is, and where it is bound. */
  met(node: string, endpoints: readonly string[]): void
  /** It has said all that it had at the beginning. */
  completed(): void
  answer(answer: MeetAnswer): void
  /** It ends: nothing is known of the other node any more. */
  ended(): void
}

/** The node of an id has this form. */
const nodeForm = /^[0-9a-f]{32}$/

/** One `meet`. */
export class MeetSession {
  readonly #ports: MeetSessionPorts
  #hasMet = false
  #ended = false
  /** What is to be said of each incarnation: the last answer of the turn; `undefined` where it is accepted. */
  readonly #decided = new Map<string, ClaimRefusal | undefined>()
  readonly #answers = new OncePerTurn(() => this.#sendAnswers())

  constructor(ports: MeetSessionPorts) {
    this.#ports = ports
  }

  isBusy(): boolean {
    return false
  }

  /** @throws RIVULET_INVALID_REQUEST, RIVULET_PROTOCOL_VIOLATION: then nothing of this node is believed. */
  receive({ hello, joined = [], left = [], complete = false }: MeetRequest): void {
    const { roster, session, identity, callers } = this.#ports
    if (hello) {
      if (this.#hasMet) throw invalidRequest('a node says twice who it is')
      if (!nodeForm.test(hello.node)) throw invalidRequest('the id of a node has 32 hexadecimal digits')
      this.#ports.begins()
      const problem = roster.met(session, hello.node, identity)
      if (problem !== undefined) throw problem
      this.#hasMet = true
      this.#ports.met(hello.node, hello.endpoints ?? [])
    }
    if (!this.#hasMet) throw invalidRequest('a node has peers before it says who it is')
    // a peer may have left whose name another one of the same node has by now
    for (const incarnation of left) {
      roster.withdrawn(session, incarnation)
      callers.delete(incarnation)
    }
    for (const { answers = [], number: caller = 0, ...entry } of joined) {
      if (caller < 0 || caller > maxCaller) throw invalidRequest(`the number of a peer is from 0 to ${maxCaller}`)
      if (caller > 0) callers.set(caller, entry.incarnation)
      const claim = { ...entry, takeover: entry.takeover ?? false }
      roster.claim(session, { ...claim, answers: new Map(answers.map(({ ask, number }) => [ask, number])) })
    }
    if (!complete) return
    roster.completed(session)
    this.#ports.completed()
  }

  accept(incarnation: string): void {
    this.#decided.set(incarnation, undefined)
    this.#answers.schedule()
  }

  refuse(refusal: ClaimRefusal): void {
    this.#decided.set(refusal.incarnation, refusal)
    this.#answers.schedule()
  }

  async drained(): Promise<void> {}

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#ports.ended()
  }

  #sendAnswers(): void {
    const accepted: string[] = []
    const refused: ClaimRefusal[] = []
    for (const [incarnation, refusal] of this.#decided) {
      if (refusal === undefined) accepted.push(incarnation)
      else refused.push(refusal)
    }
    this.#decided.clear()
    if (!this.#ended && accepted.length + refused.length > 0) this.#ports.answer({ accepted, refused })
  }
}
