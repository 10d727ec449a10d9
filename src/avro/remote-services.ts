/**
 * One service against the protocols of its peers: which methods both have, and how what a peer wrote is read.
 *
 * The protocols come from untrusted peers. Each is parsed once, and two schemas are brought together when the first call needs
 * it, within one budget for all methods. What cannot be brought together spoils one direction of one method.
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { fullForm } from './canonical.js'
import type { ReadValue } from './codec.js'
import type { LongMode } from './default-value.js'
import { errorReader } from './error-codec.js'
import { lazily } from './lazily.js'
import { cachedProtocols, protocolLimits } from './limits.js'
import { makeRead } from './make-codec.js'
import { parseJson } from './parse.js'
import type { MethodNode } from './parse-message.js'
import { type ProtocolNode, parseProtocol } from './parse-protocol.js'
import { summary } from './path.js'
import { resolve } from './resolve.js'
import type { SchemaNode } from './schema-node.js'
import type { MethodCodec, RemoteMethod, RemoteService } from './service-codec.js'
import { withinStack } from './within-stack.js'

/** The peers' protocols that one service has seen. */
export class RemoteServices {
  readonly #own: ProtocolNode
  readonly #codecs: ReadonlyMap<string, MethodCodec>
  readonly #text: string
  readonly #long: LongMode
  readonly #seen = new Map<string, () => RemoteService>()

  constructor(own: ProtocolNode, codecs: ReadonlyMap<string, MethodCodec>, text: string, long: LongMode) {
    this.#own = own
    this.#codecs = codecs
    this.#text = text
    this.#long = long
  }

  /**
   * Returns the peer's version of the service.
   *
   * @throws RivuletError `RIVULET_INVALID_SCHEMA`.
   */
  find(remoteText: string): RemoteService {
    const found = this.#seen.get(remoteText)
    const compared = found ?? lazily(() => (remoteText === this.#text ? this.#same() : this.#compare(remoteText)))
    this.#seen.delete(remoteText)
    // a text beyond the limit is refused at once, and not worth its memory
    if (remoteText.length <= protocolLimits.textBytes) this.#seen.set(remoteText, compared)
    if (this.#seen.size > cachedProtocols) this.#seen.delete(this.#seen.keys().next().value as string)
    return compared()
  }

  /** The peer's protocol is one's own: nothing is parsed, and nothing new is generated. */
  #same(): RemoteService {
    const methods = new Map<string, RemoteMethod>()
    for (const { name, request, response, errors } of this.#codecs.values()) {
      methods.set(name, {
        name,
        requestReader: () => request.read,
        responseReader: () => response.read,
        errorReader: () => errors.read,
      })
    }
    return { name: this.#own.name, methods }
  }

  #compare(remoteText: string): RemoteService {
    const json = parseJson(remoteText, protocolLimits.textBytes)
    const remote = withinStack(() => parseProtocol(json, 'writer'))
    const budget = { steps: protocolLimits.resolutionSteps }
    const read: Bring = (writer, reader) =>
      fullForm(writer) === fullForm(reader) ? undefined : makeRead(resolve(writer, reader, budget), this.#long)
    const methods = new Map<string, RemoteMethod>()
    for (const [name, codec] of this.#codecs) {
      const own = this.#own.methods.get(name) as MethodNode
      const theirs = remote.methods.get(name) ?? remote.broken.get(name)
      if (theirs === undefined) continue
      methods.set(name, compareMethod(own, theirs, codec, `${this.#own.name}.${name}`, read))
    }
    return { name: remote.name, methods }
  }
}

/** Brings two schemas together; `undefined` if they are the same, and one's own reader does. */
type Bring = (writer: SchemaNode, reader: SchemaNode) => ReadValue<unknown> | undefined

function compareMethod(
  own: MethodNode,
  theirs: MethodNode | RivuletError,
  codec: MethodCodec,
  name: string,
  read: Bring,
): RemoteMethod {
  const reader = <T>(part: string, make: (remote: MethodNode) => T): (() => T) =>
    lazily(() => {
      if (theirs instanceof RivuletError) throw theirs
      if (theirs.shape !== own.shape) throw incompatible(name, [otherShape(theirs.shape, own.shape)])
      return withinStack(() => naming(`${name}, ${part}`, () => make(theirs)))
    })
  return {
    name: own.name,
    requestReader: reader('request', (remote) => read(remote.request, own.request) ?? codec.request.read),
    responseReader: reader('response', (remote) => read(remote.response, own.response) ?? codec.response.read),
    errorReader: reader('errors', (remote) => {
      const union = read(remote.errors, own.errors)
      return union === undefined ? codec.errors.read : errorReader(own, union)
    }),
  }
}

function otherShape(theirs: string, own: string): Issue {
  return { path: '', message: `the peer's method is of the shape ${theirs}, this side's ${own}` }
}

function incompatible(name: string, issues: readonly Issue[]): RivuletError {
  const message = `What the peer has as ${name} does not fit: ${summary(issues)}`
  return new RivuletError('RIVULET_INCOMPATIBLE_SCHEMA', message, { issues })
}

/** Says in the error which part of which method it is about. */
function naming<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw error instanceof RivuletError ? incompatible(name, error.issues) : error
  }
}
