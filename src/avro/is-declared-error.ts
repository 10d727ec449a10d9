/** `isDeclaredError`: how a caller recognises the errors that a method declares. */
import type { ErrorNames, ErrorsOf, MethodNames, Service } from './service.js'
import { serviceOf } from './service-codec.js'

/**
 * Tells whether an error is one that the method declares; narrows to the union of those, or to the one that is named.
 *
 * It also knows errors of another copy of the package, but not those of another version of the service.
 *
 * @param service - The service that was called.
 * @param method - The name of the method.
 * @param error - What the call failed with: any value.
 * @param errorName - The name of one error, as `errors` of the method has it; any of them, if it is left out.
 * @example
 * ```ts
 * import { defineService, isDeclaredError } from 'rivulet/avro'
 *
 * const Quotes = defineService({
 *   protocol: 'Quotes',
 *   types: [{ type: 'error', name: 'UnknownSymbol', fields: [{ name: 'symbol', type: 'string' }] }],
 *   messages: {
 *     last: { request: [{ name: 'symbol', type: 'string' }], response: 'double', errors: ['UnknownSymbol'] },
 *   },
 * })
 * const error: unknown = Quotes.error('last', 'UnknownSymbol', { symbol: 'ACME' })
 * if (isDeclaredError(Quotes, 'last', error)) console.log(error.errorName, error.value.symbol)
 * ```
 */
export function isDeclaredError<
  S extends Service,
  Method extends MethodNames<S>,
  Name extends ErrorNames<S, Method> = ErrorNames<S, Method>,
>(service: S, method: Method, error: unknown, errorName?: Name): error is ErrorsOf<S, Method, Name> {
  if (!serviceOf(service).methods.get(method)?.errors.matches(error)) return false
  return errorName === undefined || (error as { errorName?: unknown }).errorName === errorName
}
