/**
 * One of very many peers: what it sees of all others and what they send it, each held against what it must be.
 *
 * Peers are known by numbers; who sends to whom follows from them, so that each peer knows what is due to it.
 */
import type { Peer, PresenceEvent } from '../../patterns/messaging/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { until } from '../support/events.js'

/** A message: its place among all that one peer sends to another, and some weight. */
export const Note = defineSchema({
  type: 'record',
  name: 'Note',
  namespace: 'test.messaging',
  fields: [
    { name: 'place', type: 'int' },
    { name: 'text', type: 'string' },
  ],
} as const)

/** How many there are, and how much each sends. */
export interface CrowdPlan {
  readonly processes: number
  readonly peersPerProcess: number
  /** Messages that each peer sends, and so receives. */
  readonly messages: number
  /** Peers that each peer sends to, spread over all processes. */
  readonly partners: number
}

const text = 'a line of text'

/** Messages that one peer has in flight. */
const inFlight = 25

/** The name of a peer. */
export function nameOf(process: number, index: number): string {
  return `peer-${process}-${index}`
}

/** The number of a peer among all; not a number for any other name. */
function numberOf(name: string, { peersPerProcess }: CrowdPlan): number {
  const [, process, index] = name.split('-')
  return Number(process) * peersPerProcess + Number(index)
}

/** What a peer has seen of another; 0 if nothing. */
const isPresent = 1
const hasDeparted = 2

/** A peer with an account of what it sees and gets. */
export class Member {
  /** What must not be, in words. */
  readonly faults: string[] = []
  /** The errors that the peer reports, by code: on a busy machine links may have to be made again. */
  readonly reported = new Map<string, number>()
  /** Whether the snapshot of the peers that are there was reported as complete. */
  isComplete = false
  received = 0
  readonly #peer: Peer
  readonly #plan: CrowdPlan
  readonly #number: number
  /** By number, since a set of names for each peer would be more than the peers take. */
  readonly #states: Uint8Array
  #present = 0
  #departed = 0
  readonly #places = new Map<string, number>()

  /** @param number - Of the peer among all. */
  constructor(peer: Peer, number: number, plan: CrowdPlan) {
    this.#peer = peer
    this.#plan = plan
    this.#number = number
    this.#states = new Uint8Array(plan.processes * plan.peersPerProcess)
    peer.errors.subscribe(({ code }) => this.reported.set(code, (this.reported.get(code) ?? 0) + 1))
    peer.presence.subscribe((event) => this.#saw(event))
    peer.deliveries(Note).subscribe(({ from, value: { place } }) => {
      const due = this.#places.get(from.name) ?? 0
      if (place !== due) this.#fault(`${from.name} sent ${place} where ${due} is due`)
      this.#places.set(from.name, place + 1)
      this.received += 1
    })
  }

  /** How many others it sees. */
  get present(): number {
    return this.#present
  }

  /** How many have left. */
  get departed(): number {
    return this.#departed
  }

  /** Sends all that is due; resolves when all was taken. */
  async send(): Promise<void> {
    const { messages, partners } = this.#plan
    let open: Promise<void>[] = []
    for (let message = 0; message < messages; message++) {
      const place = Math.floor(message / partners)
      const sent = this.#peer.send(this.#partner(message % partners), Note, { place, text })
      open.push(sent.catch(({ code }: RivuletError) => this.#fault(`a message was not taken: ${code}`)))
      if (open.length < inFlight) continue
      await Promise.all(open)
      open = []
    }
    await Promise.all(open)
  }

  /** Holds its counts against the plan. */
  check(): readonly string[] {
    const { messages, partners } = this.#plan
    const { outgoing, incoming } = this.#peer.stats()
    const counts = [outgoing.accepted, outgoing.sent, incoming.received, incoming.delivered, this.received]
    if (counts.some((count) => count !== messages)) this.#fault(`counts ${counts.join(', ')}, not ${messages}`)
    if (this.#places.size !== Math.min(partners, messages)) this.#fault(`${this.#places.size} peers have sent to it`)
    return this.faults
  }

  #partner(which: number): string {
    const { processes, peersPerProcess, partners } = this.#plan
    const total = processes * peersPerProcess
    const other = (this.#number + 1 + Math.floor((which * (total - 1)) / partners)) % total
    return nameOf(Math.floor(other / peersPerProcess), other % peersPerProcess)
  }

  #saw(event: PresenceEvent): void {
    if (event.kind === 'complete') {
      if (this.isComplete) this.#fault('complete twice')
      this.isComplete = true
      return
    }
    const { kind, peer } = event
    const at = numberOf(peer.name, this.#plan)
    const state = this.#states[at]
    if (kind === 'joined') {
      if (state === isPresent) this.#fault(`${peer.name} joined twice`)
      else if (state === hasDeparted) this.#fault(`${peer.name} joined after it had left`)
      else if (state === undefined) this.#fault(`${peer.name} is none of the crowd`)
      else this.#present += 1
      this.#states[at] = isPresent
    } else if (kind === 'left') {
      if (state === hasDeparted) this.#fault(`${peer.name} left twice`)
      else if (state !== isPresent) this.#fault(`${peer.name} left and was not there`)
      else this.#present -= 1
      if (state !== hasDeparted) this.#departed += 1
      this.#states[at] = hasDeparted
    } else if (kind === 'conflict') {
      this.#fault(`a conflict about ${peer.name}`)
    }
  }

  #fault(what: string): void {
    if (this.faults.length < 5) this.faults.push(`${this.#peer.name}: ${what}`)
  }
}

/** Resolves, with the time on the clock of the machine, when a condition holds of all. */
export async function whenAll(members: readonly Member[], holds: (member: Member) => boolean): Promise<number> {
  await until(() => members.every(holds))
  return Date.now()
}
