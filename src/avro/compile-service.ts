/**
 * Compiles a parsed protocol into its codec: the codecs of each method, and the comparison with peers' protocols.
 *
 * Here the parts meet; each is in a file of its own.
 */
import { createHash } from 'node:crypto'
import type { LongMode } from './default-value.js'
import { errorCodec } from './error-codec.js'
import { LazyCodec } from './lazy-codec.js'
import type { ProtocolNode } from './parse-protocol.js'
import type { MethodShape } from './protocol-types.js'
import { RemoteServices } from './remote-services.js'
import type { MethodCodec, ServiceCodec } from './service-codec.js'

/** Returns the codec of one's own protocol, parsed from its self-contained text. */
export function compileService(protocol: ProtocolNode, text: string, long: LongMode): ServiceCodec {
  const { name } = protocol
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 32)
  const methods = new Map<string, MethodCodec>()
  for (const method of protocol.methods.values()) {
    methods.set(method.name, {
      name: method.name,
      shape: method.shape as MethodShape, // one's own is never `other`
      idempotent: method.idempotent,
      request: new LazyCodec(method.request, long),
      response: new LazyCodec(method.response, long),
      errors: errorCodec(method, { service: name, hash, method: method.name }, long),
    })
  }
  const remotes = new RemoteServices(protocol, methods, text, long)
  return { name, hash, text, methods, against: (remoteText) => remotes.find(remoteText) }
}
