/**
 * The receiving side of one stream from a peer to another: holds it to the protocol, gives what it brings to the mailbox once and
 * in order, and says what was taken.
 *
 * It knows no link: a stream of calls carries it, or a peer of the same node.
 */
import { RivuletError } from '../../src/errors/index.js'
import { newList, OncePerTurn, Waiters } from '../../src/lifecycle/index.js'
import { bufferOf } from '../../src/memory/index.js'
import { checkBatch, invalidRequest } from './invalid-request.js'
import { ReceivedMessages } from './mail-supply.js'
import type { Mailbox } from './mailbox.js'
import { memberOf, type PeerRef } from './peer-claim.js'
import type { ReceivedFrom } from './received-from.js'
import type { SchemaTexts } from './schema-texts.js'
import type { DeliverAnswer, DeliverOpen, DeliverRequest, MessageBatch } from './wire.js'

/** The peer that a stream leads to, as the stream sees it. */
export interface ReceivingPeer {
  readonly mailbox: Mailbox
  readonly maxMessageBytes: number
  /** What the receiver remembers of a sender. */
  receivedFrom(ref: PeerRef): ReceivedFrom
}

/** The sender and the receiver of a stream. */
export interface Admitted {
  readonly from: PeerRef
  readonly to: ReceivingPeer
  /** Whether both are still present, so that messages of the sender are taken. */
  isCurrent(): boolean
  /** Why the policy does not allow what comes now, if it does not. */
  denied?(): RivuletError | undefined
}

/** What a stream needs of its node. */
export interface DeliverSessionPorts {
  readonly schemas: SchemaTexts
  /** Where schemas come from, for the bounds of their table: the key of the sender, or its session. */
  readonly source: string
  /**
   * Returns the sender and the receiver.
   *
   * @throws Why they cannot: RIVULET_UNAVAILABLE, RIVULET_PEER_GONE, RIVULET_PERMISSION_DENIED.
   */
  admit(open: DeliverOpen): Admitted
  readonly stream: DeliverStream
}

/** The stream as its session uses it. */
export interface DeliverStream {
  answer(answer: DeliverAnswer): void
  /** It is not busy any more. */
  room(): void
  /** Another stream of the same pair has taken its place. */
  superseded(): void
}

/** A batch of which not everything was taken. */
interface Parked {
  readonly number: number
  readonly messages: ReceivedMessages
  /** The index of the next message. */
  next: number
}

/** One stream from one peer to another. */
export class DeliverSession {
  /** The sender and the receiver, once it has opened: another stream of the pair takes its place. */
  key: string | undefined
  readonly #ports: DeliverSessionPorts
  #admitted: Admitted | undefined
  #received: ReceivedFrom | undefined
  #parked: Parked | undefined
  #taken: { number: number }[] | undefined
  #refused: { number: number; expected: number; code: string; message: string }[] | undefined
  #ended = false
  readonly #drained = new Waiters()
  readonly #answers = new OncePerTurn(() => this.#sendAnswers())
  readonly #retry = () => this.#offerParked()

  constructor(ports: DeliverSessionPorts) {
    this.#ports = ports
  }

  /** The sender, once it has opened. */
  get from(): PeerRef | undefined {
    return this.#admitted?.from
  }

  /** Whether the mailbox has no room for what it has brought. */
  isBusy(): boolean {
    return this.#parked !== undefined
  }

  /** @throws RIVULET_INVALID_REQUEST for an invalid request, and why a stream is not wanted: then it is to be ended. */
  receive({ open, batch }: DeliverRequest, opened: (session: DeliverSession, key: string) => void): void {
    if (this.#ended) return
    if (open) this.#open(open, opened)
    if (batch) this.#take(batch)
  }

  supersede(): void {
    if (this.#ended) return
    this.end()
    this.#ports.stream.superseded()
  }

  /** Resolves when what was taken is about to be said; what waits for room does not count. */
  drained(): Promise<void> {
    if (this.#ended || !this.#answers.isScheduled) return Promise.resolve()
    return this.#drained.wait()
  }

  end(): void {
    this.#ended = true
    this.#parked = undefined
    this.#admitted?.to.mailbox.leaveRoom(this.#retry)
    this.#drained.wake()
  }

  #open(open: DeliverOpen, opened: (session: DeliverSession, key: string) => void): void {
    if (this.#admitted !== undefined) throw invalidRequest('a stream opens twice')
    const admitted = this.#ports.admit(open)
    const { from, to } = admitted
    const received = to.receivedFrom(from)
    // what a sender said on an earlier stream may come late, over another link
    if (!(open.attempt > received.attempt))
      throw new RivuletError('RIVULET_UNAVAILABLE', 'a later stream has replaced this one')
    received.attempt = open.attempt
    this.#admitted = admitted
    this.#received = received
    this.key = `${memberOf(from)}/${open.to.incarnation}`
    opened(this, this.key)
    this.#ports.stream.answer({ opened: { maxMessageBytes: to.maxMessageBytes, expected: received.expected } })
  }

  #take(batch: MessageBatch): void {
    const [admitted, received] = [this.#admitted, this.#received]
    if (admitted === undefined || received === undefined) throw invalidRequest('a peer sends before it opens')
    if (!admitted.isCurrent()) throw new RivuletError('RIVULET_UNAVAILABLE', 'one of the two peers has left')
    const denied = admitted.denied?.()
    if (denied !== undefined) {
      this.#refuse(batch.number, received.expected, denied.code, denied.message)
      return
    }
    checkBatch(batch, admitted.to.maxMessageBytes)
    const { number, sequence, lengths } = batch
    const schemaId = bufferOf(batch.schemaId)
    const schemaKey = schemaId.toString('latin1')
    const schemaText = this.#ports.schemas.textOf(schemaKey, batch.schema ?? undefined, this.#ports.source)
    if (sequence > received.expected) {
      this.#refuse(number, received.expected, 'RIVULET_INVALID_REQUEST', 'messages before it did not come')
      return
    }
    const { from } = admitted
    const messages = new ReceivedMessages(from, sequence, schemaKey, schemaText, lengths, bufferOf(batch.bodies))
    this.#offer({ number, messages, next: Math.min(lengths.length, received.expected - sequence) })
  }

  /** Gives the mailbox what it has room for. */
  #offer(parked: Parked): void {
    const { mailbox } = (this.#admitted as Admitted).to
    const received = this.#received as ReceivedFrom
    const { number, messages } = parked
    const left = messages.lengths.length - parked.next
    const { taken, refusal } = left > 0 ? mailbox.offer(messages, parked.next) : { taken: 0, refusal: undefined }
    received.expected += taken
    parked.next += taken
    this.#parked = refusal === 'full' ? parked : undefined
    if (refusal === 'full') {
      mailbox.whenRoom(this.#retry)
    } else if (refusal === undefined) {
      this.#taken ??= newList()
      this.#taken.push({ number })
      this.#answers.schedule()
    } else {
      this.#refuse(number, received.expected, refusal.code, refusal.message)
    }
  }

  #offerParked(): void {
    const parked = this.#parked
    if (this.#ended || parked === undefined) return
    if (this.#admitted?.isCurrent() !== true) {
      // nothing of a sender is taken behind the report that it has left; if it is back, it says this again
      this.supersede()
      return
    }
    this.#offer(parked)
    if (this.#parked === undefined) this.#ports.stream.room()
  }

  #refuse(number: number, expected: number, code: string, message: string): void {
    this.#refused ??= newList()
    this.#refused.push({ number, expected, code, message })
    this.#answers.schedule()
  }

  /** One answer for all that became of batches in this turn. */
  #sendAnswers(): void {
    const [taken, refused] = [this.#taken, this.#refused]
    this.#taken = this.#refused = undefined
    if (!this.#ended) this.#ports.stream.answer({ taken, refused })
    this.#drained.wake()
  }
}
