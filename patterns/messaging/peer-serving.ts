/**
 * How a node serves the others: their rosters, and the streams of their peers to the peers of this node.
 *
 * Who may send to whom is decided here, before anything of a message is read.
 */
import { serviceOf } from '../../src/avro/service-codec.js'
import {
  type CallContext,
  type CallHandler,
  type CallStream,
  callerConnectionOf,
  type Implementation,
  type ReadySource,
} from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import {
  type ConversationStream,
  ExclusiveSessions,
  LocalStream,
  registerExclusive,
  type ServedSession,
  ServedStreams,
  type ServingHost,
  type StreamPorts,
  serve,
} from '../../src/conversation/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { Callers } from './callers.js'
import { type Admitted, DeliverSession } from './deliver-session.js'
import { invalidRequest } from './invalid-request.js'
import type { LocalPeer } from './local-peer.js'
import { MeetSession } from './meet-session.js'
import type { NodeSession } from './node-session.js'
import { memberOf, memberWith, nameTaken } from './peer-claim.js'
import type { RosterFacts } from './roster-contract.js'
import type { OpenStream } from './route.js'
import { SchemaTexts } from './schema-texts.js'
import {
  type DeliverAnswer,
  type DeliverOpen,
  type DeliverRequest,
  type MeetAnswer,
  type MeetRequest,
  MessagingService,
  refusals,
} from './wire.js'

/** What serving needs of its node. */
export interface PeerServingPorts {
  readonly clock: Clock
  readonly jitter: (() => number) | undefined
  readonly roster: RosterFacts
  readonly locals: ReadonlyMap<string, LocalPeer>
  report(error: RivuletError): void
  session(id: string): NodeSession | undefined
  /** Whose key the other side of a session has proven to own. */
  identityOf(peer: PeerInfo): PeerIdentity | undefined
  /** Whether the policy allows an identity to send to a peer. */
  permits(identity: PeerIdentity | undefined, to: string): boolean
  /** The other side of a session said which node it is, or has said all that it had. */
  met(session: NodeSession): void
}

/** What one node serves. */
export class PeerServing implements ServingHost {
  readonly implementation: Implementation
  readonly streams = new ServedStreams()
  isOpen = true
  isServing = true
  readonly #ports: PeerServingPorts
  readonly #pairs = new ExclusiveSessions<DeliverSession>()
  readonly #schemas = new SchemaTexts()

  constructor(ports: PeerServingPorts) {
    this.#ports = ports
    const handlers = new Map<string, CallHandler>([
      ['meet', (items, context) => this.#meet(items as CallStream<MeetRequest>, context)],
      ['deliver', (items, context) => this.#deliver(items as CallStream<DeliverRequest>, context)],
    ])
    this.implementation = { codec: serviceOf(MessagingService), handlers }
  }

  get clock(): Clock {
    return this.#ports.clock
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
  }

  /** The stream from one peer of this node to another. */
  within(from: LocalPeer, to: LocalPeer): OpenStream {
    const { roster, locals, jitter } = this.#ports
    // a peer that has lost its name is not present, though it is of this node
    const isCurrent = () => roster.get(memberOf(from.ref)) !== undefined && locals.has(to.ref.incarnation)
    const admit = () => ({ from: from.ref, to, isCurrent })
    return (user): ConversationStream =>
      new LocalStream<DeliverRequest, DeliverAnswer>(this, (ports) => this.#session(ports, admit, ''), user, jitter)
  }

  #meet(requests: CallStream<MeetRequest>, context: CallContext): ReadySource<MeetAnswer> {
    const { roster } = this.#ports
    const { id } = context.peer
    const session = this.#ports.session(id)
    const open = (ports: StreamPorts<MeetAnswer>): ServedSession<MeetRequest> => {
      const meet: MeetSession = new MeetSession({
        roster,
        session: id,
        identity: this.#ports.identityOf(context.peer),
        callers: session?.callers ?? new Callers(),
        begins() {
          if (session === undefined || session.listening !== undefined) throw invalidRequest('a node meets twice')
          session.listening = meet
        },
        met: (node, endpoints) => {
          if (session === undefined) return
          session.node = memberWith(node, this.#ports.identityOf(context.peer)?.publicKey)
          session.endpoints = endpoints
          this.#ports.met(session)
        },
        completed: () => {
          if (session === undefined) return
          session.isComplete = true
          this.#ports.met(session)
        },
        answer: (answer) => ports.answer(answer),
        ended: () => {
          if (session?.listening !== meet) return
          // where the link is about to be closed, its peers stay until they have their messages
          session.whenDelivered(() => roster.status(id, 'ended'))
        },
      })
      return meet
    }
    const refusalOf = (error: RivuletError) => refusals.errorOf('meet', error)
    const kind = { hasLastWords: false, open, sizeOf: meetBytes, refusal: refusalOf }
    return serve(this, kind, requests, callerConnectionOf(context))
  }

  #deliver(requests: CallStream<DeliverRequest>, context: CallContext): ReadySource<DeliverAnswer> {
    const admit = (open: DeliverOpen) => this.#admit(context.peer, open)
    const source = this.#ports.identityOf(context.peer)?.publicKey ?? context.peer.id
    const open = (ports: StreamPorts<DeliverAnswer>) => this.#session(ports, admit, source)
    const refusalOf = (error: RivuletError) => refusals.errorOf('deliver', error)
    const kind = { hasLastWords: false, open, sizeOf: deliverBytes, refusal: refusalOf }
    return serve(this, kind, requests, callerConnectionOf(context))
  }

  /** The receiving side of a stream, which takes the place of an earlier one of the same pair. */
  #session(
    stream: StreamPorts<DeliverAnswer>,
    admit: (open: DeliverOpen) => Admitted,
    source: string,
  ): ServedSession<DeliverRequest> {
    return registerExclusive(new DeliverSession({ stream, schemas: this.#schemas, source, admit }), this.#pairs)
  }

  /** @throws Why a peer of another node cannot send to one of this node. */
  #admit({ id }: PeerInfo, { from, to }: DeliverOpen): Admitted {
    const { roster, locals, permits } = this.#ports
    const isPresent = () => roster.isPresent(id, from.incarnation)
    const sender = roster.peerOn(id, from.incarnation)
    if (sender === undefined) {
      if (roster.find(from.name) !== undefined) throw nameTaken(from.name)
      throw new RivuletError('RIVULET_UNAVAILABLE', 'the sender is not present')
    }
    if (sender.ref.name !== from.name) throw invalidRequest('a sender under a name that is not its own')
    const receiver = locals.get(to.incarnation)
    if (receiver === undefined || receiver.ref.name !== to.name) {
      throw new RivuletError('RIVULET_PEER_GONE', 'the receiver has left', { executed: 'no' })
    }
    const denied = () => {
      if (permits(sender.ref.identity, to.name)) return undefined
      const message = `the policy does not allow this peer to send to '${to.name}'`
      return new RivuletError('RIVULET_PERMISSION_DENIED', message, { executed: 'no' })
    }
    const refusal = denied()
    if (refusal !== undefined) throw refusal
    return { from: sender.ref, to: receiver, isCurrent: () => isPresent() && locals.has(to.incarnation), denied }
  }
}

function meetBytes({ accepted = [], refused = [] }: MeetAnswer): number {
  return 64 + 48 * accepted.length + 256 * refused.length
}

function deliverBytes({ taken = [], refused = [] }: DeliverAnswer): number {
  return 32 + 16 * taken.length + 128 * refused.length
}
