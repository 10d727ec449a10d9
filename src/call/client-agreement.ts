/**
 * What a client and one server agree on: which methods may be called, and how what the server writes is read.
 *
 * The client announces its services, the server refuses what it cannot serve. What the client cannot read of a server of
 * another version, it refuses itself. A call waits until the agreement on its service is there.
 */
import type { ReadValue } from '../avro/codec.js'
import type { ErrorValue, RemoteMethod, RemoteService } from '../avro/service-codec.js'
import { RecordBody, readRecord } from '../session/index.js'
import { callKind } from './call-kinds.js'
import type { ClientMethod, ClientService } from './client-method.js'
import type { GuaranteedSends } from './guaranteed-sends.js'
import { sendText, TextAssembly } from './protocol-text.js'
import { asRefusal, type Refusal, receivedRefusal } from './refusal.js'
import { CallBind, CallBound, CallNeedText, CallRefusal, CallText, CallUnbind } from './schemas.js'

/** A method of one server. */
export class AgreedMethod {
  readonly refusal: Refusal | undefined
  readonly #remote: RemoteMethod | undefined
  #read: ReadValue<unknown> | undefined

  constructor(remote: RemoteMethod | undefined, refusal: Refusal | undefined) {
    this.#remote = remote
    this.refusal = refusal
  }

  /** Reads a response. */
  get read(): ReadValue<unknown> {
    this.#read ??= (this.#remote as RemoteMethod).responseReader()
    return this.#read
  }

  /** Reads a declared error. */
  get readError(): ReadValue<ErrorValue> {
    return (this.#remote as RemoteMethod).errorReader()
  }
}

/** A binding without an answer yet. */
interface Pending {
  readonly service: ClientService
  readonly refusals: Map<string, Refusal>
  text: string | undefined
  /** The server is sent the text once, whatever it asks. */
  textSent: boolean
}

/** The agreement of one session, the client's side. */
export class ClientAgreement {
  /** By number; `undefined` for those on which there is no agreement yet. */
  readonly methods: (AgreedMethod | undefined)[] = []
  readonly #guaranteed: GuaranteedSends
  readonly #sign: 1 | -1
  readonly #pending = new Map<number, Pending>()
  readonly #assembly = new TextAssembly()

  /**
   * @param sign - The sign of the streams that this side opens: its bindings have it, too.
   */
  constructor(guaranteed: GuaranteedSends, sign: 1 | -1) {
    this.#guaranteed = guaranteed
    this.#sign = sign
  }

  /** Announces a service. */
  bind(service: ClientService): void {
    const { codec, name, firstMethod } = service
    const binding = this.#bindingOf(service)
    for (const method of service.methods.values()) this.methods[method.number] = undefined
    this.#pending.set(binding, { service, refusals: new Map(), text: undefined, textSent: false })
    const hash = Buffer.from(codec.hash, 'hex')
    this.#guaranteed.send(0, callKind.bind, 0, new RecordBody(CallBind, { binding, service: name, hash, firstMethod }))
  }

  /** Gives a service up: no call of it is open. */
  unbind(service: ClientService): void {
    const binding = this.#bindingOf(service)
    this.#pending.delete(binding)
    for (const { number } of service.methods.values()) this.methods[number] = undefined
    this.#guaranteed.send(0, callKind.unbind, 0, new RecordBody(CallUnbind, { binding }))
  }

  /** Takes an item of stream 0; returns whether there are methods now that there were not. Throws what readers throw. */
  receive(kind: number, bytes: Buffer, view: DataView, start: number, end: number): boolean {
    switch (kind) {
      case callKind.needText: {
        const pending = this.#pending.get(readRecord(CallNeedText, bytes, view, start, end).binding)
        if (pending !== undefined) this.#sendText(pending)
        return false
      }
      case callKind.text: {
        const piece = readRecord(CallText, bytes, view, start, end)
        const pending = this.#pending.get(piece.binding)
        if (pending !== undefined) pending.text = this.#assembly.take(piece)
        return false
      }
      case callKind.refusal:
        this.#refused(readRecord(CallRefusal, bytes, view, start, end))
        return false
      case callKind.bound:
        return this.#bound(readRecord(CallBound, bytes, view, start, end))
      default:
        return false // of a later version, or of the pattern that shares the session
    }
  }

  #sendText(pending: Pending): void {
    if (pending.textSent) return
    pending.textSent = true
    sendText(this.#guaranteed, this.#bindingOf(pending.service), pending.service.codec.text)
  }

  /** The number of a service on this session: both sides may be clients, each with numbers of its own. */
  #bindingOf({ binding }: ClientService): number {
    return this.#sign > 0 ? binding : -1 - binding
  }

  #refused(refusal: CallRefusal): void {
    const { binding, method } = refusal
    const pending = this.#pending.get(binding)
    if (pending === undefined || !(method === '' || pending.service.methods.has(method))) return
    pending.refusals.set(method, receivedRefusal(refusal))
  }

  #bound({ binding, hash }: { binding: number; hash: Buffer }): boolean {
    const pending = this.#pending.get(binding)
    if (pending === undefined) return false
    this.#pending.delete(binding)
    const { service, refusals } = pending
    let whole = refusals.get('')
    let remote: RemoteService | undefined
    const isSame = hash.toString('hex') === service.codec.hash
    if (whole === undefined) {
      try {
        remote = service.codec.against(isSame ? service.codec.text : (pending.text ?? ''))
      } catch (cause) {
        whole = asRefusal(cause)
      }
    }
    for (const method of service.methods.values()) {
      this.methods[method.number] = agreed(method, remote, isSame, whole ?? refusals.get(method.codec.name))
    }
    return true
  }
}

function agreed(
  { codec, label }: ClientMethod,
  remote: RemoteService | undefined,
  isSame: boolean,
  refusal: Refusal | undefined,
): AgreedMethod {
  if (refusal !== undefined) return new AgreedMethod(undefined, refusal)
  const method = remote?.methods.get(codec.name)
  if (method === undefined) {
    return new AgreedMethod(undefined, {
      code: 'RIVULET_UNIMPLEMENTED',
      message: `the server has no ${label}`,
      issues: [],
    })
  }
  if (!isSame) {
    try {
      // now rather than at the first call, so that what does not fit is known from the beginning
      method.responseReader()
      method.errorReader()
    } catch (cause) {
      return new AgreedMethod(undefined, asRefusal(cause))
    }
  }
  return new AgreedMethod(method, undefined)
}
