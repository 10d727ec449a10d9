/**
 * The services that a client calls, with the numbers that stand for their methods on every session.
 *
 * What a server makes of them is another matter: see `client-agreement.ts`.
 */
import type { WriteValue } from '../avro/codec.js'
import type { MethodCodec, ServiceCodec } from '../avro/service-codec.js'

/** A method as a client calls it. */
export class ClientMethod {
  readonly service: ClientService
  /** The full name, for messages. */
  readonly label: string
  readonly codec: MethodCodec
  /** What stands for the method on the wire. */
  readonly number: number
  readonly idempotent: boolean
  readonly oneWay: boolean
  readonly streamsRequests: boolean
  readonly streamsResponses: boolean
  #write: WriteValue<unknown> | undefined

  constructor(service: ClientService, label: string, codec: MethodCodec, number: number) {
    this.service = service
    this.label = label
    this.codec = codec
    this.number = number
    this.idempotent = codec.idempotent
    this.oneWay = codec.shape === 'one-way'
    this.streamsRequests = codec.shape === 'client' || codec.shape === 'duplex'
    this.streamsResponses = codec.shape === 'server' || codec.shape === 'duplex'
  }

  /** Writes a request; generated at the first use. */
  get write(): WriteValue<unknown> {
    this.#write ??= this.codec.request.write
    return this.#write
  }
}

/** By which name a service is called, if not by that of its protocol. */
export interface BindOptions {
  /** What the server calls it. */
  readonly as?: string
  /** What messages call it; for a service of one method. */
  readonly label?: string
}

/** A service as a client calls it. */
export class ClientService {
  readonly codec: ServiceCodec
  /** What the server calls it. */
  readonly name: string
  /** The number of the binding. */
  readonly binding: number
  readonly firstMethod: number
  readonly methods: ReadonlyMap<string, ClientMethod>

  constructor(codec: ServiceCodec, { as = codec.name, label }: BindOptions, binding: number, firstMethod: number) {
    this.codec = codec
    this.name = as
    this.binding = binding
    this.firstMethod = firstMethod
    const methods = new Map<string, ClientMethod>()
    for (const method of codec.methods.values()) {
      const full = label ?? `${codec.name}.${method.name}`
      methods.set(method.name, new ClientMethod(this, full, method, firstMethod + methods.size))
    }
    this.methods = methods
  }
}
