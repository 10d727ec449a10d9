/**
 * An account of a durable queue from outside: what was confirmed, delivered and settled, as the lines of a load tell it.
 *
 * It needs no clock, and not the order in which lines of different processes come. A message is under one lease at a time,
 * lease numbers rise for good, and an ack is confirmed only under the lease that the message has. So a confirmed ack is the
 * end: the lease it was under is the highest that the message was ever delivered under, whichever line came first. A later
 * delivery has a higher number and is a fault; an earlier one whose line came late has a lower one.
 *
 * An ack that was said and has no outcome may count or not: the message may be gone, or come again.
 *
 * One message of an id is stored. A send that an earlier try has stored is not told whether it was a duplicate then, so a
 * confirmed message with an id is there, or else another one of that id is or was.
 */
import { isPoison, isRejected, kindOf, mayExpire, optionsOf } from './load.js'

/** What is known of a message. */
interface Entry {
  confirmed: boolean
  /** Where its producer was told that it is; 0 if it was not told. */
  told: number
  /** What its producer was told that keeps it out of the queue. */
  notStored: string | undefined
  position: number
  /** Leases and attempts that it was delivered under, in the order of the lines. */
  readonly deliveries: { readonly lease: number; readonly attempt: number }[]
  ackSaid: boolean
  ackedUnder: number
}

/** A message that is still there, or is a dead letter. */
export interface Found {
  readonly id: number
  readonly position: number
  readonly attempts: number
  /** What it has that it should not have, in words. */
  readonly wrong?: string | undefined
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
  /** The message that each id was stored for. */
  readonly #byName = new Map<string, number>()

  constructor(maxAttempts: number) {
    this.#maxAttempts = maxAttempts
  }

  /** Confirmed messages, those of one id together counted once. */
  get distinct(): number {
    const names = new Set<string | number>()
    for (const [id, { confirmed }] of this.#entries) if (confirmed) names.add(optionsOf(id)?.id ?? id)
    return names.size
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
    else if (what === 'f') this.#refused(Number(first), second, third)
    else if (what === 'w') this.fault(words.join(' '))
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
      if (!found.has(id) && this.#mustBeThere(id, entry)) this.fault(`${where}: ${id} was confirmed and is gone`)
      if (entry.ackedUnder > 0 && found.has(id)) this.fault(`${where}: ${id} was acknowledged and is there`)
    }
    this.#checkDead(where, dead)
  }

  /** Compares with the dead letters, when the queue was emptied. */
  checkEnd(dead: readonly Found[]): void {
    const found = this.#checkOnce('at the end', dead)
    this.deadLetters = dead.length
    for (const [id, entry] of this.#entries) {
      const { confirmed, ackedUnder } = entry
      if (ackedUnder > 0 && found.has(id)) this.fault(`${id} was acknowledged and is a dead letter`)
      if (found.has(id)) continue
      if (this.#mustBeThere(id, entry)) this.fault(`${id} was confirmed, and neither acknowledged nor a dead letter`)
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
      entry = {
        confirmed: false,
        told: 0,
        notStored: undefined,
        position: 0,
        deliveries: [],
        ackSaid: false,
        ackedUnder: 0,
      }
      this.#entries.set(id, entry)
    }
    return entry
  }

  #confirmed(outcomes: readonly string[]): void {
    for (const outcome of outcomes) {
      const [number = '', place = '0'] = outcome.split(':')
      const [id, entry] = [Number(number), this.#entryOf(Number(number))]
      entry.confirmed = true
      if (place === '=') entry.notStored = 'confirmed as a duplicate'
      else entry.told = Number(place)
      this.#checkPlace(id, entry)
    }
    this.confirmed += outcomes.length
    this.progress(outcomes.length)
  }

  #refused(id: number, code: string, executed: string): void {
    const entry = this.#entryOf(id)
    if (executed === 'no') entry.notStored = `refused with ${code}`
    this.#checkPlace(id, entry)
    // no producer of this package says what a host cannot take
    if (code === 'RIVULET_INVALID_REQUEST') this.fault(`${id} was refused with ${code}`)
    this.#count(`send ${code}`)
  }

  /** A message was seen in the queue: it must be the one of its id. */
  #stored(id: number, entry: Entry, position: number): void {
    if (entry.position > 0 && entry.position !== position) {
      this.fault(`${id} is in the queue twice: at ${entry.position} and ${position}`)
    }
    entry.position = position
    this.#checkPlace(id, entry)
    const name = optionsOf(id)?.id
    if (name === undefined) return
    const other = this.#byName.get(name) ?? id
    if (other !== id) this.fault(`${other} and ${id} are in the queue, both with the id ${name}`)
    this.#byName.set(name, id)
  }

  /** What its producer was told, and where it is. */
  #checkPlace(id: number, { told, notStored, position }: Entry): void {
    if (position === 0) return
    if (notStored !== undefined) this.fault(`${id} was ${notStored}, and is at ${position}`)
    if (told > 0 && told !== position) this.fault(`${id} was confirmed at ${told}, and is at ${position}`)
  }

  /** Whether a message that was not found must be there, or have left a message of its id. */
  #mustBeThere(id: number, { confirmed, ackSaid, notStored }: Entry): boolean {
    if (!confirmed || ackSaid) return false
    const name = optionsOf(id)?.id
    if (name !== undefined && this.#byName.has(name) && this.#byName.get(name) !== id) return false
    return notStored !== undefined || !mayExpire(id)
  }

  #delivered(id: number, attempt: number, lease: number, position: number, kind: string): void {
    const entry = this.#entryOf(id)
    this.deliveries += 1
    if (entry.deliveries.length > 0) this.repeated += 1
    if (attempt < this.#maxAttempts && kindOf(id, attempt) === 'n') this.failing += 1
    if (entry.deliveries.some((one) => one.lease === lease)) this.fault(`${id} came twice under lease ${lease}`)
    this.#stored(id, entry, position)
    if (attempt > this.#maxAttempts) this.fault(`${id} came for attempt ${attempt}`)
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
    for (const { id, wrong, position, origin } of found) {
      if (ids.has(id)) this.fault(`${where}: ${id} is there twice`)
      ids.add(id)
      if (wrong !== undefined) this.fault(`${where}: ${id} has ${wrong}`)
      this.#stored(id, this.#entryOf(id), origin?.position ?? position)
    }
    return ids
  }

  /** Each dead letter has earned it; returns how many lost all their attempts with their consumers. */
  #checkDead(where: string, dead: readonly Found[]): number {
    let wornOut = 0
    for (const { id, history } of dead) {
      const causes = history.map(({ cause }) => cause)
      const story = causes.join(', ')
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
