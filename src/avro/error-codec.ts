/**
 * The codec of the errors that a method declares: named values here, the specification's union of string on the wire.
 *
 * An undeclared failure of a handler is no value of it: the call reports it in another form.
 */
import { RivuletError } from '../errors/index.js'
import type { ReadValue, WriteValue } from './codec.js'
import {
  type DeclaredError,
  type ErrorOrigin,
  isDeclared,
  isDeclaredBy,
  isOfVersion,
  makeDeclaredError,
} from './declared-error.js'
import type { LongMode } from './default-value.js'
import { explainValue } from './explain-value.js'
import { lazily } from './lazily.js'
import { LazyCodec } from './lazy-codec.js'
import type { MethodNode } from './parse-message.js'
import { quote } from './path.js'
import { branchName, type SchemaNode } from './schema-node.js'
import type { ErrorCodec, ErrorValue } from './service-codec.js'
import { refuse } from './write-primitives.js'

/** Returns the codec of the errors of a method. */
export function errorCodec(method: MethodNode, origin: ErrorOrigin, long: LongMode): ErrorCodec {
  return new UnionCodec(method, origin, long)
}

/** Returns a reader of named errors, from one that reads the union of the method. */
export function errorReader(method: MethodNode, read: ReadValue<unknown>): ReadValue<ErrorValue> {
  const names = new Map(declared(method).map(({ name, node }) => [branchName(node), name]))
  return (bytes, view, cursor, end) => {
    // the union is a wrapped one whatever its branches: its value is an object with one key
    const [branch = '', value] = Object.entries(read(bytes, view, cursor, end) as object)[0] ?? []
    return { errorName: names.get(branch), value }
  }
}

class UnionCodec implements ErrorCodec {
  readonly names: readonly string[]
  readonly write: WriteValue<ErrorValue>
  readonly #read: () => ReadValue<ErrorValue>
  readonly #origin: ErrorOrigin
  readonly #nodes: ReadonlyMap<unknown, SchemaNode>
  readonly #long: LongMode

  constructor(method: MethodNode, origin: ErrorOrigin, long: LongMode) {
    const union = new LazyCodec(method.errors, long)
    const nodes = new Map(declared(method).map(({ name, node }) => [name, node]))
    this.names = method.errorNames
    this.write = (error, bytes, view, position, end) => {
      const node = nodes.get(error.errorName ?? '')
      if (node === undefined) return refuse()
      return union.write({ [branchName(node)]: error.value }, bytes, view, position, end)
    }
    this.#read = lazily(() => errorReader(method, union.read))
    this.#origin = origin
    this.#nodes = nodes
    this.#long = long
  }

  get read(): ReadValue<ErrorValue> {
    return this.#read()
  }

  explain(error: unknown): RivuletError {
    try {
      return this.#explain(error as ErrorValue)
    } catch (cause) {
      // a getter or a proxy of the error threw
      const message = `the error of ${this.#origin.service}.${this.#origin.method} threw an error while it was read`
      return new RivuletError('RIVULET_INVALID_MESSAGE', message, { issues: [{ path: '', message }], cause })
    }
  }

  make(errorName: string, value: unknown): DeclaredError {
    return makeDeclaredError(this.#origin, errorName, value)
  }

  matches(error: unknown): error is DeclaredError {
    try {
      return isDeclaredBy(this.#origin, error) && this.names.includes(error.errorName)
    } catch {
      return false
    }
  }

  describeForeign(error: unknown): string | undefined {
    try {
      return this.#describeForeign(error)
    } catch {
      return undefined
    }
  }

  #explain({ errorName, value }: ErrorValue): RivuletError {
    const node = this.#nodes.get(errorName)
    if (node !== undefined) return explainValue(node, value, this.#long)
    const message = `${this.#origin.service}.${this.#origin.method} declares no error ${quote(errorName)}`
    return new RivuletError('RIVULET_INVALID_MESSAGE', message, { issues: [{ path: '', message }] })
  }

  #describeForeign(error: unknown): string | undefined {
    if (this.matches(error) || !isDeclared(error)) return undefined
    const { service, method } = this.#origin
    const { errorName } = error
    const what = `${errorName} of ${error.service}.${error.method}`
    const isOfService = error.service === service
    if (isOfService && !isOfVersion(this.#origin, error)) return `${what} in another version of the service`
    if (isOfService && this.names.includes(errorName)) {
      return `${what}; its own is made with error('${method}', '${errorName}', …)`
    }
    return `${what}, which ${service}.${method} does not declare`
  }
}

/** The declared errors of a method, each under the name that it is declared by. */
function declared(method: MethodNode): { readonly name: string; readonly node: SchemaNode }[] {
  const [, ...nodes] = method.errors.branches // the first is the string
  return nodes.map((node, index) => ({ name: method.errorNames[index] ?? '', node }))
}
