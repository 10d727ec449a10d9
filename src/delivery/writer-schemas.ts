/**
 * The schemas that messages were written with, as one consumer knows them, and their readers.
 *
 * A text comes with the first messages of a stream that were written with it, and is remembered by its hash.
 */
import { type Codec, decodeFailure } from '../avro/codec.js'
import { Malformed, Unresolvable } from '../avro/read-primitives.js'
import { RivuletError } from '../errors/index.js'
import { CompatibleReader, type MessageReader } from '../wire/index.js'
import type { Fate, LeasedMessages } from './protocol.js'
import { reasonText } from './reason.js'

/** Schemas that are remembered by their hash. */
const maxSchemas = 1024

/** The most unreadable schemas that the host is sent: messages of others are dead letters. */
const maxUnreadable = 1024

/** The schemas of the writers of what one consumer takes. */
export class WriterSchemas<Out> {
  readonly #reader: CompatibleReader<Out>
  readonly #texts = new Map<string, string>()
  /** The schema ids that cannot be read, and those that were not sent on this stream. */
  readonly #unreadable = new Map<string, Buffer>()
  #unsent: Buffer[] = []
  /** Whether the host keeps messages that this consumer cannot read for others; it tells when a stream is opened. */
  hostSetsAside = false

  /** @param onRefused - Told once of each schema that cannot be read. */
  constructor(codec: Codec<never, Out>, onRefused: (error: RivuletError) => void) {
    this.#reader = new CompatibleReader(codec, onRefused)
    this.#texts.set(keyOf(codec.schemaId), codec.text)
  }

  /** Returns the reader of messages, or why there is none. */
  readerOf({ schemaId, schema }: LeasedMessages): MessageReader<Out> | 'unknown-schema' | 'incompatible-schema' {
    const key = keyOf(schemaId)
    const text = this.#texts.get(key) ?? this.#learn(key, schema ?? undefined)
    if (text === undefined) return 'unknown-schema'
    return this.#reader.readerFor(text) ?? 'incompatible-schema'
  }

  /** What becomes of messages of a schema that cannot be read: they go back for others, or are dead letters. */
  fateWithout(why: 'unknown-schema' | 'incompatible-schema', leased: LeasedMessages): Fate {
    if (this.#mayGoBack(leased)) return { kind: 'release' }
    const what = why === 'unknown-schema' ? 'not known' : 'not one that the consumer can read'
    return { kind: 'reject', reason: `its schema is ${what}` }
  }

  /** Whether messages that cannot be read may go back to the host, which deals out no more of their schema then. */
  #mayGoBack({ schemaId }: LeasedMessages): boolean {
    if (!this.hostSetsAside) return false
    const key = keyOf(schemaId)
    if (this.#unreadable.has(key)) return true
    if (this.#unreadable.size >= maxUnreadable) return false
    const bytes = Buffer.from(schemaId)
    this.#unreadable.set(key, bytes)
    this.#unsent.push(bytes)
    return true
  }

  /** What becomes of a message that cannot be read: others may have a place for its value, or it is a dead letter. */
  fateOf(cause: unknown): Fate {
    if (this.#isForOthers(cause)) return { kind: 'release', unreadable: true }
    const why = cause instanceof Malformed ? cause.reason : cause instanceof Error ? cause.message : 'unreadable'
    return { kind: 'reject', reason: reasonText(`it cannot be read: ${why}`) }
  }

  /** The error of such a message. */
  errorOf(cause: unknown): RivuletError {
    const then = this.#isForOthers(cause) ? 'back for other consumers' : 'now a dead letter'
    return decodeFailure(cause, `a message, ${then}`)
  }

  /** Whether a consumer with another schema may have a place for a value. */
  #isForOthers(cause: unknown): boolean {
    return this.hostSetsAside && cause instanceof Unresolvable
  }

  /** All that is sent when a stream is opened. */
  allUnreadable(): Buffer[] {
    this.#unsent = []
    return [...this.#unreadable.values()]
  }

  /** Those that are sent next on this stream. */
  newUnreadable(): Buffer[] {
    return this.#unsent.splice(0)
  }

  #learn(key: string, text: string | undefined): string | undefined {
    if (text === undefined) return undefined
    // its own, which is the first, is never forgotten
    if (this.#texts.size >= maxSchemas) this.#texts.delete([...this.#texts.keys()][1] as string)
    this.#texts.set(key, text)
    return text
  }
}

/** The 16 bytes of a schema id as a key. */
function keyOf(schemaId: Uint8Array): string {
  return Buffer.from(schemaId.buffer, schemaId.byteOffset, schemaId.byteLength).toString('latin1')
}

/** Reads messages without a reader, which are never handed out. */
export function noReader(): never {
  throw new RivuletError('RIVULET_UNKNOWN_SCHEMA', 'unreachable: messages without a reader are refused')
}
