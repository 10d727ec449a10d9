/**
 * The error that the services of this package declare for what they refuse: a record of a code and a message.
 *
 * What is refused, and why, is up to the pattern.
 */
import { isDeclaredError, type Service } from '../avro/index.js'
import { maxReceivedCharacters, type RivuletError, receivedError } from '../errors/index.js'

/** The refusals of one service. */
export class Refusals<Method extends string> {
  readonly #service: Service
  readonly #name: string

  /** @param name - The name of the declared error. */
  constructor(service: Service, name: string) {
    this.#service = service
    this.#name = name
  }

  /** Returns an error as the other side gets it; internal details stay here. */
  errorOf(method: Method, { code, message }: RivuletError): Error {
    const shown = message.slice(0, maxReceivedCharacters).toWellFormed()
    return this.#service.error(method, this.#name, { code, message: shown })
  }

  /** Returns the refusal of the other side as an error of this one; any other cause as it is. */
  causeOf(method: Method, cause: unknown): unknown {
    if (!isDeclaredError(this.#service, method, cause)) return cause
    const { code, message } = cause.value as { readonly code: string; readonly message: string }
    return receivedError(code, message)
  }
}
