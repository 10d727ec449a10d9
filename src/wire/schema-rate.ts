/**
 * What the schemas of peers may cost one socket: those that it has no reader for are parsed and compiled at a bounded rate.
 *
 * It is shared by all peers of the socket, since sources and connections cost an untrusted peer nothing. A schema that is known
 * costs nothing, so that a flood of new ones keeps no peer out whose schema has been seen.
 */
import type { Codec } from '../avro/codec.js'
import { defaults } from '../options/index.js'
import { RateLimit } from './rate-limit.js'

/** What each schema counts as beside its text, in bytes. */
const schemaCostBytes = 4096

/** The rate of one socket. */
export class SchemaRate {
  readonly #limit: RateLimit
  #refused = 0

  constructor(clock: { now(): number }) {
    this.#limit = new RateLimit(clock, defaults.schemaBytesPerSecond, defaults.schemaBytesPerSecond)
  }

  /** Schemas that were refused. */
  get refused(): number {
    return this.#refused
  }

  /** Whether the reader of a writer's schema may be made, or is there; if not, that is counted. */
  allows({ hasReader }: Pick<Codec<never, unknown>, 'hasReader'>, text: string): boolean {
    if (hasReader(text) || this.#limit.allows(schemaCostBytes + text.length)) return true
    this.#refused += 1
    return false
  }
}
