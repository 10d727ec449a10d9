/**
 * The codec of one schema whose code is generated at its first use: a service has many, and each side uses half.
 *
 * It has no text and no fingerprint: what stands inside a protocol is known by the protocol.
 */
import type { RivuletError } from '../errors/index.js'
import type { ReadValue, ValueCodec, WriteValue } from './codec.js'
import type { LongMode } from './default-value.js'
import { explainValue } from './explain-value.js'
import { lazily } from './lazily.js'
import { makeRead, makeWrite } from './make-codec.js'
import { resolve } from './resolve.js'
import type { SchemaNode } from './schema-node.js'

/** The codec of a parsed schema. */
export class LazyCodec implements ValueCodec<unknown, unknown> {
  readonly #node: SchemaNode
  readonly #long: LongMode
  readonly #write: () => WriteValue<unknown>
  readonly #read: () => ReadValue<unknown>

  constructor(node: SchemaNode, long: LongMode) {
    this.#node = node
    this.#long = long
    this.#write = lazily(() => makeWrite(node, long))
    this.#read = lazily(() => makeRead(resolve(node, node), long))
  }

  get write(): WriteValue<unknown> {
    return this.#write()
  }

  get read(): ReadValue<unknown> {
    return this.#read()
  }

  explain(value: unknown): RivuletError {
    return explainValue(this.#node, value, this.#long)
  }
}
