/**
 * The sources of one socket: who sends, and what of it has arrived. Bounded; what is forgotten stays in the sums.
 *
 * A source is an address with the random number that its sender chose for this receiver, and one schema.
 */

import { udpAddress } from '../../../src/net/index.js'
import { type FrameStart, preludeBytes } from '../../../src/wire/index.js'
import { BoundedTable, type Entry } from './bounded-table.js'
import { constantBytes, datagramStart } from './datagram-frame.js'
import { SourceWindow } from './source-window.js'

/** What is known of one source. */
export interface Source extends Entry {
  readonly key: string
  /** Its `source` and `schemaId`. */
  readonly constants: Buffer
  readonly schemaId: Buffer
  /** What its datagrams with messages begin with. */
  readonly start: FrameStart
  readonly address: string
  readonly port: number
  readonly from: string
  readonly window: SourceWindow
  /** The reader of its messages, when its schema is known: a `MessageReader`. */
  reader: unknown
  /** Whether its schema is known and cannot be read. */
  isRefused: boolean
  /** When it may be asked again for its schema. */
  askAgainAt: number
}

/** What became of the messages of one source. */
export interface DatagramSourceCounts {
  /** Messages that arrived, each once. */
  readonly received: number
  /** Messages between the first and the last that arrived, and that did not. */
  readonly lost: number
  /** Messages that arrived behind later ones; they are among `received`, and delivered. */
  readonly late: number
  /** Messages that arrived again; dropped. */
  readonly duplicate: number
  /** Messages that arrived too late to tell whether they had arrived before; dropped. */
  readonly replayed: number
}

/** What became of the messages of one source that is known now. */
export interface DatagramSource extends DatagramSourceCounts {
  /** The endpoint of the sender. */
  readonly from: string
  /** The random number of the source, in hexadecimal digits: another one after each restart of its sender. */
  readonly source: string
}

/** The counts of all sources together, and of each that is known. */
export interface SourceSums extends DatagramSourceCounts {
  /** The sources that are known now, each with its counts. */
  readonly sources: readonly DatagramSource[]
}

/** The sources of one socket. */
export class SourceTable {
  readonly #table: BoundedTable<Source>
  readonly #forgotten = { received: 0, lost: 0, late: 0, duplicate: 0, replayed: 0 }
  /** Most datagrams come from the source of the one before. */
  #last: Source | undefined

  constructor(limit: number) {
    this.#table = new BoundedTable(limit, (source) => {
      add(this.#forgotten, countsOf(source))
      if (this.#last === source) this.#last = undefined
    })
  }

  /** Finds the source of a datagram with messages, if that is the source of the one before, and opens the datagram: it is intact. */
  openNext(bytes: Buffer, address: string, port: number): Source | undefined {
    const last = this.#last
    if (last === undefined || !last.isEstablished || last.port !== port || last.address !== address) return undefined
    if (!last.start.begins(bytes) || !last.start.matches(bytes)) return undefined
    last.isRecent = true
    return last
  }

  /** Finds the source of a datagram, whose prelude has been checked. */
  of(bytes: Buffer, address: string, port: number): Source | undefined {
    const found = this.#table.use(keyOf(bytes, preludeBytes, address, port))
    this.#last = found ?? this.#last
    return found
  }

  /** Adds a source; `next` is the number of the first message that counts. */
  add(constants: Buffer, address: string, port: number, next: number): Source {
    const source: Source = {
      key: keyOf(constants, 0, address, port),
      constants,
      schemaId: constants.subarray(8),
      start: datagramStart(constants),
      address,
      port,
      from: udpAddress(address, port),
      window: new SourceWindow(next),
      reader: undefined,
      isRefused: false,
      askAgainAt: Number.NEGATIVE_INFINITY,
      isEstablished: false,
      isRecent: false,
    }
    this.#table.add(source.key, source)
    this.#last = source
    return source
  }

  /** The counts now. */
  sums(): SourceSums {
    const sums = { ...this.#forgotten }
    const sources: DatagramSource[] = []
    for (const source of this.#table.values()) {
      const counts = countsOf(source)
      add(sums, counts)
      const { from, constants } = source
      sources.push(Object.freeze({ from, source: constants.toString('hex', 0, 8), ...counts }))
    }
    return { ...sums, sources: Object.freeze(sources) }
  }
}

function keyOf(bytes: Buffer, at: number, address: string, port: number): string {
  return `${bytes.toString('latin1', at, at + constantBytes)}${port} ${address}`
}

function countsOf({ window: { received, lost, late, duplicate, replayed } }: Source): DatagramSourceCounts {
  return { received, lost, late, duplicate, replayed }
}

function add(sums: { -readonly [Name in keyof DatagramSourceCounts]: number }, counts: DatagramSourceCounts): void {
  sums.received += counts.received
  sums.lost += counts.lost
  sums.late += counts.late
  sums.duplicate += counts.duplicate
  sums.replayed += counts.replayed
}
