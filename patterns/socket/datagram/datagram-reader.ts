/**
 * From datagrams of any peer to messages of known sources, each once; everything else is counted with its reason.
 *
 * A pure machine: it is given bytes, a clock, and functions that it calls. It keeps a window for each source, learns the schemas
 * of writers from announcements, and asks for those that it lacks. Everything that peers can make it keep or do is bounded.
 */
import type { Codec } from '../../../src/avro/codec.js'
import type { Clock, Timer } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults } from '../../../src/options/index.js'
import {
  type BatchFrame,
  CompatibleReader,
  frameKind,
  type Lookup,
  type MessageReader,
  openPrelude,
  RateLimit,
  readRecordFrame,
  SchemaBook,
  SchemaRate,
  writeRecordFrame,
} from '../../../src/wire/index.js'
import { constantBytes, readConstants, readNumbers } from './datagram-frame.js'
import { type DatagramSupply, datagramCostBytes, type MessageNumbers, NumberedSupply } from './delivery.js'
import { GatheredSupply, MessageSlab } from './gathered-supply.js'
import { SchemaPieces } from './schema-pieces.js'
import { DatagramRequest, DatagramSchema } from './schemas.js'
import { type Source, type SourceSums, SourceTable } from './source-table.js'

/** Datagrams that wait for the schema of their source; `defaults.parkedBytes` bounds them too. */
const parkedDatagrams = 1024

/** Writers' schemas that are remembered beside those of known sources. */
const rememberedSchemas = 64

/** How long a source is not asked again for its schema, in milliseconds. */
const requestMs = 250

/** Requests of one socket a second, and at once: forged senders cause no more. */
const requestsPerSecond = 32

/** What the reader needs of its socket. */
export interface DatagramReaderPorts<Out> {
  readonly clock: Clock
  /** Whether there is room for what counts as so many bytes; if so, it is taken. */
  admits(cost: number): boolean
  /** Calls back when what has arrived at the same time is read. */
  soon(callback: () => void): void
  /** Takes messages that were admitted. */
  accept(supply: DatagramSupply<Out>): void
  /** Messages arrived and are not delivered. */
  lose(reason: string, messages: number): void
  /** A datagram could not be opened. */
  reject(error: RivuletError): void
  report(error: RivuletError): void
  /** Sends a request to a source. */
  request(bytes: Buffer, address: string, port: number): void
  /** A peer asks for the schema of one of this side's sources, by its `source` and `schemaId`. */
  requested(constants: Buffer): void
}

/** A datagram with messages, opened. */
interface OpenDatagram extends BatchFrame<DatagramNumbersHeader> {
  readonly source: Source
}

interface DatagramNumbersHeader extends MessageNumbers {
  readonly schemaId: Buffer
  readonly writerSchema: string | null
}

/** Reads the datagrams of one socket. */
export class DatagramReader<Out> {
  readonly #ports: DatagramReaderPorts<Out>
  readonly #sources: SourceTable
  readonly #book = new SchemaBook<OpenDatagram>(parkedDatagrams, rememberedSchemas)
  readonly #compatible: CompatibleReader<Out>
  readonly #pieces = new SchemaPieces()
  readonly #requests: RateLimit
  readonly #codec: Codec<never, Out>
  readonly #schemas: SchemaRate
  #parkTimer: Timer | undefined
  #slab = new MessageSlab()
  #gathered: GatheredSupply<Out> | undefined
  readonly #flushSoon = () => this.flush()

  constructor(codec: Codec<never, Out>, sourceLimit: number, ports: DatagramReaderPorts<Out>) {
    this.#ports = ports
    this.#sources = new SourceTable(sourceLimit)
    this.#compatible = new CompatibleReader(codec, (error) => ports.report(error))
    this.#requests = new RateLimit(ports.clock, requestsPerSecond, requestsPerSecond)
    this.#codec = codec
    this.#schemas = new SchemaRate(ports.clock)
    this.#book.know(codec.schemaId, codec.text)
  }

  /** Messages that wait for their schema, or for those that arrive at the same time. */
  get waitingMessages(): number {
    return this.#book.parkedMessages + (this.#gathered?.remaining ?? 0)
  }

  /** Announcements that were ignored, since there were too many. */
  get refusedSchemas(): number {
    return this.#schemas.refused
  }

  /** The counts of the sources. */
  get sources(): SourceSums {
    return this.#sources.sums()
  }

  /** Hands out what was gathered. */
  flush(): void {
    const gathered = this.#gathered
    this.#gathered = undefined
    if (gathered !== undefined) this.#ports.accept(gathered)
  }

  /** Takes one datagram; never throws. */
  receive(bytes: Buffer, address: string, port: number): void {
    try {
      const source = this.#sources.openNext(bytes, address, port)
      if (source !== undefined) {
        this.#messages(bytes, address, port, source)
        return
      }
      const kind = openPrelude(bytes, undefined)
      if (kind === frameKind.datagram) this.#messages(bytes, address, port)
      else if (kind === frameKind.datagramSchema) this.#schema(bytes, address, port)
      else if (kind === frameKind.datagramRequest) this.#request(bytes)
      else throw new RivuletError('RIVULET_BAD_FRAME', `a datagram of kind ${kind} does not belong here`)
    } catch (error) {
      this.#ports.reject(error as RivuletError)
    }
  }

  /** Gives up what waits for a schema; returns how many messages that were. */
  close(): number {
    this.#parkTimer?.cancel()
    return this.#giveUp()
  }

  #messages(bytes: Buffer, address: string, port: number, known?: Source): void {
    const { sequence, count, start } = readNumbers(bytes)
    const source =
      known ??
      this.#sources.of(bytes, address, port) ??
      this.#sources.add(readConstants(bytes), address, port, sequence)
    const arrival = source.window.arrive(sequence, count)
    if (arrival === 'overlapping') {
      throw new RivuletError('RIVULET_BAD_FRAME', `a datagram overlaps with others: ${count} messages from ${sequence}`)
    }
    if (arrival === 'duplicate' || arrival === 'replayed') {
      this.#ports.lose(arrival, count)
      return
    }
    const lost = arrival === 'new' ? source.window.takeLost() : 0
    const reader = source.reader as MessageReader<Out> | undefined
    if (reader !== undefined && GatheredSupply.suits(bytes, start, count)) {
      if (this.#ports.admits(bytes.length + datagramCostBytes)) {
        this.#gather(bytes, start, source, sequence, lost)
      } else this.#ports.lose('overflow', 1)
      return
    }
    const header = { count, sequence, lost, from: source.from, schemaId: source.schemaId, writerSchema: null }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const datagram = { header, bytes, view, start, source }
    if (reader !== undefined) this.#accept(datagram, reader)
    else this.#lookUp(datagram)
  }

  #accept(datagram: OpenDatagram, reader: MessageReader<Out>): void {
    this.flush()
    const supply = new NumberedSupply<Out>(datagram, reader)
    if (this.#ports.admits(supply.cost)) this.#ports.accept(supply)
    else this.#ports.lose('overflow', supply.remaining)
  }

  /** Most datagrams have one message, and several arrive at the same time. */
  #gather(bytes: Buffer, start: number, source: Source, sequence: number, lost: number): void {
    let gathered = this.#gathered
    if (gathered === undefined) {
      if (!this.#slab.hasRoom) this.#slab = new MessageSlab()
      gathered = this.#gathered = new GatheredSupply<Out>(this.#slab)
      gathered.add(bytes, start, source, sequence, lost)
      this.#ports.soon(this.#flushSoon)
    } else gathered.add(bytes, start, source, sequence, lost)
    if (gathered.isFull) this.flush()
  }

  #lookUp(datagram: OpenDatagram): void {
    const lookup = this.#book.lookUp(datagram)
    if (lookup.kind === 'known') {
      this.#known(lookup, datagram)
      return
    }
    this.#ask(datagram.source)
    if (lookup.kind === 'lost') {
      this.#ports.lose('unknown-schema', lookup.messages)
      if (lookup.first) this.#ports.report(unknownSchema(lookup.messages))
    } else {
      this.#parkTimer ??= this.#ports.clock.setTimer(() => this.#giveUp(), defaults.parkedMs)
    }
  }

  #known({ text, waited }: Lookup<OpenDatagram> & { readonly kind: 'known' }, datagram: OpenDatagram): void {
    const reader = this.#compatible.readerFor(text)
    for (const one of [...waited, datagram]) {
      if (reader === undefined) {
        this.#ports.lose('incompatible-schema', one.header.count)
        continue
      }
      one.source.reader = reader
      if (one.header.count > 0) this.#accept(one, reader)
    }
  }

  /** Asks a source for its schema; a request is smaller than the datagram that led to it. */
  #ask(source: Source): void {
    const now = this.#ports.clock.now()
    if (now < source.askAgainAt || !this.#requests.allows()) return
    source.askAgainAt = now + requestMs
    const request = { source: source.constants.subarray(0, 8), schemaId: source.schemaId }
    this.#ports.request(
      writeRecordFrame(DatagramRequest, request, frameKind.datagramRequest, undefined),
      source.address,
      source.port,
    )
  }

  #schema(bytes: Buffer, address: string, port: number): void {
    const piece = readRecordFrame(DatagramSchema, bytes, frameKind.datagramSchema, undefined)
    if (!SchemaPieces.isValid(piece)) {
      throw new RivuletError('RIVULET_BAD_FRAME', `an announcement of ${bytes.length} bytes contradicts itself`)
    }
    const known = this.#sources.of(bytes, address, port)
    const source =
      known ??
      this.#sources.of(bytes, address, port) ??
      this.#sources.add(readConstants(bytes), address, port, piece.sequence)
    source.window.reveal(piece.sequence)
    if (source.reader !== undefined || source.isRefused) return
    const text = this.#pieces.take(source.key, piece)
    if (text === undefined) return
    if (!this.#schemas.allows(this.#codec, text)) return
    const header = { count: 0, sequence: 0, lost: 0, from: '', schemaId: source.schemaId, writerSchema: text }
    const view = new DataView(new ArrayBuffer(0))
    const lookup = this.#book.lookUp({ header, bytes: nothing, view, start: 0, source })
    if (lookup.kind !== 'known') return
    this.#known(lookup, { header, bytes: nothing, view, start: 0, source })
    source.isRefused = source.reader === undefined
  }

  #request(bytes: Buffer): void {
    const { source, schemaId } = readRecordFrame(DatagramRequest, bytes, frameKind.datagramRequest, undefined)
    this.#ports.requested(Buffer.concat([source, schemaId], constantBytes))
  }

  #giveUp(): number {
    this.#parkTimer = undefined
    const messages = this.#book.giveUp()
    if (messages > 0) {
      this.#ports.lose('unknown-schema', messages)
      this.#ports.report(unknownSchema(messages))
    }
    return messages
  }
}

const nothing = Buffer.alloc(0)

function unknownSchema(messages: number): RivuletError {
  const text = `${messages} messages are lost: their writer did not announce its schema in time`
  return new RivuletError('RIVULET_UNKNOWN_SCHEMA', text, { messages })
}
