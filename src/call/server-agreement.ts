/**
 * What a server and one client agree on: which methods the numbers of the client stand for.
 *
 * The client announces services; the server serves the version it knows by its hash, asks for the text of one that it
 * does not know, and refuses what it cannot serve. What an untrusted peer can make it keep is bounded.
 */
import { quote } from '../avro/codec.js'
import { RecordBody, readRecord } from '../session/index.js'
import { callKind } from './call-kinds.js'
import type { AdmissionRefusal, CallLimits } from './call-limits.js'
import type { GuaranteedSends } from './guaranteed-sends.js'
import { sendText, TextAssembly } from './protocol-text.js'
import { type Refusal, refusalRecord } from './refusal.js'
import { maxMethods } from './request-header.js'
import { CallBind, CallBound, CallNeedText, CallRefusal, CallText, CallUnbind } from './schemas.js'
import type { ServedMethod, ServedService, ServedVersion } from './served-service.js'

/** Answers that may wait for a client that gives up bindings to announce others. */
const maxWaitingAnswers = 16_384

/** A service that was announced. */
interface Announced {
  readonly bind: CallBind
  readonly service: ServedService
  readonly hash: string
}

/** A binding; one that was refused has no methods. */
interface Binding {
  readonly service?: ServedService | undefined
  readonly firstMethod: number
  readonly methods: number
}

const refusedBinding: Binding = Object.freeze({ firstMethod: 0, methods: 0 })

/** What is served, and to what bounds. */
export interface ServedServices {
  readonly services: ReadonlyMap<string, ServedService>
  readonly limits: CallLimits
}

/** The agreement of one session, the server's side. */
export class ServerAgreement {
  /** By number. */
  readonly methods = new Map<number, ServedMethod>()
  readonly #served: ServedServices
  readonly #guaranteed: GuaranteedSends
  readonly #denialOf: (service: ServedService) => AdmissionRefusal | undefined
  readonly #bindings = new Map<number, Binding>()
  /** Those whose text was requested. */
  readonly #awaited = new Map<number, Announced>()
  readonly #assembly = new TextAssembly()

  /** @param denialOf - Why the client gets no agreement on a service, if it does not. */
  constructor(
    served: ServedServices,
    guaranteed: GuaranteedSends,
    denialOf: (service: ServedService) => AdmissionRefusal | undefined,
  ) {
    this.#served = served
    this.#guaranteed = guaranteed
    this.#denialOf = denialOf
  }

  /** Takes an item of stream 0; throws what readers throw. */
  receive(kind: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (kind === callKind.bind) this.#announced(readRecord(CallBind, bytes, view, start, end))
    else if (kind === callKind.text) this.#text(readRecord(CallText, bytes, view, start, end))
    else if (kind === callKind.unbind) this.#givenUp(readRecord(CallUnbind, bytes, view, start, end).binding)
  }

  /** Lets go of a service that is served no more: its bindings count until the client gives them up. */
  withdraw(service: ServedService): void {
    for (const [number, binding] of this.#bindings) {
      if (binding.service !== service) continue
      this.#forgetMethods(binding)
      this.#bindings.set(number, refusedBinding)
    }
    for (const { bind, service: awaited } of [...this.#awaited.values()]) {
      if (awaited !== service) continue
      this.#awaited.delete(bind.binding)
      this.#refuseUnknown(bind)
    }
  }

  #announced(bind: CallBind): void {
    const { binding } = bind
    if (this.#bindings.has(binding)) return
    const { services, limits } = this.#served
    if (this.#bindings.size >= limits.maxBindings || this.#guaranteed.size >= maxWaitingAnswers) {
      // one who announces without end, and does not read what that leads to, gets no answer
      const message = `the server takes ${limits.maxBindings} services of one client`
      if (this.#guaranteed.size === 0) this.#refuse(bind, { code: 'RIVULET_OVERLOADED', message, issues: [] })
      return
    }
    this.#bindings.set(binding, refusedBinding)
    const service = services.get(bind.service)
    if (service === undefined) {
      this.#refuseUnknown(bind)
      return
    }
    // before its schemas are read: that costs, and tells what the service is
    const denial = this.#denialOf(service)
    if (denial !== undefined) {
      this.#refuse(bind, { ...denial, issues: [] })
      return
    }
    const hash = bind.hash.toString('hex')
    const version = service.version(hash)
    if (version !== undefined) {
      this.#agree({ bind, service, hash }, version)
      return
    }
    this.#awaited.set(binding, { bind, service, hash })
    this.#guaranteed.send(0, callKind.needText, 0, new RecordBody(CallNeedText, { binding }))
  }

  #text(piece: CallText): void {
    const announced = this.#awaited.get(piece.binding)
    if (announced === undefined) return
    const text = this.#assembly.take(piece)
    if (text === undefined) return
    this.#awaited.delete(piece.binding)
    const { service, hash, bind } = announced
    // another session may have told it in the meantime
    const version = service.version(hash) ?? service.learn(hash, text)
    if ('code' in version) this.#refuse(bind, version)
    else this.#agree(announced, version)
  }

  #givenUp(number: number): void {
    const binding = this.#bindings.get(number)
    if (binding === undefined) return
    this.#bindings.delete(number)
    this.#awaited.delete(number)
    this.#forgetMethods(binding)
  }

  #forgetMethods({ service, firstMethod, methods }: Binding): void {
    for (let number = firstMethod; number < firstMethod + methods; number++) {
      if (this.methods.get(number)?.owner === service) this.methods.delete(number)
    }
  }

  #agree({ bind, service, hash }: Announced, { methods, refusals }: ServedVersion): void {
    const { binding, firstMethod } = bind
    if (firstMethod < 0 || firstMethod + methods.length > maxMethods) {
      const message = `the numbers of methods begin at ${firstMethod}; they end below ${maxMethods}`
      this.#refuse(bind, { code: 'RIVULET_INVALID_REQUEST', message, issues: [] })
      return
    }
    this.#bindings.set(binding, { service, firstMethod, methods: methods.length })
    for (const [index, method] of methods.entries()) {
      if (method !== undefined) this.methods.set(firstMethod + index, method)
    }
    for (const [name, refusal] of refusals) this.#sendRefusal(binding, name, refusal)
    if (hash !== service.codec.hash) sendText(this.#guaranteed, binding, service.codec.text)
    this.#sendBound(binding, Buffer.from(service.codec.hash, 'hex'))
  }

  #refuseUnknown(bind: CallBind): void {
    const message = `the server has no service ${quote(bind.service)}`
    this.#refuse(bind, { code: 'RIVULET_UNIMPLEMENTED', message, issues: [] })
  }

  /** Refuses all methods of a service. */
  #refuse({ binding, hash }: CallBind, refusal: Refusal): void {
    this.#sendRefusal(binding, '', refusal)
    this.#sendBound(binding, hash)
  }

  #sendRefusal(binding: number, method: string, refusal: Refusal): void {
    this.#guaranteed.send(0, callKind.refusal, 0, new RecordBody(CallRefusal, refusalRecord(binding, method, refusal)))
  }

  #sendBound(binding: number, hash: Buffer): void {
    this.#guaranteed.send(0, callKind.bound, 0, new RecordBody(CallBound, { binding, hash }))
  }
}
