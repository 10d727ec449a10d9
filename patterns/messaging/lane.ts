/**
 * The messages of one schema in the mailbox of a peer, in transit to its consumers.
 *
 * It reads what was written with its own schema or with another version of it; which lane a message goes to, its mailbox decides.
 */
import { type Codec, decodeFailure } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import { Inbound, type Stream, ValueStream } from '../../src/stream/index.js'
import { CompatibleReader, type MessageReader } from '../../src/wire/index.js'
import { MailSupply, type PeerDelivery, type TakenMessages } from './mail-supply.js'
import { memberOf, type PeerRef } from './peer-claim.js'
import { typeNames } from './schema-names.js'

/** What a lane needs of its mailbox. */
export interface LanePorts {
  name(): string
  report(error: RivuletError): void
  /** Somebody wants messages, or nobody does any more, or what was at hand is used up. */
  changed(): void
  /** It holds less than before. */
  usedUp(): void
  /** It holds no more messages of a sender. */
  handedOut(from: PeerRef): void
}

/** What a lane holds of one sender. */
interface Held {
  readonly from: PeerRef
  parts: number
}

/** Senders of which nothing is held that are remembered in any case. */
const maxIdle = 64

/** The messages of one schema. */
export class Lane<Out> {
  readonly codec: Codec<never, Out>
  readonly deliveries: Stream<PeerDelivery<Out>>
  readonly messages: Stream<Out>
  readonly inbound: Inbound<PeerDelivery<Out>>
  /** Messages that it holds, and their bytes; parts that are not used up count whole. */
  held = 0
  heldBytes = 0
  /**
   * Parts that it holds, by the incarnation of their sender; entries without parts are taken out many at a time, since a `Map` that
   * loses what it gains moves to a new table again and again, and each old one keeps later ones alive.
   */
  readonly #heldOf = new Map<string, Held>()
  /** Entries without parts. */
  #idle = 0
  readonly #names: readonly string[]
  readonly #reader: CompatibleReader<Out>
  readonly #usedUp: (supply: MailSupply<Out>) => void

  constructor(codec: Codec<never, Out>, ports: LanePorts) {
    this.codec = codec
    this.#names = typeNames(codec.text)
    this.#reader = new CompatibleReader(codec, (error) => ports.report(error))
    this.#usedUp = ({ taken }) => {
      const { from } = taken.messages
      this.#hold(taken, -1)
      ports.usedUp()
      if (!this.holds(memberOf(from))) ports.handedOut(from)
    }
    this.inbound = new Inbound<PeerDelivery<Out>>({
      name: () => ports.name(),
      changed: () => ports.changed(),
      unreadable: (cause, supply) => {
        const { name } = (supply as MailSupply<Out>).taken.messages.from
        const { code, message, issues } = decodeFailure(cause, `a message from '${name}'`)
        return new RivuletError(code, message, { cause, issues })
      },
      report: (error) => ports.report(error),
    })
    this.deliveries = this.inbound.stream
    this.messages = new ValueStream(this.inbound.stream)
  }

  /** Whether somebody wants messages. */
  get isWanted(): boolean {
    return this.inbound.wanted
  }

  /** Whether a schema is of the same name, so that it may be another version of this one. */
  isOf(names: readonly string[]): boolean {
    return names.some((name) => this.#names.includes(name))
  }

  /** Returns the reader of messages that were written with a schema; `undefined` if they cannot be read. */
  readerFor(text: string): MessageReader<Out> | undefined {
    return this.#reader.readerFor(text)
  }

  /** Makes a supply of what was taken, which counts as held until it is used up. */
  supplyOf(taken: TakenMessages, { read }: MessageReader<Out>): MailSupply<Out> {
    this.#hold(taken, 1)
    return new MailSupply(taken, read, this.#usedUp)
  }

  /** Whether it holds messages of an incarnation and a key, see `memberOf`. */
  holds(member: string): boolean {
    return (this.#heldOf.get(member)?.parts ?? 0) > 0
  }

  /** The senders of which it holds messages. */
  senders(): PeerRef[] {
    return [...this.#heldOf.values()].filter(({ parts }) => parts > 0).map(({ from }) => from)
  }

  #hold({ messages: { from }, from: first, to, bytes }: TakenMessages, parts: 1 | -1): void {
    this.held += parts * (to - first)
    this.heldBytes += parts * bytes
    const member = memberOf(from)
    let held = this.#heldOf.get(member)
    if (held === undefined) {
      held = { from, parts: 0 }
      this.#heldOf.set(member, held)
    } else if (held.parts === 0) {
      this.#idle -= 1
    }
    held.parts += parts
    if (held.parts > 0) return
    this.#idle += 1
    if (this.#idle > maxIdle && this.#idle > this.#heldOf.size >> 1) this.#forgetIdle()
  }

  #forgetIdle(): void {
    for (const [member, { parts }] of this.#heldOf) if (parts === 0) this.#heldOf.delete(member)
    this.#idle = 0
  }
}
