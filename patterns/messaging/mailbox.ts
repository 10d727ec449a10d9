/**
 * The mailbox of one peer: what its process has taken for it and the application has not, within bounds.
 *
 * Messages are handed out in the order in which they came, over all schemas; a consumer that asks for few at a time holds up
 * no other schema. It knows no links and no sequences.
 */
import { type Codec, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import { Fifo, OncePerTurn, turnBudget } from '../../src/lifecycle/index.js'
import { publishDrop, Tally } from '../../src/observe/index.js'
import type { Reasons, ReceiverStats } from '../../src/stream/index.js'
import type { MessageReader } from '../../src/wire/index.js'
import { Lane } from './lane.js'
import { type MailSupply, type ReceivedMessages, TakenMessages } from './mail-supply.js'
import { memberOf, type PeerRef } from './peer-claim.js'
import { typeNames } from './schema-names.js'

/** What happens to messages for a mailbox that is full: `block` holds their senders back, `error` refuses them. */
export type MailboxOverflow = 'block' | 'error'

/** The policies, for option rules. */
export const mailboxOverflows = ['block', 'error'] as const satisfies readonly MailboxOverflow[]

/** The bounds of a mailbox. */
export interface MailboxSettings {
  readonly mailboxMessages: number
  readonly mailboxBytes: number
  readonly mailboxOverflow: MailboxOverflow
  readonly unclaimedMessages: number
  readonly unclaimedBytes: number
}

/** What a mailbox needs of its peer. */
export interface MailboxPorts {
  name(): string
  report(error: RivuletError): void
  /** The time of the day, in milliseconds. */
  wallNow(): number
  /** It may hold no more messages of a sender that somebody wants. */
  handedOut(from: PeerRef): void
}

/** Why messages were not taken. */
export type MailboxRefusal = { readonly code: ErrorCode; readonly message: string }

/** What became of messages that were offered: how many were taken, and why not the rest; `full` if there will be room. */
export interface Offered {
  readonly taken: number
  readonly refusal: MailboxRefusal | 'full' | undefined
}

/** What became of the messages to a peer: `received = delivered + dropped + pending`. */
export interface MailboxStats extends Omit<ReceiverStats, 'rejectedFrames'> {
  /** Never taken, and refused to their senders: `mailbox-full`, `unclaimed`, `incompatible-schema`. */
  readonly refused: Reasons
  /** Bytes of the pending messages; those of a batch count until its last one is handed out. */
  readonly pendingBytes: number
}

/** Schemas of writers whose lane is remembered. */
const maxRoutes = 1024

/** Where messages of one writer's schema go; without a lane, nobody consumes them. */
interface MailRoute {
  readonly lane: Lane<unknown> | undefined
  readonly reader: MessageReader<unknown> | undefined
}

/** A mailbox. */
export class Mailbox {
  readonly #settings: MailboxSettings
  readonly #ports: MailboxPorts
  readonly #lanes = new Map<Codec<never, unknown>, Lane<unknown>>()
  readonly #routes = new Map<string, MailRoute>()
  /** What is to be handed to lanes, in the order in which it came. */
  readonly #arrived = new Fifo<{ readonly lane: Lane<unknown>; readonly supply: MailSupply<unknown> }>()
  /** What no lane takes. */
  readonly #unclaimed = new Fifo<TakenMessages>()
  #unclaimedCount = 0
  #unclaimedSize = 0
  /** Senders of which a lane holds no more, or whose messages nobody wants any more. */
  #released: PeerRef[] = []
  #roomWaiters = new Set<() => void>()
  readonly #refused = new Tally()
  readonly #dropped = new Tally()
  #received = 0
  #isPumping = false
  #isPumpPlanned = false
  /** The lane that was given messages last. */
  #current: Lane<unknown> | undefined
  #isClosed = false
  readonly #changes = new OncePerTurn(() => this.#notify())

  constructor(settings: MailboxSettings, ports: MailboxPorts) {
    this.#settings = settings
    this.#ports = ports
  }

  /** The lane of a schema, made at its first use: what waits for it goes there. */
  laneOf<Out>(schema: Schema<unknown, Out>): Lane<Out> {
    const codec = codecOf(schema) as Codec<never, Out>
    const known = this.#lanes.get(codec)
    if (known !== undefined) return known as unknown as Lane<Out>
    const lane: Lane<Out> = new Lane<Out>(codec, {
      name: () => this.#ports.name(),
      report: (error) => this.#ports.report(error),
      changed: () => this.#laneChanged(lane),
      usedUp: () => this.#heldLess(),
      handedOut: (from) => this.#handedOut(from),
    })
    this.#lanes.set(codec, lane as unknown as Lane<unknown>)
    this.#routes.clear()
    if (this.#isClosed) lane.inbound.complete()
    else this.#claim()
    return lane
  }

  /** Takes messages of a batch from an index on, as many as there is room for. */
  offer(messages: ReceivedMessages, from: number): Offered {
    const route = this.#routeOf(messages)
    const { lane, reader } = route
    const count = messages.lengths.length - from
    if (this.#isClosed) return { taken: 0, refusal: { code: 'RIVULET_PEER_GONE', message: 'the peer is closing' } }
    if (lane !== undefined && reader === undefined) {
      this.#refused.add('incompatible-schema', count)
      const message = 'the peer consumes messages of this name with a schema that cannot read them'
      return { taken: 0, refusal: { code: 'RIVULET_MESSAGE_REFUSED', message } }
    }
    const isClaimed = lane?.isWanted === true
    const taken = this.#roomFor(messages, from, isClaimed)
    if (taken !== undefined) this.#take(taken, route)
    const takenCount = taken === undefined ? 0 : taken.to - taken.from
    if (takenCount === count) return { taken: takenCount, refusal: undefined }
    if (isClaimed && this.#settings.mailboxOverflow === 'block') return { taken: takenCount, refusal: 'full' }
    return { taken: takenCount, refusal: this.#refuse(messages, isClaimed, count - takenCount) }
  }

  /** Calls back once, when there may be room. */
  whenRoom(callback: () => void): void {
    this.#roomWaiters.add(callback)
  }

  /** Takes that back: the waiting stream has ended. */
  leaveRoom(callback: () => void): void {
    this.#roomWaiters.delete(callback)
  }

  /** Those that wait for room. */
  get waiting(): number {
    return this.#roomWaiters.size
  }

  /** Whether it holds messages of an incarnation and a key (see `memberOf`) that somebody wants; `handedOut` tells when that may have ended. */
  holds(member: string): boolean {
    for (const lane of this.#lanes.values()) if (lane.isWanted && lane.holds(member)) return true
    return false
  }

  stats(): MailboxStats {
    const dropped = new Tally()
    let [delivered, pending, pendingBytes] = [0, this.#unclaimedCount, this.#unclaimedSize]
    const tallies = [this.#dropped]
    for (const { inbound, heldBytes } of this.#lanes.values()) {
      delivered += inbound.delivered
      pending += inbound.pending
      pendingBytes += heldBytes
      tallies.push(inbound.dropped)
    }
    for (const { supply } of this.#arrived) pending += supply.remaining
    for (const tally of tallies) for (const [reason, n] of Object.entries(tally.snapshot())) dropped.add(reason, n)
    const [received, refused] = [this.#received, this.#refused.snapshot()]
    return Object.freeze({ received, delivered, pending, dropped: dropped.snapshot(), refused, pendingBytes })
  }

  /** Resolves when everything that somebody wants was handed out. */
  async whenDrained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ inbound }) => inbound.whenDrained()))
  }

  /** Takes nothing more and ends the streams; returns how many messages were pending. */
  close(): number {
    if (this.#isClosed) return 0
    this.#isClosed = true
    let left = this.#unclaimedCount
    for (const { supply } of this.#arrived) left += supply.discard()
    this.#arrived.clear()
    this.#unclaimed.clear()
    this.#unclaimedCount = this.#unclaimedSize = 0
    if (left > 0) {
      this.#dropped.add('closed', left)
      publishDrop(this.#ports.name(), 'closed', left)
    }
    for (const { inbound } of this.#lanes.values()) left += inbound.complete()
    this.#changes.schedule()
    return left
  }

  #routeOf({ schemaKey, schemaText }: ReceivedMessages): MailRoute {
    const known = this.#routes.get(schemaKey)
    if (known !== undefined) return known
    if (this.#routes.size >= maxRoutes) this.#routes.delete(this.#routes.keys().next().value as string)
    const route = this.#findRoute(schemaText)
    this.#routes.set(schemaKey, route)
    return route
  }

  /** The lane of the very schema, or else of the first version that can read it. */
  #findRoute(text: string): MailRoute {
    const lanes = [...this.#lanes.values()]
    const names = typeNames(text)
    const own = lanes.find(({ codec }) => codec.text === text)
    const candidates = own === undefined ? lanes.filter((lane) => lane.isOf(names)) : [own]
    for (const lane of candidates) {
      const reader = lane.readerFor(text)
      if (reader !== undefined) return { lane, reader }
    }
    return { lane: candidates[0], reader: undefined }
  }

  /** The part of a batch from an index on for which there is room; `undefined` for none. */
  #roomFor(messages: ReceivedMessages, from: number, isClaimed: boolean): TakenMessages | undefined {
    const { mailboxMessages, mailboxBytes, unclaimedMessages, unclaimedBytes } = this.#settings
    let heldCount = isClaimed ? 0 : this.#unclaimedCount
    let heldSize = isClaimed ? 0 : this.#unclaimedSize
    for (const lane of this.#lanes.values()) {
      if (lane.isWanted !== isClaimed) continue
      heldCount += lane.held
      heldSize += lane.heldBytes
    }
    const count = (isClaimed ? mailboxMessages : unclaimedMessages) - heldCount
    const limit = (isClaimed ? mailboxBytes : unclaimedBytes) - heldSize
    const { lengths, bodies } = messages
    const time = new Date(this.#ports.wallNow())
    let start = 0
    for (let i = 0; i < from; i++) start += lengths[i] as number
    const rest = bodies.length - start
    const all = lengths.length - from
    if (count <= 0 || limit <= 0) return undefined
    if (all <= count && rest <= limit) return new TakenMessages(messages, from, lengths.length, start, rest, time)
    let to = from
    let bytes = 0
    // one message may go beyond the bytes, so that one of any size finds room
    while (to < lengths.length && to - from < count && bytes < limit) bytes += lengths[to++] as number
    return new TakenMessages(messages, from, to, start, bytes, time)
  }

  #take(taken: TakenMessages, { lane, reader }: MailRoute): void {
    this.#received += taken.to - taken.from
    if (lane === undefined || reader === undefined) {
      this.#unclaimed.push(taken)
      this.#unclaimedCount += taken.to - taken.from
      this.#unclaimedSize += taken.bytes
    } else {
      this.#arrived.push({ lane, supply: lane.supplyOf(taken, reader) })
      this.#pump()
    }
  }

  #refuse({ from }: ReceivedMessages, isClaimed: boolean, count: number): MailboxRefusal {
    this.#refused.add(isClaimed ? 'mailbox-full' : 'unclaimed', count)
    if (isClaimed) return { code: 'RIVULET_MAILBOX_FULL', message: 'the mailbox of the peer is full' }
    const message = 'nobody consumes messages of this schema at the peer, and it keeps no more of them'
    const text = `messages from '${from.name}' were refused, since their schema has no consumer here`
    this.#ports.report(new RivuletError('RIVULET_MESSAGE_REFUSED', text, { messages: count }))
    return { code: 'RIVULET_MESSAGE_REFUSED', message }
  }

  /** Gives the lanes what came, in order: a lane that lets others have their turn is waited for. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    for (let next = this.#arrived.first; next !== undefined; next = this.#arrived.first) {
      if (this.#current?.inbound.stream.isHandingOut) {
        this.#pumpLater()
        break
      }
      this.#arrived.shift()
      this.#current = next.lane
      next.lane.inbound.push(next.supply)
    }
    this.#isPumping = false
  }

  /** A lane with a bound may come to a stop without using up what it has: looks again in the next turn. */
  #pumpLater(): void {
    if (this.#isPumpPlanned) return
    this.#isPumpPlanned = true
    turnBudget.nextTurn(() => {
      this.#isPumpPlanned = false
      this.#pump()
    })
  }

  /** Gives a new lane what nobody consumed until now. */
  #claim(): void {
    for (const taken of this.#unclaimed.withdraw(({ messages }) => this.#routeOf(messages).reader !== undefined)) {
      this.#unclaimedCount -= taken.to - taken.from
      this.#unclaimedSize -= taken.bytes
      const { lane, reader } = this.#routeOf(taken.messages) as Required<MailRoute>
      const supply = (lane as Lane<unknown>).supplyOf(taken, reader as MessageReader<unknown>)
      this.#arrived.push({ lane: lane as Lane<unknown>, supply })
    }
    this.#pump()
  }

  #laneChanged(lane: Pick<Lane<never>, 'isWanted' | 'senders'>): void {
    if (this.#arrived.length > 0) this.#pump()
    if (!lane.isWanted) for (const from of lane.senders()) this.#handedOut(from)
    this.#heldLess()
  }

  #handedOut(from: PeerRef): void {
    if (this.#released.at(-1) !== from) this.#released.push(from)
    this.#changes.schedule()
  }

  /** A stream is handing out: those that wait are called at the end of the turn. */
  #heldLess(): void {
    if (this.#roomWaiters.size > 0) this.#changes.schedule()
  }

  #notify(): void {
    const released = this.#released
    if (released.length > 0) this.#released = []
    for (const from of released) if (!this.holds(memberOf(from))) this.#ports.handedOut(from)
    if (this.#roomWaiters.size === 0) return
    const waiters = this.#roomWaiters
    this.#roomWaiters = new Set()
    for (const waiter of waiters) waiter()
  }
}
