/**
 * `defineService`: from a protocol literal to a `Service` that can be implemented and called.
 *
 * It brings the parts together; it knows nothing of calls, frames or sockets.
 */
import { RivuletError } from '../errors/index.js'
import type { ReadValue } from './codec.js'
import { compileService } from './compile-service.js'
import type { DeclaredError } from './declared-error.js'
import {
  assertSame,
  copyJson,
  freezeJson,
  type LongOf,
  mergeTypes,
  type NeedsOf,
  resolveOptions,
  type SchemaOptions,
} from './definition-input.js'
import { encodeValue } from './encode-value.js'
import type { MethodsOf, ProtocolOf } from './infer-service.js'
import { protocolLimits } from './limits.js'
import { parseJson } from './parse.js'
import { parseProtocol } from './parse-protocol.js'
import { quote } from './path.js'
import type { AvroProtocol } from './protocol-types.js'
import type { Schema } from './schema.js'
import { selfContainedProtocol } from './self-contained.js'
import { type Service, serviceBrand } from './service.js'
import type { ErrorValue, ServiceCodec } from './service-codec.js'
import { askAboutProtocol } from './validate-with-avsc.js'

/**
 * Defines a service from its Avro protocol, and infers the types of its methods; no `as const` is needed.
 *
 * A message is a method. `'one-way': true` has no answer; `'x-stream'` says which side streams (`server`, `client`,
 * `duplex`); `'x-idempotent': true` says that a second run does no harm; `errors` names what a handler may throw.
 * Call it once for each protocol when the program starts; code is generated when a method is first used.
 *
 * @param protocol - Any Avro protocol, also the parsed JSON of an `.avpr` file, whose values are then `unknown`;
 * `docs/schemas/services.md` names the limits and the names that no method can have.
 * @param options - Schemas whose types the protocol uses, and what a long is.
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, with the path of each issue; `RIVULET_INVALID_OPTION`.
 * @example
 * ```ts
 * import { defineService, type RequestOf, type ResponseOf } from 'rivulet/avro'
 *
 * const Quotes = defineService({
 *   protocol: 'Quotes',
 *   namespace: 'market',
 *   types: [
 *     { type: 'record', name: 'Tick', fields: [{ name: 'price', type: 'double' }] },
 *     { type: 'error', name: 'UnknownSymbol', fields: [{ name: 'symbol', type: 'string' }] },
 *   ],
 *   messages: {
 *     last: { request: [{ name: 'symbol', type: 'string' }], response: 'Tick', errors: ['UnknownSymbol'] },
 *     watch: { request: [{ name: 'symbol', type: 'string' }], response: 'Tick', 'x-stream': 'server' },
 *   },
 * })
 * const request: RequestOf<typeof Quotes, 'last'> = { symbol: 'ACME' }
 * const response: ResponseOf<typeof Quotes, 'last'> = { price: 1.5 }
 * console.log(Quotes.name, request.symbol, response.price)
 * ```
 */
export function defineService<
  const Protocol extends AvroProtocol,
  const Types extends readonly Schema[] = readonly [],
  Long extends 'number' | 'bigint' = 'number',
>(
  protocol: Protocol,
  options: SchemaOptions<Types, Long> = {},
): Service<ProtocolOf<Protocol>, MethodsOf<ProtocolOf<Protocol>, LongOf<Long>, NeedsOf<Types>>> {
  const { types, long } = resolveOptions('defineService', options)
  const json = copyJson(protocol, 'protocol', protocolLimits.textBytes)
  const { known, definitions } = mergeTypes(types)
  const alone = parseProtocol(json, 'own', known)
  for (const node of alone.types.values()) assertSame(node, known)
  const whole = selfContainedProtocol(json as Record<string, unknown>, definitions)
  const text = JSON.stringify(whole)
  const node = parseProtocol(parseJson(text, protocolLimits.textBytes), 'own')
  askAboutProtocol(whole)
  const made = new CompiledService(compileService(node, text, long), freezeJson(json))
  return made as Service as unknown as ReturnType<typeof defineService<Protocol, Types, Long>>
}

class CompiledService implements Service {
  readonly [serviceBrand]: never
  readonly name: string
  readonly json: unknown
  readonly hash: string
  readonly #codec: ServiceCodec

  constructor(codec: ServiceCodec, json: unknown) {
    this[serviceBrand] = codec as never // the types say otherwise: see `ServiceTypes`
    this.name = codec.name
    this.json = json
    this.hash = codec.hash
    this.#codec = codec
  }

  error<Name extends string>(method: string, errorName: Name, value: unknown): DeclaredError<Name> {
    const errors = this.#codec.methods.get(method)?.errors
    if (errors === undefined) {
      throw new RivuletError('RIVULET_INVALID_OPTION', `${this.name} has no method ${quote(method)}`)
    }
    if (!errors.names.includes(errorName)) {
      const declared = errors.names.length === 0 ? 'none' : errors.names.join(', ')
      const message = `${this.name}.${method} declares no error ${quote(errorName)}; it declares ${declared}`
      throw new RivuletError('RIVULET_INVALID_OPTION', message)
    }
    // what the caller changes later does not change the error, and its value is as the other side will read it
    const bytes = encodeValue(errors, { errorName, value })
    return errors.make(errorName, readWhole(errors.read, bytes).value) as DeclaredError<Name>
  }
}

function readWhole(read: ReadValue<ErrorValue>, bytes: Buffer): ErrorValue {
  const { buffer, byteOffset, length } = bytes
  return read(bytes, new DataView(buffer, byteOffset, length), { position: 0 }, length)
}
