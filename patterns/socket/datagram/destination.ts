/**
 * One destination of a datagram socket: its numbers, its schema, and the address that its name stands for.
 *
 * A name is resolved once, before the first datagram, and again after a failure.
 */
import { randomBytes } from 'node:crypto'
import type { Codec } from '../../../src/avro/codec.js'
import type { Clock } from '../../../src/clock/index.js'
import type { UdpEndpoint } from '../../../src/net/index.js'
import { MessageSink, type Outgoing } from '../../../src/stream/index.js'
import { Announcer } from './announcer.js'
import type { Entry } from './bounded-table.js'
import type { DatagramOutbox, OutDestination, Target } from './datagram-outbox.js'
import { DatagramWriter } from './datagram-writer.js'

/** What a destination needs of its socket. */
export interface DestinationPorts<In> {
  readonly codec: Codec<In, unknown>
  /** Whether messages leave without a header. */
  readonly isRaw: boolean
  readonly maxPayloadBytes: number
  readonly batch: boolean
  readonly clock: Clock
  readonly outgoing: Outgoing
  readonly outbox: DatagramOutbox
  /** Returns the way to an address; to one that the name has now. Rejects with why there is none. */
  route(endpoint: UdpEndpoint): Target | Promise<Target>
  /** Messages that were taken are lost. */
  lost(error: Error, messages: number, endpoint: UdpEndpoint): void
}

/** One destination, as long as it is known. */
export class Destination<In> implements OutDestination, Entry {
  readonly endpoint: UdpEndpoint
  readonly sink: MessageSink<In>
  /** `source` and `schemaId`, as one text: by which peers ask for the schema. */
  readonly key: string
  isEstablished = false
  isRecent = false
  readonly #ports: DestinationPorts<In>
  readonly #writer: DatagramWriter<In>
  readonly #announcer: Announcer | undefined
  #target: Target | undefined

  constructor(endpoint: UdpEndpoint, ports: DestinationPorts<In>) {
    const { codec, isRaw, maxPayloadBytes, batch, clock, outgoing, outbox } = ports
    this.endpoint = endpoint
    this.#ports = ports
    // each destination is a source of its own: its receivers see every number
    const constants = isRaw ? undefined : Buffer.concat([randomBytes(8), codec.schemaId])
    this.key = constants?.toString('latin1') ?? endpoint.address
    this.#writer = new DatagramWriter<In>({
      codec,
      constants,
      maxPayloadBytes,
      batch,
      cut: (bytes, messages) => {
        this.#announcer?.leaving()
        outbox.add({ bytes, messages, destination: this })
      },
    })
    this.#announcer =
      constants &&
      new Announcer(constants, codec.text, maxPayloadBytes, {
        clock,
        next: () => this.#writer.next,
        send: (bytes) => outbox.add({ bytes, messages: 0, destination: this }),
      })
    this.sink = new MessageSink(outgoing.intake(this.#writer))
    if (endpoint.family !== undefined) this.#target = ports.route(endpoint) as Target
  }

  get target(): Target | undefined {
    return this.#target
  }

  resolve(): void {
    const { outbox, lost } = this.#ports
    Promise.resolve(this.#ports.route(this.endpoint)).then(
      (target) => {
        this.#target = target
        outbox.resolved(this)
      },
      (error: Error) => lost(error, outbox.unresolvable(this), this.endpoint),
    )
  }

  failed(error: Error, messages: number): void {
    // the name may stand for another address now
    if (this.endpoint.family === undefined) this.#target = undefined
    this.#ports.lost(error, messages, this.endpoint)
  }

  /** A peer has asked for the schema. */
  requested(): void {
    this.#announcer?.requested()
  }

  /** Nothing more is sent for now: its receivers are notified of the last number. */
  finish(): void {
    this.#announcer?.finish()
  }

  /** Nothing more leaves. */
  stop(): void {
    this.#announcer?.stop()
  }
}
