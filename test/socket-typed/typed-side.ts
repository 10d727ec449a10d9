/** One side of a typed stream without a connection: what it writes, and what it makes of bytes. */
import { schemaFraming } from '../../patterns/socket/stream/schema-framing.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** What the tests send. */
export const Note = defineSchema(record('Note', { number: 'long', text: 'string' }))

/** A message of the tests. */
export interface Note {
  readonly number: number
  readonly text: string
}

interface SideOptions<In, Out> {
  readonly outgoing: Schema<In, unknown>
  readonly incoming: Schema<unknown, Out>
  readonly maxMessageBytes?: number
}

/** One side. */
export class TypedSide<In, Out> {
  readonly clock = new VirtualClock()
  readonly errors: RivuletError[] = []
  /** Messages that were read. */
  readonly values: Out[] = []
  /** Whether the connection must ask for bytes. */
  isAwake = false
  readonly #ends

  constructor(side: 'bind' | 'connect', { outgoing, incoming, maxMessageBytes = 1_048_576 }: SideOptions<In, Out>) {
    this.#ends = schemaFraming({ outgoing, incoming, maxMessageBytes }).open({
      clock: this.clock,
      side,
      name: () => side,
      report: (error) => this.errors.push(error),
      lose: () => {},
      wake: () => {
        this.isAwake = true
      },
    })
  }

  get reader() {
    return this.#ends.reader
  }

  get writer() {
    return this.#ends.writer
  }

  /** The failure that ends the connection. */
  get code(): string | undefined {
    return this.reader.failure?.code
  }

  /** Writes messages as one turn. */
  write(...values: readonly In[]): Buffer {
    for (const value of values) this.writer.write(value)
    return this.taken()
  }

  /** What leaves now. */
  taken(): Buffer {
    return Buffer.concat(this.writer.take().flatMap(({ parts }) => parts))
  }

  /** Ends this direction. */
  ended(): Buffer {
    this.writer.end?.()
    return this.taken()
  }

  /** Takes bytes and decodes at once what they bring; each piece is a memory of its own, as chunks of a socket are. */
  receive(bytes: Buffer, pieceBytes: (left: number) => number = (left) => left): void {
    for (let at = 0; at < bytes.length; ) {
      const end = at + pieceBytes(bytes.length - at)
      const supplies = this.reader.receive(Buffer.from(bytes.subarray(at, end)))
      for (const supply of supplies) {
        while (supply.remaining > 0) {
          try {
            this.values.push(supply.take())
          } catch (cause) {
            supply.failed(cause)
            this.errors.push(new RivuletError('RIVULET_DECODE_FAILED', 'a message', { cause }))
          }
        }
        const trailing = supply.trailing()
        if (trailing !== undefined) this.errors.push(trailing)
      }
      at = end
    }
  }
}

/** Two sides that have agreed. */
export function agreed(options: { readonly maxMessageBytes?: number } = {}): {
  readonly dialer: TypedSide<Note, Note>
  readonly acceptor: TypedSide<Note, Note>
} {
  const both = { outgoing: Note, incoming: Note, ...options } as const
  const dialer = new TypedSide<Note, Note>('connect', both)
  const acceptor = new TypedSide<Note, Note>('bind', both)
  acceptor.receive(dialer.taken())
  dialer.receive(acceptor.taken())
  return { dialer, acceptor }
}

/** Messages with numbers from 1 on. */
export function notes(count: number, text = ''): Note[] {
  return Array.from({ length: count }, (_, index) => ({ number: index + 1, text }))
}
