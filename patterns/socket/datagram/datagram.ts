/**
 * Datagrams: messages without connections, to one address, to all of a network, or to a group.
 *
 * What arrives may be lost, doubled or late; each source is counted. Nothing is sent again, and nothing is secret.
 */
import { type Codec, codecOf, decodeFailure } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { parseUdpEndpoint, type UdpEndpoint, udpAddress } from '../../../src/net/index.js'
import { SparseReports } from '../../../src/observe/index.js'
import { invalidOption } from '../../../src/options/index.js'
import { ResourceBase } from '../../../src/resource/index.js'
import {
  Inbound,
  MessageSink,
  Outgoing,
  RejectedFrames,
  type SendAllOptions,
  type SendAllResult,
  type SendAllSource,
  type Stream,
  ValueStream,
} from '../../../src/stream/index.js'
import { BoundedTable } from './bounded-table.js'
import { byteCodec } from './byte-codec.js'
import type { Datagram, DatagramStats } from './datagram-contract.js'
import { DatagramOutbox } from './datagram-outbox.js'
import { DatagramReader } from './datagram-reader.js'
import { DatagramTransport } from './datagram-transport.js'
import { bareReader, type DatagramDelivery, type DatagramSupply, RawSupply } from './delivery.js'
import { Destination, type DestinationPorts } from './destination.js'
import type { ResolvedDatagramOptions } from './options.js'
import type { SourceSums } from './source-table.js'

/** Destinations whose numbers are remembered; one that was forgotten is another source when it is used again. */
const maxDestinations = 1024

/** Takes datagrams of any peer. */
interface Receiver {
  receive(bytes: Buffer, address: string, port: number): void
}

/** The implementation of `Datagram`. */
export class DatagramResource<In, Out> extends ResourceBase<DatagramStats> implements Datagram<In, Out> {
  readonly deliveries: Stream<DatagramDelivery<Out>>
  readonly messages: Stream<Out>
  protected readonly isSender: boolean
  readonly #inbound: Inbound<DatagramDelivery<Out>>
  readonly #inboxBytes: number
  /** What waits in the inbox, in bytes. */
  #held = 0
  readonly #rejected = new RejectedFrames(this.reports)
  readonly #reader: DatagramReader<Out> | undefined
  readonly #receiver: Receiver
  readonly #sockets: DatagramTransport
  readonly #outbox: DatagramOutbox
  readonly #outgoing: Outgoing
  readonly #destinationPorts: DestinationPorts<In>
  readonly #destinations = new BoundedTable<Destination<In>>(maxDestinations, (one) => this.#forget(one))
  /** By what peers ask for their schema with. */
  readonly #bySource = new Map<string, Destination<In>>()
  readonly #to: UdpEndpoint | undefined
  #default: Destination<In> | undefined
  readonly #nowhere: MessageSink<In>
  readonly #failures = new Map<string, SparseReports>()
  readonly #release = (cost: number) => {
    this.#held -= cost
  }

  static create<In, Out>(options: ResolvedDatagramOptions): Promise<DatagramResource<In, Out>> {
    return new DatagramResource<In, Out>(options).open()
  }

  private constructor(options: ResolvedDatagramOptions) {
    super('createDatagram', options)
    const { schema, isRaw, to, maxPayloadBytes, batch, overflow, outboxBytes, inboxBytes, sourceLimit } = options
    const codec = schema === undefined ? undefined : (codecOf(schema as Schema<In, Out>) as Codec<In, Out>)
    this.#to = to
    this.isSender = to !== undefined
    this.#inboxBytes = inboxBytes
    this.#inbound = new Inbound<DatagramDelivery<Out>>({
      name: () => this.name,
      changed: () => {},
      unreadable: (cause) => decodeFailure(cause, 'a message of a datagram'),
      report: (error) => this.reports.report(error),
    })
    this.deliveries = this.#inbound.stream
    this.messages = new ValueStream(this.deliveries)
    this.#reader = isRaw ? undefined : this.#newReader(codec as Codec<never, Out>, sourceLimit)
    this.#receiver = this.#reader ?? this.#rawReceiver(codec ?? (byteCodec as unknown as Codec<In, Out>))
    this.#outbox = new DatagramOutbox(outboxBytes)
    this.#outgoing = new Outgoing({
      overflow,
      queue: () => this.#outbox,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
    })
    this.#sockets = new DatagramTransport(options, this.scope, {
      received: (bytes, address, port) => {
        if (this.life.isOpen) this.#receiver.receive(bytes, address, port)
      },
      stop: () => this.#outbox.stop(),
      sendsTo: (endpoints) => [...this.#allDestinations()].some(({ endpoint }) => endpoints.includes(endpoint.address)),
    })
    this.transport = this.#sockets
    this.#destinationPorts = {
      codec: codec ?? (byteCodec as unknown as Codec<In, unknown>),
      isRaw,
      maxPayloadBytes,
      batch,
      clock: this.runtime.clock,
      outgoing: this.#outgoing,
      outbox: this.#outbox,
      route: (endpoint) => this.#sockets.route(endpoint),
      lost: (error, messages, endpoint) => this.#sendFailed(error, messages, endpoint),
    }
    this.#nowhere = new MessageSink(this.#outgoing.intake({ count: 0, bytes: 0, append: noDestination, flush() {} }))
  }

  sendTo(address: string, value: In): Promise<void> {
    let destination: Destination<In>
    try {
      destination = this.#destinationOf(address)
    } catch (error) {
      return Promise.reject(error)
    }
    return destination.sink.send(value)
  }

  send(value: In): Promise<void> {
    return this.#sink.send(value)
  }

  next(value: In): void {
    this.#sink.next(value)
  }

  error(cause: unknown): void {
    this.#sink.error(cause)
  }

  complete(): void {}

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.#sink.sendAll(source, options)
  }

  stats(): DatagramStats {
    const waiting = this.#reader?.waitingMessages ?? 0
    return Object.freeze({
      outgoing: this.#outgoing.stats(),
      incoming: Object.freeze({
        received: this.#inbound.received + waiting,
        delivered: this.#inbound.delivered,
        pending: this.#inbound.pending + waiting,
        dropped: this.#inbound.dropped.snapshot(),
        rejectedFrames: this.#rejected.snapshot(),
      }),
      ...(this.#reader?.sources ?? noSources),
      refusedSchemas: this.#reader?.refusedSchemas ?? 0,
      ...this.#sockets.bufferSizes,
    })
  }

  protected override async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.#outgoing.whenEmpty())
    for (const destination of this.#allDestinations()) destination.finish()
    await this.waitUntil(deadline, this.#outbox.whenEmpty())
    this.#reader?.flush()
    await this.waitUntil(deadline, this.#inbound.whenDrained())
    return (this.#reader?.close() ?? 0) + this.#inbound.complete()
  }

  protected override released(left: number): void {
    for (const destination of this.#allDestinations()) destination.stop()
    this.#outgoing.lost('closed', left)
  }

  get #sink(): MessageSink<In> {
    if (this.#to === undefined) return this.#nowhere
    if (this.life.isOpen) this.#default ??= this.#remember(new Destination(this.#to, this.#destinationPorts))
    return this.#default?.sink ?? this.#nowhere
  }

  #destinationOf(address: string): Destination<In> {
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
    if (this.#default?.endpoint.address === address) return this.#default
    const known = this.#destinations.use(address)
    if (known !== undefined) return known
    if (typeof address !== 'string') throw invalidOption('sendTo', 'address', 'an endpoint', address)
    const endpoint = parseUdpEndpoint(address, 'send')
    const destination = this.#remember(new Destination(endpoint, this.#destinationPorts))
    if (endpoint.address === this.#to?.address) this.#default = destination
    else this.#destinations.add(address, destination)
    return destination
  }

  #remember(destination: Destination<In>): Destination<In> {
    this.#bySource.set(destination.key, destination)
    return destination
  }

  #forget(destination: Destination<In>): void {
    destination.finish()
    this.#bySource.delete(destination.key)
  }

  #allDestinations(): Iterable<Destination<In>> {
    return this.#bySource.values()
  }

  #newReader(codec: Codec<never, Out>, sourceLimit: number): DatagramReader<Out> {
    return new DatagramReader<Out>(codec, sourceLimit, {
      clock: this.runtime.clock,
      admits: (cost) => this.#admits(cost),
      soon: (callback) => void setImmediate(callback),
      accept: (supply) => this.#accept(supply),
      lose: (reason, messages) => this.#inbound.lose(reason, messages),
      reject: (error) => this.#rejected.add(error),
      report: (error) => this.reports.report(error),
      request: (bytes, address, port) => this.#request(bytes, address, port),
      requested: (constants) => this.#bySource.get(constants.toString('latin1'))?.requested(),
    })
  }

  #rawReceiver(codec: Codec<In, Out>): Receiver {
    const read = bareReader<Out>(codec.read)
    return {
      receive: (bytes, address, port) => {
        const supply = new RawSupply(bytes, udpAddress(address, port), read)
        if (this.#admits(supply.cost)) this.#accept(supply)
        else this.#inbound.lose('overflow', 1)
      },
    }
  }

  /** One datagram is taken in any case. */
  #admits(cost: number): boolean {
    if (this.#held > 0 && this.#held + cost > this.#inboxBytes) return false
    this.#held += cost
    return true
  }

  #accept(supply: DatagramSupply<Out>): void {
    supply.released = this.#release
    this.#inbound.push(supply)
  }

  /** A request that is lost is made again when the next datagram comes. */
  #request(bytes: Buffer, address: string, port: number): void {
    try {
      const way = this.#sockets.route(parseUdpEndpoint(udpAddress(address, port), 'send'))
      if ('send' in way) way.send(bytes, () => {})
    } catch {
      // it came from an address that cannot be sent to, such as port 0
    }
  }

  #sendFailed(error: Error, messages: number, { address }: UdpEndpoint): void {
    this.#outgoing.lost('transport', messages)
    const text = `${this.name}: cannot send to ${address}: ${error.message}`
    const known =
      error instanceof RivuletError ? error : new RivuletError('RIVULET_TRANSPORT_FAILED', text, { cause: error })
    const reports =
      this.#failures.get(known.code) ?? new SparseReports(this.runtime.clock, (one) => this.reports.report(one))
    this.#failures.set(known.code, reports)
    reports.report(known)
  }
}

const noSources: SourceSums = Object.freeze({
  received: 0,
  lost: 0,
  late: 0,
  duplicate: 0,
  replayed: 0,
  sources: Object.freeze([]),
})

function noDestination(): RivuletError {
  const text = 'send: there is no destination; give createDatagram the option to or multicast, or use sendTo'
  return new RivuletError('RIVULET_INVALID_OPTION', text)
}
