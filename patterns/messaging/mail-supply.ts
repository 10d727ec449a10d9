/**
 * Messages of one batch as they wait in a mailbox: bytes until they are handed out.
 *
 * A batch may come in parts, as there is room for them: each part is a supply of its own.
 */
import { Malformed } from '../../src/avro/read-primitives.js'
import type { CheckedSupply } from '../../src/stream/index.js'
import type { MessageReader } from '../../src/wire/index.js'
import type { PeerRef } from './peer-claim.js'

/** A message from another peer. */
export interface PeerDelivery<Out = unknown> {
  /** Who sent it; `identity` is what its process has proven. */
  readonly from: PeerRef
  /** The message. */
  readonly value: Out
  /**
   * Its number among the messages from this incarnation of the sender to this incarnation of the receiver, over all schemas, from
   * 1 on. Within one schema there may be gaps: numbers of messages of other schemas.
   */
  readonly sequence: number
  /** When this process took it into the mailbox, by its own clock; one time for messages that came together. */
  readonly time: Date
}

/** A batch that came from a peer. A class, as a part of it is: see `newList` for what becomes of literals that wait at times. */
export class ReceivedMessages {
  readonly from: PeerRef
  /** The sequence of the first. */
  readonly sequence: number
  /** The id of the schema that they were written with, as a key, and its text. */
  readonly schemaKey: string
  readonly schemaText: string
  readonly lengths: readonly number[]
  readonly bodies: Buffer
  readonly view: DataView

  constructor(
    from: PeerRef,
    sequence: number,
    schemaKey: string,
    schemaText: string,
    lengths: readonly number[],
    bodies: Buffer,
  ) {
    this.from = from
    this.sequence = sequence
    this.schemaKey = schemaKey
    this.schemaText = schemaText
    this.lengths = lengths
    this.bodies = bodies
    this.view = new DataView(bodies.buffer, bodies.byteOffset, bodies.length)
  }
}

/** A part of a batch that was taken. */
export class TakenMessages {
  readonly messages: ReceivedMessages
  /** The index of the first, and behind the last. */
  readonly from: number
  readonly to: number
  /** Where the first begins, in bytes. */
  readonly start: number
  /** Their bytes. */
  readonly bytes: number
  readonly time: Date

  constructor(messages: ReceivedMessages, from: number, to: number, start: number, bytes: number, time: Date) {
    this.messages = messages
    this.from = from
    this.to = to
    this.start = start
    this.bytes = bytes
    this.time = time
  }
}

/** The messages of a part, read when they are handed out. */
export class MailSupply<Out> implements CheckedSupply<PeerDelivery<Out>> {
  readonly taken: TakenMessages
  readonly #read: MessageReader<Out>['read']
  readonly #usedUp: (supply: MailSupply<Out>) => void
  readonly #cursor: { position: number }
  #next: number
  #start: number
  #end: number

  /** @param usedUp - Called once, when the last one was handed out or given up. */
  constructor(taken: TakenMessages, read: MessageReader<Out>['read'], usedUp: (supply: MailSupply<Out>) => void) {
    this.taken = taken
    this.#read = read
    this.#usedUp = usedUp
    this.#next = taken.from
    this.#end = taken.to
    this.#start = taken.start
    this.#cursor = { position: taken.start }
  }

  get remaining(): number {
    return this.#end - this.#next
  }

  take(): PeerDelivery<Out> {
    const { messages, time } = this.taken
    const index = this.#next
    const start = this.#start
    const end = start + (messages.lengths[index] as number)
    this.#next = index + 1
    this.#start = end
    const cursor = this.#cursor
    cursor.position = start
    const value = this.#read(messages.bodies, messages.view, cursor, end)
    if (cursor.position !== end) throw new Malformed('there is more than the value')
    return { from: messages.from, value, sequence: messages.sequence + index, time }
  }

  /** One cannot be read: its end is known, so that only that one is lost. */
  failed(): number {
    return 1
  }

  discard(): number {
    const { remaining } = this
    this.#end = this.#next
    this.#usedUp(this)
    return remaining
  }

  trailing(): undefined {
    this.#usedUp(this)
  }
}
