/**
 * An account of a durable queue from outside: what was confirmed, delivered and settled, as the lines of a load tell it.
 *
 * It needs no clock, and not the order in which lines of different processes come. A message is under one lease at a time,
 * lease numbers rise for good, and an ack is confirmed only under the lease that the message has. So a confirmed ack is the
 * end: the lease it was under is the highest that the message was ever delivered under, whichever line came first. A later
 * delivery has a higher number and is a fault; an earlier one whose line came late has a lower one.
 *
 * An ack that was said and has no outcome may count or not: the message may be gone, or come again.
 */
import { isPoison, isRejected, kindOf } from './load.js'

/** What is known of a message. */
interface Entry {
  confirmed: boolean
  position: number
  /** Leases and attempts that it was delivered under, in the order of the lines. */
  readonly deliveries: { readonly lease: number; readonly attempt: number }[]
  ackSaid: boolean
  ackedUnder: number
}

/** A message that is still there, or is a dead letter. */
export interface Found {
  readonly id: number
  readonly attempts: number
  readonly history: readonly { readonly cause: string }[]
  /** Where it was first, if it is a dead letter. */
  readonly origin?: { readonly position: number } | undefined
}

const mostFaults = 50

/** The account. */
export class Ledger {
  readonly faults: string[] = []
  /** Why settlements and sends were refused, and what was reported, each with how often. */
  readonly codes = new Map<string, number>()
  confirmed = 0
  acked = 0
  deliveries = 0
  /** Deliveries of messages that had been delivered before. */
  repeated = 0
  /** Deliveries that their consumer makes fail, so that another one is due. */
  failing = 0
  deadLetters = 0
  /** Dead letters that nobody refused: all their attempts were lost with their consumers. */
  wornOut = 0
  /** Called with each line that tells of progress, with how many confirmations it has. */
  progress: (events: number) => void = () => {}
  readonly #maxAttempts: number
  readonly #entries = new Map<number, Entry>()

  constructor(maxAttempts: number) {
    this.#maxAttempts = maxAttempts
  }

  /** Reads a line of `load.ts` or `queue-process.ts`. */
  read(line: string): void {
    const [what, ...words] = line.split(' ') as [string, ...string[]]
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = words
    if (what === 'd') this.#delivered(Number(first), Number(second), Number(third), Number(fourth), fifth)
    else if (what === 's') this.#said(Number(first), third)
    else if (what === 'o') this.#settled(first, words.slice(1))
    else if (what === 'c') this.#confirmed(words)
    else if (what === 'x') this.#count(`${third} ${fourth}`)
    else if (what === 'f') this.#count(`send ${second}`)
    else if (what === 'e') this.#count(`reported ${first}`)
  }

  /** Notes a fault, with how many as an upper bound of words. */
  fault(text: string): void {
    if (this.faults.length < mostFaults) this.faults.push(text)
  }

  /** Compares with what a folder holds, when the host is dead and everything was read. */
  checkRest(where: string, waiting: readonly Found[], dead: readonly Found[]): void {
    const found = this.#checkOnce(where, [...waiting, ...dead])
    for (const [id, entry] of this.#entries) {
      if (entry.confirmed && !entry.ackSaid && !found.has(id)) this.fault(`${where}: ${id} was confirmed and is gone`)
      if (entry.ackedUnder > 0 && found.has(id)) this.fault(`${where}: ${id} was acknowledged and is there`)
    }
    this.#checkDead(where, dead)
  }

  /** Compares with the dead letters, when the queue was emptied. */
  checkEnd(dead: readonly Found[]): void {
    const found = this.#checkOnce('at the end', dead)
    this.deadLetters = dead.length
    for (const [id, entry] of this.#entries) {
      const { confirmed, ackSaid, ackedUnder } = entry
      if (ackedUnder > 0 && found.has(id)) this.fault(`${id} was acknowledged and is a dead letter`)
      if (found.has(id)) continue
      if (confirmed && !ackSaid) this.fault(`${id} was confirmed, and neither acknowledged nor a dead letter`)
      if (isPoison(id) || isRejected(id)) {
        if (confirmed || entry.deliveries.length > 0) this.fault(`${id} is no dead letter`)
      }
    }
    this.wornOut = this.#checkDead('at the end', dead)
    for (const [id, { deliveries }] of this.#entries) this.#checkAttempts(id, deliveries)
  }

  #entryOf(id: number): Entry {
    let entry = this.#entries.get(id)
    if (entry === undefined) {
      entry = { confirmed: false, position: 0, deliveries: [], ackSaid: false, ackedUnder: 0 }
      this.#entries.set(id, entry)
    }
    return entry
  }

  #confirmed(ids: readonly string[]): void {
    for (const id of ids) this.#entryOf(Number(id)).confirmed = true
    this.confirmed += ids.length
    this.progress(ids.length)
  }

  #delivered(id: number, attempt: number, lease: number, position: number, kind: string): void {
    const entry = this.#entryOf(id)
    this.deliveries += 1
    if (entry.deliveries.length > 0) this.repeated += 1
    if (attempt < this.#maxAttempts && kindOf(id, attempt) === 'n') this.failing += 1
    if (entry.deliveries.some((one) => one.lease === lease)) this.fault(`${id} came twice under lease ${lease}`)
    if (entry.position > 0 && entry.position !== position) {
      this.fault(`${id} is in the queue twice: at ${entry.position} and ${position}`)
    }
    if (attempt > this.#maxAttempts) this.fault(`${id} came for attempt ${attempt}`)
    entry.position = position
    entry.deliveries.push({ lease, attempt })
    if (entry.ackedUnder > 0) this.#checkAcked(id, entry)
    if (kind === 'a') entry.ackSaid = true
  }

  #said(id: number, kind: string): void {
    if (kind === 'a') this.#entryOf(id).ackSaid = true
  }

  #settled(kind: string, settled: readonly string[]): void {
    if (kind === 'a') {
      this.acked += settled.length
      for (const one of settled) {
        const [id = 0, lease = 0] = one.split(':').map(Number)
        const entry = this.#entryOf(id)
        if (entry.ackedUnder > 0) this.fault(`${id} was acknowledged under ${entry.ackedUnder} and ${lease}`)
        entry.ackedUnder = lease
        this.#checkAcked(id, entry)
      }
    }
    this.progress(settled.length)
  }

  /** No delivery comes after the one whose ack was confirmed. */
  #checkAcked(id: number, { deliveries, ackedUnder }: Entry): void {
    for (const { lease } of deliveries) {
      if (lease > ackedUnder) this.fault(`${id} came under lease ${lease}, and was acknowledged under ${ackedUnder}`)
    }
  }

  /** Attempts do not fall; a message that was given back may come for the same one again. */
  #checkAttempts(id: number, deliveries: Entry['deliveries']): void {
    let before = 0
    for (const { lease, attempt } of deliveries.sort((a, b) => a.lease - b.lease)) {
      if (attempt < before) this.fault(`${id} came for attempt ${attempt} under ${lease}, after ${before}`)
      before = attempt
    }
  }

  #checkOnce(where: string, found: readonly Found[]): Set<number> {
    const ids = new Set<number>()
    for (const { id } of found) {
      if (ids.has(id)) this.fault(`${where}: ${id} is there twice`)
      ids.add(id)
    }
    return ids
  }

  /** Each dead letter has earned it; returns how many lost all their attempts with their consumers. */
  #checkDead(where: string, dead: readonly Found[]): number {
    let wornOut = 0
    for (const { id, history, origin } of dead) {
      const entry = this.#entryOf(id)
      const causes = history.map(({ cause }) => cause)
      const story = causes.join(', ')
      if (entry.position > 0 && origin?.position !== entry.position) {
        this.fault(`${where}: the dead letter ${id} was at ${entry.position}, it says ${origin?.position}`)
      }
      if (isRejected(id) && causes.at(-1) === 'reject') continue
      if (causes.length !== this.#maxAttempts) this.fault(`${where}: ${id} is a dead letter after ${story}`)
      const allowed = isPoison(id) || id % 200 === 13 ? ['nack', 'lease-lost'] : ['lease-lost']
      if (causes.some((cause) => !allowed.includes(cause)))
        this.fault(`${where}: ${id} is a dead letter after ${story}`)
      if (!isPoison(id)) wornOut += 1
    }
    return wornOut
  }

  #count(what: string): void {
    this.codes.set(what, (this.codes.get(what) ?? 0) + 1)
  }
}
