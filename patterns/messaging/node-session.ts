/**
 * One session of a node: the calls that it makes to the node at the other end, and what that says of this one's claims.
 *
 * Which node that is, it learns; where messages go, its node decides.
 */
import type { Subscription } from 'rxjs'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient, type ClientMethod, defaultStreamOptions } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import {
  type Conversation,
  type ConversationStream,
  type RemoteMethod,
  RemoteStream,
} from '../../src/conversation/index.js'
import { isRivuletError, RivuletError, receivedError } from '../../src/errors/index.js'
import { atEndOfTurn } from '../../src/lifecycle/index.js'
import type { PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import { Callers } from './callers.js'
import type { MeetSession } from './meet-session.js'
import { MeetSpeaker } from './meet-speaker.js'
import type { ClaimRefusal, PeerClaim } from './peer-claim.js'
import {
  type DeliverAnswer,
  type DeliverRequest,
  type MeetAnswer,
  type MessagingMethod,
  MessagingService,
  refusals,
} from './wire.js'

/** What a session needs of its node. */
export interface NodeSessionPorts {
  readonly clock: Clock
  readonly jitter: (() => number) | undefined
  name(): string
  report(error: RivuletError): void
  /** Who this node is, and what it claims now. */
  hello(): { readonly node: string; readonly endpoints: readonly string[] }
  claims(): readonly PeerClaim[]
  /** By which number a peer of this node asks. */
  numberOf(incarnation: string): number
  answered(accepted: readonly string[], refused: readonly ClaimRefusal[]): void
  /** The session lives, is cut, has ended, is suspected or not any more, or its other side has answered. */
  changed(session: NodeSession): void
}

/** How long a session keeps calls that no other can take: its own time. */
const failoverMs = Number.POSITIVE_INFINITY

/** A session. */
export class NodeSession {
  readonly id: string
  readonly peer: PeerInfo
  readonly streams: SessionStreams
  readonly client: CallClient
  /** The node at the other end, its id and key, once it has said who it is; and where that is bound. */
  node: string | undefined
  endpoints: readonly string[] = []
  /** Whether that node has said all that it had at the beginning. */
  isComplete = false
  /** The numbers by which its peers ask. */
  readonly callers = new Callers()
  /** Peers of this node that it does not accept, and why. */
  readonly refusals = new Map<string, RivuletError>()
  /** Whether one of its sides is about to close it. */
  isLeaving = false
  /** What the other side says, once it does. */
  listening: MeetSession | undefined
  readonly #ports: NodeSessionPorts
  readonly #speaker: MeetSpeaker
  #answers: Subscription | undefined
  /** Streams of messages that are open. */
  readonly #delivering = new Set<ConversationStream>()
  #onDelivered = () => {}
  #deliverMethod: RemoteMethod | undefined
  readonly #onDone = (stream: ConversationStream) => {
    if (this.#delivering.delete(stream)) this.#delivered()
  }
  /** Peers of this node whose claims the other side has answered, and those whose claims it has not. */
  readonly #known = new Set<string>()
  readonly #unanswered = new Set<string>()

  constructor(streams: SessionStreams, peer: PeerInfo, ports: NodeSessionPorts) {
    this.id = peer.id
    this.peer = peer
    this.streams = streams
    this.#ports = ports
    const { clock, name, report } = ports
    this.client = new CallClient({ clock, failoverMs, name, report })
    const claims = ports.claims()
    for (const { incarnation } of claims) this.#unanswered.add(incarnation)
    const hello = { ...ports.hello(), endpoints: [...ports.hello().endpoints] }
    this.#speaker = new MeetSpeaker(hello, claims, (incarnation) => ports.numberOf(incarnation))
    atEndOfTurn(() => this.#meet())
  }

  /** Whether each side knows all peers of the other one over this session, so that another session may end. */
  get isSettled(): boolean {
    return this.isComplete && this.#unanswered.size === 0
  }

  /** The user of the session, which the calls are. */
  user(): SessionUser {
    return this.client.accept(this.streams, this.peer, () => this.#ports.changed(this))
  }

  /** Its calls, as long as new ones may begin. */
  get forAsks(): CallClient | undefined {
    return this.isLeaving ? undefined : this.client
  }

  announce(claim: PeerClaim): void {
    if (!this.#known.has(claim.incarnation)) this.#unanswered.add(claim.incarnation)
    this.#speaker.announce(claim)
  }

  withdraw(incarnation: string): void {
    const { isSettled } = this
    this.#known.delete(incarnation)
    this.#unanswered.delete(incarnation)
    this.#speaker.withdraw(incarnation)
    if (this.isSettled !== isSettled) this.#ports.changed(this)
  }

  /** Makes the stream that carries what one peer says to another. */
  deliver(user: Conversation<DeliverRequest, DeliverAnswer>): ConversationStream {
    // messages stay with their sender until they are taken
    this.#deliverMethod ??= {
      method: this.#method('deliver'),
      endsWhenDraining: false,
      leavesStranded: false,
      causeOf: (cause: unknown) => refusals.causeOf('deliver', cause),
    }
    const { clock, jitter } = this.#ports
    const stream = new RemoteStream(this.client, this.#deliverMethod, clock, user, jitter)
    this.#delivering.add(stream)
    return new DeliveringStream(stream, this.#onDone)
  }

  /** It is about to be closed: no new streams begin, and its peers are there until the messages that go over it are taken. */
  leave(): void {
    this.isLeaving = true
    this.#delivered()
  }

  /** Calls back when no messages of this side go over it any more, if it is about to be closed; else at once. */
  whenDelivered(callback: () => void): void {
    if (this.isLeaving && this.#delivering.size > 0) this.#onDelivered = callback
    else callback()
  }

  /** Says what is still to be said, and nothing more. */
  end(): void {
    this.isLeaving = true
    this.#speaker.end()
  }

  #delivered(): void {
    if (!this.isLeaving || this.#delivering.size > 0) return
    this.#speaker.end()
    this.#onDelivered()
    this.#onDelivered = () => {}
  }

  /** Ends all calls. */
  async stop(reason: RivuletError): Promise<void> {
    this.#answers?.unsubscribe()
    void this.client.drain()
    await this.client.stopAll(reason)
  }

  #meet(): void {
    if (this.streams.status === 'ended') return
    const call = this.client.stream(this.#method('meet'), this.#speaker, defaultStreamOptions)
    this.#answers = call.responses?.subscribe({
      next: (answer) => this.#answered(answer as MeetAnswer),
      error: (cause: unknown) => this.#refused(refusals.causeOf('meet', cause)),
      complete: () => {},
    })
  }

  #answered({ accepted = [], refused = [] }: MeetAnswer): void {
    const refusals = refused.map(({ incarnation, code, message, epoch }) => {
      const error = receivedError(code, message)
      return { incarnation, code: error.code, message: error.message, epoch }
    })
    const { isSettled } = this
    for (const incarnation of [...accepted, ...refusals.map((refusal) => refusal.incarnation)]) {
      if (this.#unanswered.delete(incarnation)) this.#known.add(incarnation)
    }
    this.#ports.answered(accepted, refusals)
    if (this.isSettled !== isSettled) this.#ports.changed(this)
  }

  /** The other side has no use for this node, or does not know messaging. */
  #refused(cause: unknown): void {
    if (this.streams.status === 'ended') return
    const why = isRivuletError(cause) ? cause : new RivuletError('RIVULET_INTERNAL', 'the meet failed', { cause })
    if (why.code === 'RIVULET_SERVER_CLOSING' || why.code === 'RIVULET_UNAVAILABLE') return // it says left as well
    this.#ports.report(new RivuletError(why.code, `a link has no use for peers: ${why.message}`, { cause }))
  }

  #method(name: MessagingMethod): ClientMethod {
    return this.client.bind(serviceOf(MessagingService)).methods.get(name) as ClientMethod
  }
}

/** A stream of messages, and who is to know that it is done. */
class DeliveringStream implements ConversationStream {
  readonly #stream: ConversationStream
  readonly #onDone: (stream: ConversationStream) => void

  constructor(stream: ConversationStream, onDone: (stream: ConversationStream) => void) {
    this.#stream = stream
    this.#onDone = onDone
  }

  start(): void {
    this.#stream.start()
  }

  wake(): void {
    this.#stream.wake()
  }

  renew(): void {
    this.#stream.renew()
  }

  async end(): Promise<void> {
    await this.#stream.end()
    this.#onDone(this.#stream)
  }

  close(): void {
    this.#stream.close()
    this.#onDone(this.#stream)
  }
}
