/**
 * What named peers promise, as seen from outside: what senders were told, what receivers were given, whom each peer saw.
 *
 * It knows every message by its sender and its number, and survives every crash.
 */
import type { PeerDelivery } from '../../patterns/messaging/mail-supply.js'
import type { PeerRef } from '../../patterns/messaging/peer-claim.js'
import type { PresenceEvent } from '../../patterns/messaging/presence-event.js'
import type { RivuletError } from '../../src/errors/index.js'
import { BrokenPromise } from './session-oracle.js'

/** A message, as its value says. */
export interface Note {
  readonly from: string
  /** Its number among the messages from this incarnation to one name. */
  readonly number: number
  readonly padding: string
}

/** A message or a question. */
export interface Pending {
  /** What it is called in a report. */
  readonly about: string
  readonly isAsk: boolean
  /** The incarnation of its sender, and the name of its receiver. */
  readonly from: string
  readonly to: string
}

/** What became of a message. */
interface Sent extends Pending {
  readonly isAsk: false
  readonly isRepeatable: boolean
  outcome: 'open' | 'taken' | 'no' | 'maybe' | 'abandoned'
  /** The incarnations that it was delivered to. */
  readonly delivered: Set<string>
  /** The incarnations of its receiver's name that were alive at some time since it was sent. */
  readonly candidates: Set<string>
}

/** What became of a question. */
interface Asked extends Pending {
  readonly isAsk: true
  outcome: 'open' | 'answered' | 'no' | 'maybe' | 'abandoned'
  /** The incarnations that were asked. */
  readonly by: string[]
}

/** A peer, for as long as a run lasts. */
interface Life {
  readonly ref: PeerRef
  isAlive: boolean
  /** Whom it sees, by name: an incarnation. */
  readonly sees: Map<string, string>
  /** The incarnations that it has seen leave, and not come back. */
  readonly hasSeenLeave: Set<string>
  isComplete: boolean
  /** The number of the last message from each incarnation, by kind, and its sequence. */
  readonly last: Map<string, { number: number; sequence: number }>
}

/** Errors that honest sides never give each other cause for. */
const accusations =
  /^RIVULET_(INTERNAL|INVALID_REQUEST|INVALID_MESSAGE|PROTOCOL_VIOLATION|UNIMPLEMENTED|UNKNOWN_SCHEMA|DECODE_FAILED|PERMISSION_DENIED)$/

/** Takes down what happens, and compares it with what was promised. */
export class MessagingOracle {
  delivered = 0
  broken: BrokenPromise | undefined
  readonly #sent = new Map<string, Sent>()
  readonly #lives = new Map<string, Life>()
  readonly #next = new Map<string, number>()
  /** The incarnations of peers of processes that lie. */
  readonly #liars = new Set<string>()
  /** The keys that names belong to, by node and name. */
  readonly #owners = new Map<string, string>()
  readonly #asked = new Map<string, Asked>()
  /** Those without an outcome. */
  readonly #open = new Set<Sent | Asked>()

  /** Messages and questions without an outcome. */
  get open(): Iterable<Pending> {
    return this.#open
  }

  /** A process lies: what others report of it is no fault of theirs. */
  hasLiar(incarnation: string): void {
    this.#liars.add(incarnation)
  }

  /** A name is held by a peer as a node sees it, so that there it is nobody's with another key. */
  belongs(node: string, { name, identity }: PeerRef): void {
    const key = `${node} ${name}`
    if (identity !== undefined && !this.#owners.has(key)) this.#owners.set(key, identity.publicKey)
  }

  /** A peer begins. */
  born(ref: PeerRef): void {
    this.#lives.set(ref.incarnation, {
      ref,
      isAlive: true,
      sees: new Map(),
      hasSeenLeave: new Set(),
      isComplete: false,
      last: new Map(),
    })
    for (const one of this.#open) if (!one.isAsk && one.to === ref.name) one.candidates.add(ref.incarnation)
  }

  /** A peer has ended, in whatever way: its open sends have no outcome. */
  died(ref: PeerRef): void {
    const life = this.#of(ref)
    life.isAlive = false
    for (const one of this.#open) {
      if (one.from !== ref.incarnation) continue
      one.outcome = 'abandoned'
      this.#open.delete(one)
    }
  }

  isAlive(ref: PeerRef): boolean {
    return this.#of(ref).isAlive
  }

  /** Makes the next message of a peer to a name. */
  made(from: PeerRef, to: string, isRepeatable: boolean): number {
    const pair = `${from.incarnation}>${to}`
    const number = (this.#next.get(pair) ?? 0) + 1
    this.#next.set(pair, number)
    const candidates = [...this.#lives.values()].filter(({ ref, isAlive }) => isAlive && ref.name === to)
    const sent: Sent = {
      about: `${from.name}'s #${number} for ${to}`,
      isAsk: false,
      from: from.incarnation,
      to,
      isRepeatable,
      outcome: 'open',
      delivered: new Set(),
      candidates: new Set(candidates.map(({ ref }) => ref.incarnation)),
    }
    this.#sent.set(`${pair}#${number}`, sent)
    this.#open.add(sent)
    return number
  }

  /** Its sender is told that it was taken. */
  taken(from: PeerRef, to: string, number: number): void {
    this.#settle(from, to, number, 'taken')
  }

  /** Its sender is told that it was not, or that it may have been. */
  failed(from: PeerRef, to: string, number: number, { code, executed, message }: RivuletError): void {
    if (executed === undefined) this.fail(`${code} does not say whether the message was handled: ${message}`)
    const sent = this.#settle(from, to, number, executed)
    if (executed === 'no' && sent.delivered.size > 0)
      this.fail(`${from.name} is told ${code}, and ${to} has #${number}`)
  }

  /** A peer is given a message, by a stream of this kind. */
  given(to: PeerRef, kind: string, { from, value, sequence }: PeerDelivery<Note>, isBacklog: boolean): void {
    const receiver = this.#of(to)
    const about = `${from.name}'s #${value.number} for ${to.name}`
    if (this.#liars.has(from.incarnation)) {
      this.#checkLiar(receiver, from.incarnation, value.number, sequence)
      return
    }
    this.#checkIdentity(from)
    if (from.incarnation !== value.from) this.fail(`${about} has another sender`)
    const sent = this.#sent.get(`${from.incarnation}>${to.name}#${value.number}`)
    if (sent === undefined) this.fail(`${about} was never sent`)
    if (!receiver.isAlive) this.fail(`${about} is delivered to a peer that has ended`)
    if (sent.outcome === 'no') this.fail(`${about} is delivered, and its sender was told that it was not`)
    if (sent.delivered.has(to.incarnation)) this.fail(`${about} is delivered twice`)
    if (sent.delivered.size > 0 && !sent.isRepeatable) this.fail(`${about} is delivered to two incarnations`)
    sent.delivered.add(to.incarnation)
    const last = receiver.last.get(from.incarnation + kind)
    if (last !== undefined && (value.number <= last.number || sequence <= last.sequence))
      this.fail(`${about} comes behind #${last.number}`)
    receiver.last.set(from.incarnation + kind, { number: value.number, sequence })
    const seen = receiver.sees.get(from.name)
    if (!isBacklog && from.incarnation !== to.incarnation && seen !== from.incarnation) {
      // a slow consumer of one schema holds up no other one: not even for what a successor sends
      if (kind === '' || receiver.hasSeenLeave.has(from.incarnation))
        this.fail(`${about} comes from ${short(from.incarnation)}, and ${to.name} sees ${short(seen)}`)
    }
    this.delivered += 1
  }

  /** Makes the next question of a peer to a name. */
  asked(from: PeerRef, to: string): number {
    const pair = `${from.incarnation}?${to}`
    const number = (this.#next.get(pair) ?? 0) + 1
    this.#next.set(pair, number)
    const about = `${from.name}'s question #${number} for ${to}`
    const asked: Asked = { about, isAsk: true, from: from.incarnation, to, outcome: 'open', by: [] }
    this.#asked.set(`${pair}#${number}`, asked)
    this.#open.add(asked)
    return number
  }

  /** A peer is asked. */
  answered(to: PeerRef, from: PeerRef, { from: asker, number }: Note): void {
    const about = `${from.name}'s question #${number} for ${to.name}`
    if (from.incarnation !== asker) this.fail(`${about} has another asker`)
    const asked = this.#asked.get(`${asker}?${to.name}#${number}`)
    if (asked === undefined) this.fail(`${about} was never asked`)
    if (asked.by.length > 0) this.fail(`${about} is asked twice`)
    if (asked.outcome === 'no') this.fail(`${about} is asked, and its asker knows that it is not`)
    if (!this.#of(to).isAlive) this.fail(`${about} comes to a peer that has ended`)
    asked.by.push(to.incarnation)
  }

  /** A peer is given an answer. */
  replied(from: PeerRef, to: string, number: number, by: string): void {
    const asked = this.#settleAsk(from, to, number, 'answered')
    if (!asked.by.includes(by)) this.fail(`${from.name}'s question #${number} for ${to} is answered by another`)
  }

  /** A question has failed. */
  unanswered(from: PeerRef, to: string, number: number, { code, executed, message }: RivuletError): void {
    if (executed === undefined) this.fail(`${code} does not say whether the question was handled: ${message}`)
    const asked = this.#settleAsk(from, to, number, executed)
    if (executed === 'no' && asked.by.length > 0)
      this.fail(`${from.name} is told ${code}, and its question #${number} was handled`)
  }

  /** A peer sees something of others. */
  sees(observer: PeerRef, node: string, event: PresenceEvent): void {
    const life = this.#of(observer)
    const about = `${observer.name} sees ${event.kind}`
    if (event.kind === 'complete') {
      if (life.isComplete) this.fail(`${about} twice`)
      life.isComplete = true
      return
    }
    const { name, incarnation } = event.peer
    if (incarnation === observer.incarnation && name === observer.name && event.kind !== 'conflict')
      this.fail(`${about} of itself`)
    const seen = life.sees.get(name)
    if (event.kind === 'joined') {
      this.#checkIdentity(event.peer)
      const owner = this.#owners.get(`${node} ${name}`)
      if (owner !== undefined && owner !== event.peer.identity?.publicKey)
        this.fail(`${about} ${name}, which belongs to another key`)
      if (seen !== undefined) this.fail(`${about} ${name} ${short(incarnation)} before ${short(seen)} has left`)
      life.sees.set(name, incarnation)
      life.hasSeenLeave.delete(incarnation)
    } else if (event.kind === 'conflict') {
      if (event.losers.length === 0) this.fail(`${about} without losers`)
    } else {
      if (seen !== incarnation) this.fail(`${about} of ${name} ${short(incarnation)}, which is not there`)
      if (event.kind !== 'left') return
      life.sees.delete(name)
      life.hasSeenLeave.add(incarnation)
    }
  }

  /** Another subscriber of a peer is given a snapshot. */
  snapshot(observer: PeerRef, events: readonly PresenceEvent[]): void {
    const life = this.#of(observer)
    const present = events.flatMap((event) =>
      event.kind === 'joined' ? [`${event.peer.name} ${event.peer.incarnation}`] : [],
    )
    const wanted = [...life.sees].map((entry) => entry.join(' '))
    if (present.sort().join() !== wanted.sort().join())
      this.fail(`${observer.name} has the snapshot ${present}, and there is ${wanted}`)
    if (events.some(({ kind }) => kind === 'complete') !== life.isComplete)
      this.fail(`the marker of a snapshot of ${observer.name} is wrong`)
  }

  /** A process is told of an error. */
  reported(who: string, { code, message, cause }: RivuletError): void {
    const isAccusation = this.#liars.size > 0 ? code === 'RIVULET_INTERNAL' : accusations.test(code)
    if (isAccusation) this.fail(`${who} reports ${code}: ${message}, ${(cause as Error)?.stack ?? ''}`)
  }

  /** Everything is at rest: what was taken by peers that live has been given to them. */
  checkEnd(): void {
    for (const [key, { to, outcome, delivered, candidates }] of this.#sent) {
      if (outcome !== 'taken' || delivered.size > 0) continue
      // the one that took it may have died with it, or never wanted it
      const keepers = [...candidates].filter((one) => !this.#lives.get(one)?.isAlive)
      if (keepers.length === 0) this.fail(`${key} was taken, and ${to} never got it`)
    }
  }

  /** Whom a peer sees, by name. */
  seenBy(ref: PeerRef): ReadonlyMap<string, string> {
    return this.#of(ref).sees
  }

  /** Looks, and remembers what is broken. */
  watch(look: (oracle: this) => void): void {
    try {
      look(this)
    } catch (error) {
      if (!(error instanceof BrokenPromise)) throw error
    }
  }

  /** A promise is broken. */
  fail(what: string): never {
    this.broken ??= new BrokenPromise(what)
    throw this.broken
  }

  #settle(from: PeerRef, to: string, number: number, outcome: 'taken' | 'no' | 'maybe' | undefined): Sent {
    const sent = this.#sent.get(`${from.incarnation}>${to}#${number}`) as Sent
    if (sent.outcome !== 'open') this.fail(`${from.name}'s #${number} for ${to} has two outcomes`)
    sent.outcome = outcome ?? 'maybe'
    this.#open.delete(sent)
    return sent
  }

  #settleAsk(from: PeerRef, to: string, number: number, outcome: Asked['outcome']): Asked {
    const asked = this.#asked.get(`${from.incarnation}?${to}#${number}`) as Asked
    if (asked.outcome !== 'open') this.fail(`${from.name}'s question #${number} for ${to} has two outcomes`)
    asked.outcome = outcome
    this.#open.delete(asked)
    return asked
  }

  /** Of what a liar sends, each message comes once and in order. */
  #checkLiar(receiver: Life, incarnation: string, number: number, sequence: number): void {
    const last = receiver.last.get(incarnation)?.sequence ?? 0
    if (sequence !== last + 1 || number !== sequence)
      this.fail(`the message ${number} of a liar comes as ${sequence} behind ${last}`)
    receiver.last.set(incarnation, { number, sequence })
  }

  /** Whoever is seen under its name is seen under its key. */
  #checkIdentity({ name, incarnation, identity }: PeerRef): void {
    const own = this.#lives.get(incarnation)?.ref
    if (own?.name !== name) return
    if (own.identity?.publicKey !== identity?.publicKey || own.identity?.name !== identity?.name)
      this.fail(`${name} ${short(incarnation)} is seen as ${identity?.name}, and is ${own.identity?.name}`)
  }

  #of({ name, incarnation }: PeerRef): Life {
    return this.#lives.get(incarnation) ?? this.fail(`${name} ${short(incarnation)} was never there`)
  }
}

function short(incarnation: string | undefined): string {
  return incarnation?.slice(0, 4) ?? 'nobody'
}
