/**
 * The messages of a sender, from the moment that they are taken until the host has confirmed them.
 *
 * What a turn produced, and what came while the link had no room, leaves as one batch. Each message has a sequence from its
 * first transmission on, so that sending it again is harmless. The stream that takes the batches decides when they leave.
 */
import type { Codec } from '../avro/codec.js'
import type { Conversation } from '../conversation/index.js'
import { RivuletError, receivedError } from '../errors/index.js'
import { Waiters } from '../lifecycle/index.js'
import type { Queue } from '../stream/index.js'
import { messageWithin } from '../wire/index.js'
import { MessagePacker } from './message-packer.js'
import type { Extras, RefusedBatch, SendAnswer, SendRequest } from './protocol.js'
import type { SendOutboxPorts } from './send-outbox-ports.js'
import {
  batchWith,
  failOwners,
  Gathered,
  messageCost,
  type Owner,
  type Owners,
  SentBatch,
  unsureOf,
} from './sent-batch.js'
import { SentSchemas } from './sent-schemas.js'
import { type IsOut, Withdrawals } from './withdrawals.js'

/** A batch is cut when it has so much, in bytes and in messages: a link has room for that and one message of any size. */
const batchBytes = 24_576
const batchMessages = 4096

/** The outbox of one sender: messages of one schema or of several, in one order. */
export class SendOutbox<In, Open, E extends Extras> implements Queue, Conversation<SendRequest<Open, E>, SendAnswer> {
  /** The messages of this turn: they count here, and in `messages` and `bytes` when the turn has ended. */
  readonly fresh = { count: 0, bytes: 0 }
  readonly #ports: SendOutboxPorts<Open, E>
  readonly #packer: MessagePacker<In>
  /** The largest message that its owner allows; the packer knows what the host takes of that. */
  readonly #maxMessageBytes: number
  /** What goes with the packed messages, while there are any: most of very many outboxes are idle. */
  #gathered: Gathered<E> | undefined
  #mayRepeat = false
  /** Batches in order: those that have left and wait for their outcome, then those that have not. */
  readonly #batches: SentBatch<E>[] = []
  /** How many of them have left on this stream. */
  #left = 0
  readonly #withdrawals = new Withdrawals<E>(() => this.#thin())
  #isOpened = false
  /** The schemas whose texts were sent on this stream. */
  readonly #sentSchemas = new SentSchemas()
  #number = 0
  #sequence = 1
  #messages = 0
  #bytes = 0
  #sent = 0
  readonly #roomWaiters = new Waiters()
  readonly #emptyWaiters = new Waiters()

  /** @param codec - That of the first messages. */
  constructor(codec: Codec<In, unknown>, maxMessageBytes: number, ports: SendOutboxPorts<Open, E>) {
    const { checks = true, smallestSlabBytes } = ports
    this.#packer = new MessagePacker(codec, { maxMessageBytes, checks, smallestSlabBytes })
    this.#maxMessageBytes = maxMessageBytes
    this.#ports = ports
  }

  isFull(): boolean {
    this.#thin()
    return this.#bytes >= this.#ports.limitBytes
  }

  pending(): { readonly messages: number; readonly bytes: number } {
    this.#thin()
    return { messages: this.#messages - this.fresh.count, bytes: this.#bytes - this.fresh.bytes }
  }

  /** Messages that are stored. */
  get sent(): number {
    return this.#sent
  }

  /** Takes a message of any schema; a batch has those of one schema, of which all may be repeated or none. */
  appendAs(codec: Codec<In, unknown>, value: In, owner?: Owner<E>): RivuletError | undefined {
    const packer = this.#packer
    const mayRepeat = owner?.mayRepeat === true
    if (codec !== packer.codec || mayRepeat !== this.#mayRepeat) {
      if (packer.isWriting) return messageWithin()
      this.#cut()
      packer.use(codec)
      this.#mayRepeat = mayRepeat
    }
    return this.append(value, owner)
  }

  /** Takes a message of the schema of the one before. */
  append(value: In, owner?: Owner<E>): RivuletError | undefined {
    const size = this.#packer.add(value)
    if (typeof size !== 'number') return size
    this.#gathered ??= new Gathered(this.#ports.costOf, this.#mayRepeat) // behind the packer: a getter may have led to a cut
    const cost = size + messageCost + this.#gathered.add(owner)
    this.#messages += 1
    this.#bytes += cost
    this.fresh.count += 1
    this.fresh.bytes += cost
    const bytes = this.#packer.bytes + this.#gathered.extrasBytes
    if (bytes >= batchBytes || this.#packer.count >= batchMessages) this.#cut()
    return undefined
  }

  /** The turn has ended: its messages may leave. */
  flush(): void {
    this.fresh.count = 0
    this.fresh.bytes = 0
    this.#ports.wake()
  }

  dropOldest(): number {
    this.#thin()
    const before = this.#messages
    this.#cut()
    const error = new RivuletError('RIVULET_OUTBOX_FULL', 'dropped by a newer message', { executed: 'no' })
    for (let at = this.#left; this.isFull() && at < this.#batches.length; ) {
      const batch = this.#batches[at] as SentBatch<E>
      if (batch.hasLeft) {
        at += 1
        continue
      }
      this.#forget(batch)
      batch.fail(0, error)
    }
    return before - this.#messages
  }

  whenRoom(): Promise<void> {
    if (!this.isFull()) return Promise.resolve()
    return this.#roomWaiters.wait()
  }

  whenEmpty(): Promise<void> {
    this.#thin()
    if (this.#messages === 0) return Promise.resolve()
    return this.#emptyWaiters.wait()
  }

  /** Takes out the message that an owner waits for; returns whether it has not left. */
  withdraw(owner: Owner<E>): boolean {
    if (owner.batch === undefined) this.#cut()
    return this.#withdrawals.add(owner)
  }

  /** Gives up on everything; returns how many messages that were. */
  failAll(errorOf: (hasLeft: boolean) => RivuletError): number {
    return this.#failAll(errorOf).messages
  }

  /** Gives up what had left, unless it may be repeated and is: the host is away, and may have it. The stream must be down. */
  abandon(error: RivuletError, repeats = true): number {
    this.#cut()
    this.#thin()
    let [messages, unreported] = [0, 0]
    for (const batch of this.#batches.filter(({ hasLeft, mayRepeat }) => hasLeft && !(mayRepeat && repeats))) {
      messages += batch.count
      this.#forget(batch)
      unreported += batch.fail(0, error)
    }
    if (messages > 0) this.#ports.lost('unknown-outcome', messages, unreported, error)
    return messages
  }

  /** The same, and what is sent from now on is for another host: it says with which sequence to begin. */
  restart(error: RivuletError, repeats = true): number {
    for (const batch of this.#batches) if (batch.mayRepeat) batch.sequence = 0
    return this.abandon(error, repeats)
  }

  open(): SendRequest<Open, E> {
    this.#thin()
    for (const batch of this.#batches) batch.number = 0
    this.#left = 0
    this.#isOpened = false
    this.#sentSchemas.clear()
    return { open: this.#ports.opening }
  }

  take(): SendRequest<Open, E> | undefined {
    if (!this.#isOpened) return undefined
    this.#thin()
    if (this.#left === this.#batches.length && !this.#cut()) return undefined
    const batch = this.#batches[this.#left] as SentBatch<E>
    this.#left += 1
    this.#number += 1
    batch.number = this.#number
    batch.hasLeft = true
    // one that has left before keeps its sequence: it may be stored
    if (batch.sequence === 0) batch.sequence = this.#sequence
    this.#sequence = Math.max(this.#sequence, batch.sequence + batch.count)
    return { batch: batch.wire(this.#sentSchemas.has(batch.schema)) }
  }

  answer({ opened, stored = [], refused = [] }: SendAnswer): void {
    if (opened) {
      this.#isOpened = true
      // nothing that has left is to be repeated: numbers continue where the host is
      if (opened.expected !== undefined && !this.#batches[0]?.sequence) this.#sequence = opened.expected
      this.#limitTo(opened.maxMessageBytes)
      this.#ports.wake()
    }
    for (const { number, repeated = 0, position, duplicates = [] } of stored) {
      const batch = batchWith(number, this.#batches, this.#left)
      if (batch === undefined) continue
      this.#forget(batch)
      this.#sent += batch.count
      batch.confirm(repeated, batch.count, position, duplicates)
    }
    for (const one of refused) {
      const batch = batchWith(one.number, this.#batches, this.#left)
      if (batch !== undefined) this.#refuse(batch, one)
    }
  }

  down(): void {
    this.#isOpened = false
  }

  refused(error: RivuletError): void {
    const unsure = unsureOf(error) // what has left may be stored, by this stream or one before it
    const { messages, unreported, hasLeft } = this.#failAll((hasLeft) => (hasLeft ? unsure : error))
    if (messages > 0) this.#ports.lost('refused', messages, unreported, hasLeft ? unsure : error)
  }

  #failAll(errorOf: (hasLeft: boolean) => RivuletError): { messages: number; unreported: number; hasLeft: boolean } {
    this.#cut()
    this.#thin()
    const messages = this.#messages
    let unreported = 0
    let hasLeft = false
    for (const batch of this.#batches.splice(0)) {
      hasLeft ||= batch.hasLeft
      this.#release(batch.count, batch.cost)
      unreported += batch.fail(0, errorOf(batch.hasLeft))
    }
    this.#left = 0
    return { messages, unreported, hasLeft }
  }

  /** The host does not store a batch, or not all of it. Later ones were refused with it, and get new numbers. */
  #refuse(
    batch: SentBatch<E>,
    { expected, code, message, repeated = 0, position = 0, duplicates = [] }: RefusedBatch,
  ): void {
    const at = this.#batches.indexOf(batch)
    // a store that cannot even be read knows of no number: those that follow keep theirs, and hear if there is a gap
    const isBlind = expected === 0
    if (!isBlind && expected < batch.sequence) {
      this.#rewind(at, expected)
      return
    }
    const received = receivedError(code, message)
    const error = isBlind ? unsureOf(received) : received
    const stored = isBlind ? 0 : Math.min(batch.count, expected - batch.sequence)
    const next = batch.sequence + (isBlind ? batch.count : stored)
    this.#forget(batch)
    this.#sent += stored
    batch.confirm(repeated, stored, position, duplicates)
    if (stored < batch.count) this.#ports.lost('refused', batch.count - stored, batch.fail(stored, error), error)
    this.#rewind(at, next)
  }

  /** Sends again from a batch on, numbered from a sequence on; answers to earlier transmissions are ignored. */
  #rewind(at: number, sequence: number): void {
    for (let i = at; i < this.#left; i++) {
      const batch = this.#batches[i] as SentBatch<E>
      batch.number = 0
      batch.sequence = 0
    }
    this.#left = Math.min(this.#left, at)
    this.#sequence = sequence
    this.#ports.wake()
  }

  /** Makes a batch of what was packed; returns whether there was anything. */
  #cut(): boolean {
    if (this.#packer.count === 0) return false
    const gathered = this.#gathered as Gathered<E>
    this.#gathered = undefined
    const batch = new SentBatch(this.#packer.codec, this.#packer.cut(), gathered, this.#ports.costOf)
    this.#batches.push(batch)
    if (gathered.mayWithdraw) for (const owner of gathered.owners) if (owner?.mayWithdraw) owner.batch = batch
    return true
  }

  /** The host takes messages of a size: maybe smaller ones than was thought, maybe larger ones than the host before it. */
  #limitTo(most: number): void {
    this.#packer.maxMessageBytes = Math.max(0, Math.min(this.#maxMessageBytes, most))
    this.#cut()
    this.#thin()
    const out: Owners<E> = []
    // those that have left keep their sequence, and so their messages
    for (let at = this.#left; at < this.#batches.length; at++) {
      const batch = this.#batches[at] as SentBatch<E>
      if (!batch.hasLeft) out.push(...this.#takeOut(batch, (length) => length > most))
    }
    this.#sweepEmpty()
    if (out.length === 0) return
    const message = `a message is larger than maxMessageBytes of the host, ${most}`
    const error = new RivuletError('RIVULET_MESSAGE_TOO_LARGE', message, { executed: 'no' })
    this.#ports.lost('refused', out.length, failOwners(out, error), error)
  }

  /** Takes out what was withdrawn. */
  #thin(): void {
    if (this.#withdrawals.apply((batch, isOut) => this.#takeOut(batch, isOut))) this.#sweepEmpty()
  }

  /** Takes messages out of a batch that has not left. */
  #takeOut(batch: SentBatch<E>, isOut: IsOut<E>): Owners<E> {
    const cost = batch.cost
    const owners = batch.takeOut(isOut)
    if (owners.length > 0) this.#release(owners.length, cost - batch.cost)
    return owners
  }

  /** Forgets batches from which everything was taken out: none of them has left. */
  #sweepEmpty(): void {
    let kept = this.#left
    for (let at = kept; at < this.#batches.length; at++) {
      const batch = this.#batches[at] as SentBatch<E>
      if (batch.count > 0) this.#batches[kept++] = batch
    }
    this.#batches.length = kept
  }

  #forget(batch: SentBatch<E>): void {
    const at = this.#batches.indexOf(batch)
    if (at >= 0) this.#batches.splice(at, 1)
    if (at >= 0 && at < this.#left) this.#left -= 1
    this.#release(batch.count, batch.cost)
  }

  #release(messages: number, bytes: number): void {
    this.#messages -= messages
    this.#bytes -= bytes
    // what is given up in the turn in which it was appended was fresh
    this.fresh.count = Math.min(this.fresh.count, this.#messages)
    this.fresh.bytes = Math.min(this.fresh.bytes, this.#bytes)
    if (!this.isFull()) this.#roomWaiters.wake()
    if (this.#messages === 0) this.#emptyWaiters.wake()
  }
}
