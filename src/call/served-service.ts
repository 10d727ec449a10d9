/**
 * The services of a server: their implementations, and how each version of a client is served.
 *
 * What is known of a version is worked out once for all sessions, and a bounded number of versions is kept.
 */
import { createHash } from 'node:crypto'
import { cachedProtocols, type ReadValue, type WriteValue } from '../avro/codec.js'
import type { MethodCodec, RemoteMethod, ServiceCodec } from '../avro/service-codec.js'
import type { RivuletError } from '../errors/index.js'
import { Waiters } from '../lifecycle/index.js'
import type { PeerInfo } from '../session/index.js'
import { type CallContext, type ContextSource, LazyContext } from './call-context.js'
import type { AdmissionRefusal } from './call-limits.js'
import { asRefusal, type Refusal } from './refusal.js'

/** Runs a call: takes the request, or the stream of them, and returns the response or responses in any of their forms. */
export type CallHandler = (request: unknown, context: CallContext) => unknown

/** A service with its implementation; a method without a handler is not implemented. */
export interface Implementation {
  readonly codec: ServiceCodec
  readonly handlers: ReadonlyMap<string, CallHandler>
  /** What clients announce it by. Default: the name of its protocol. */
  readonly name?: string
  /** What contexts of its calls call it. Default: the name that clients announce it by. */
  readonly shownAs?: string
  /** What messages call it; for a service of one method. */
  readonly label?: string
  /** What the policy of the server is asked for. Default: `call` of each method. */
  readonly access?: Access
  /** Refuses a call for who makes it, before its request is read; `caller` is the number that it says. Default: none is refused. */
  admit?(peer: PeerInfo, caller: number): AdmissionRefusal | undefined
  /** Makes the context of a call. Default: that of every call. */
  contextOf?(call: ContextSource): CallContext
}

/** An action on a target, as policies name them. */
export interface Access {
  readonly action: 'call' | 'message'
  readonly target: string
}

const plainContext = (call: ContextSource): CallContext => new LazyContext(call)

/** A method as one version of a client calls it. */
export class ServedMethod {
  readonly owner: ServedService
  readonly service: string
  readonly codec: MethodCodec
  readonly handler: CallHandler
  /** The full name, for messages. */
  readonly label: string
  readonly access: Access
  readonly contextOf: (call: ContextSource) => CallContext
  readonly oneWay: boolean
  readonly streamsRequests: boolean
  readonly streamsResponses: boolean
  readonly #remote: RemoteMethod
  #read: ReadValue<unknown> | undefined
  #write: WriteValue<unknown> | undefined

  constructor(owner: ServedService, codec: MethodCodec, handler: CallHandler, remote: RemoteMethod) {
    const { name, shownAs, label, access, contextOf = plainContext } = owner.implementation
    this.owner = owner
    this.service = shownAs ?? name ?? owner.codec.name
    this.codec = codec
    this.handler = handler
    this.label = label ?? `${owner.codec.name}.${codec.name}`
    this.access = access ?? { action: 'call', target: this.label }
    this.contextOf = contextOf
    this.oneWay = codec.shape === 'one-way'
    this.streamsRequests = codec.shape === 'client' || codec.shape === 'duplex'
    this.streamsResponses = codec.shape === 'server' || codec.shape === 'duplex'
    this.#remote = remote
  }

  /** Reads a request of this version. */
  get read(): ReadValue<unknown> {
    this.#read ??= this.#remote.requestReader()
    return this.#read
  }

  /** Writes a response. */
  get write(): WriteValue<unknown> {
    this.#write ??= this.codec.response.write
    return this.#write
  }
}

/** A version of a client: its methods in the order of its protocol, each served or refused. */
export interface ServedVersion {
  readonly methods: readonly (ServedMethod | undefined)[]
  /** By the name of the method. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

/** One service of a server. */
export class ServedService {
  readonly codec: ServiceCodec
  readonly implementation: Implementation
  /** Why its handlers should end, once it was withdrawn: no call of it begins any more. */
  withdrawn: RivuletError | undefined
  /** Calls of it without an outcome, those aside whose handlers answered at once. */
  #open = 0
  readonly #idle = new Waiters()
  readonly #versions = new Map<string, ServedVersion>()
  readonly #own: ServedVersion

  constructor(implementation: Implementation) {
    const { codec } = implementation
    this.codec = codec
    this.implementation = implementation
    this.#own = this.#compare(codec.text, [...codec.methods.keys()], true)
  }

  /** What clients announce it by. */
  get name(): string {
    return this.implementation.name ?? this.codec.name
  }

  /** What messages call it. */
  get label(): string {
    return this.implementation.label ?? this.name
  }

  /** A call was not answered at once. */
  opened(): void {
    this.#open += 1
  }

  /** Such a call has its outcome, which is sent in this turn. */
  closed(): void {
    this.#open -= 1
    if (this.withdrawn !== undefined && this.#open === 0) this.#idle.wake()
  }

  /** Resolves when no call is open. */
  async whenIdle(): Promise<void> {
    while (this.#open > 0) await this.#idle.wait()
  }

  /** Returns how the version with this hash is served; `undefined` if its text is needed for that. */
  version(hash: string): ServedVersion | undefined {
    return hash === this.codec.hash ? this.#own : this.#versions.get(hash)
  }

  /**
   * Learns a version from its text, which may come from an untrusted peer.
   *
   * @throws RivuletError `RIVULET_INVALID_SCHEMA`; `RIVULET_INVALID_REQUEST` if the text is not that of the hash.
   */
  learn(hash: string, text: string): ServedVersion | Refusal {
    if (createHash('sha256').update(text).digest('hex').slice(0, 32) !== hash) {
      return { code: 'RIVULET_INVALID_SCHEMA', message: 'the protocol is not the one that was announced', issues: [] }
    }
    try {
      this.codec.against(text) // first, since it bounds what may be parsed
      const version = this.#compare(text, Object.keys(JSON.parse(text).messages), false)
      this.#versions.set(hash, version)
      if (this.#versions.size > cachedProtocols) this.#versions.delete(this.#versions.keys().next().value as string)
      return version
    } catch (cause) {
      return asRefusal(cause)
    }
  }

  #compare(text: string, names: readonly string[], isOwn: boolean): ServedVersion {
    const remote = this.codec.against(text)
    const refusals = new Map<string, Refusal>()
    const methods = names.map((name) => {
      const [codec, handler, theirs] = [
        this.codec.methods.get(name),
        this.implementation.handlers.get(name),
        remote.methods.get(name),
      ]
      if (codec === undefined || handler === undefined || theirs === undefined) {
        const message = `the server has no ${this.codec.name}.${name}`
        refusals.set(name, { code: 'RIVULET_UNIMPLEMENTED', message, issues: [] })
        return undefined
      }
      try {
        // now rather than at the first call, so that what does not fit is known from the beginning
        if (!isOwn) theirs.requestReader()
        return new ServedMethod(this, codec, handler, theirs)
      } catch (cause) {
        refusals.set(name, asRefusal(cause))
        return undefined
      }
    })
    return { methods, refusals }
  }
}
