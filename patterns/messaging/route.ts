/**
 * The stream from one peer to another, wherever that is: over the link of its node, within this one, or nowhere until it is there.
 *
 * It says what an outbox holds in the words of the wire, and opens another stream whenever the way is another one.
 */
import { hasLostLink } from '../../src/call/index.js'
import type { Conversation, ConversationStream } from '../../src/conversation/index.js'
import type { ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { Extras, SendAnswer, SendRequest } from '../../src/reliable-send/index.js'
import type { DeliverAnswer, DeliverOpen, DeliverRequest, MessageBatch } from './wire.js'

/** Makes the stream that carries a conversation. */
export type OpenStream = (user: Conversation<DeliverRequest, DeliverAnswer>) => ConversationStream

/** Refusals of a stream that concern the way: the roster tells what follows, and the messages wait. */
const passing: ReadonlySet<ErrorCode> = new Set(['RIVULET_PEER_GONE', 'RIVULET_UNAVAILABLE', 'RIVULET_UNIMPLEMENTED'])

/** The way of the messages of one outbox. */
export class Route implements Conversation<DeliverRequest, DeliverAnswer>, ConversationStream {
  readonly #outbox: Conversation<SendRequest<DeliverOpen, Extras>, SendAnswer>
  #stream: ConversationStream | undefined
  #ending = false

  constructor(outbox: Conversation<SendRequest<DeliverOpen, Extras>, SendAnswer>) {
    this.#outbox = outbox
  }

  /** Leads somewhere else from now on, or nowhere. */
  lead(open: OpenStream | undefined): void {
    this.#stream?.close()
    if (this.#stream !== undefined) this.#outbox.down()
    this.#stream = this.#ending ? undefined : open?.(this)
    this.#stream?.start()
  }

  /** Resolves when what there is has its outcome, or the stream has ended otherwise; it takes nothing more. */
  async finish(): Promise<void> {
    await this.#stream?.end()
  }

  open(): DeliverRequest {
    return { open: this.#outbox.open().open ?? null }
  }

  take(): DeliverRequest | undefined {
    const request = this.#outbox.take()
    return request && { batch: request.batch as MessageBatch }
  }

  answer({ opened, taken = [], refused = [] }: DeliverAnswer): void {
    const stored = taken.map(({ number }) => ({ number, position: 0 }))
    this.#outbox.answer({ opened, stored, refused })
  }

  down(): void {
    this.#outbox.down()
  }

  refused(error: RivuletError): void {
    // the link was refused, not the messages: what has not left waits for the next link
    if (!passing.has(error.code) && !hasLostLink(error)) this.#outbox.refused(error)
  }

  start(): void {}

  wake(): void {
    this.#stream?.wake()
  }

  renew(): void {
    this.#stream?.renew()
  }

  async end(): Promise<void> {
    this.#ending = true
    await this.#stream?.end()
  }

  close(): void {
    this.#ending = true
    this.#stream?.close()
  }
}
