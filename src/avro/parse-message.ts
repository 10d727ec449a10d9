/**
 * Parses a message of a protocol: its request, response and errors, and the attributes that make it a method.
 *
 * The specification knows calls and one-way messages; `x-stream` and `x-idempotent` are attributes of Rivulet, which
 * other programs ignore. `parse-protocol.ts` decides what an invalid message spoils.
 */
import { isObject } from './default-value.js'
import { isSimpleName, namespaceOf } from './names.js'
import { refusedNode, type SchemaParser, type SchemaRole } from './parse.js'
import { brief, quote } from './path.js'
import type { MethodShape } from './protocol-types.js'
import type { RecordNode, SchemaNode, UnionNode } from './schema-node.js'

/** A method, parsed. */
export interface MethodNode {
  readonly name: string
  /** `other` for one that only a newer peer knows. */
  readonly shape: MethodShape | 'other'
  readonly idempotent: boolean
  readonly request: RecordNode
  readonly response: SchemaNode
  /** The specification's effective union: string, then the declared errors. */
  readonly errors: UnionNode
  /** The declared errors as they were written, in the order of the union. */
  readonly errorNames: readonly string[]
}

/**
 * Names that no method can have, since an object with such a member is not what it seems: to the language, to a promise
 * that resolves with it, or to `JSON.stringify`. `docs/schemas/types.md` lists them.
 */
export const reservedMethods: ReadonlySet<string> = new Set([
  ...['__proto__', '__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__'],
  ...['constructor', 'prototype', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable'],
  ...['toString', 'toLocaleString', 'valueOf', 'toJSON', 'then'],
])

const streams = ['server', 'client', 'duplex'] as const

/**
 * Returns a message of a protocol, parsed; what is wrong is an issue of the parser.
 *
 * @param parser - It knows the types of the protocol.
 * @param protocol - The full name of the protocol.
 */
export function parseMessage(
  parser: SchemaParser,
  role: SchemaRole,
  name: string,
  json: unknown,
  protocol: string,
): MethodNode {
  return new MessageParser(parser, role).parse(name, json, protocol)
}

class MessageParser {
  readonly #parser: SchemaParser
  readonly #own: boolean

  constructor(parser: SchemaParser, role: SchemaRole) {
    this.#parser = parser
    this.#own = role === 'own'
  }

  parse(name: string, json: unknown, protocol: string): MethodNode {
    const namespace = namespaceOf(protocol)
    const path = `messages.${brief(name)}`
    // no type can have this name, so nothing is taken for it
    const request: RecordNode = { kind: 'record', name: `${protocol}.${name}()`, aliases: [], fields: [] }
    const message = isObject(json) ? json : {}
    if (!isObject(json)) this.#parser.refuse(path, `expected a message, received ${quote(json)}`)
    else if (this.#own) this.#checkName(name, path)
    if (Array.isArray(message.request)) {
      this.#parser.recordFields(message.request, request, `${path}.request`, 0, namespace)
    } else if (isObject(json)) this.#parser.refuse(path, 'the message needs a request, an array of fields')
    const shape = this.#shape(message, path)
    const idempotent = message['x-idempotent'] ?? false
    if (this.#own && typeof idempotent !== 'boolean') this.#parser.refuse(path, 'x-idempotent must be a boolean')
    const response = this.#response(message, shape, namespace, path)
    return {
      name,
      shape,
      idempotent: idempotent === true,
      request,
      response,
      ...this.#errors(message, shape, namespace, path),
    }
  }

  #checkName(name: string, path: string): void {
    if (!isSimpleName(name)) this.#parser.refuse(path, `${quote(name)} is not a valid name`)
    else if (reservedMethods.has(name)) this.#parser.refuse(path, 'the name is reserved')
  }

  #shape(message: Record<string, unknown>, path: string): MethodNode['shape'] {
    const { 'one-way': oneWay = false, 'x-stream': stream } = message
    if (typeof oneWay !== 'boolean') this.#parser.refuse(path, 'one-way must be a boolean')
    if (oneWay === true) {
      if (stream !== undefined) this.#parser.refuse(path, 'a one-way message cannot be a stream')
      return 'one-way'
    }
    if (stream === undefined) return 'unary'
    const known = streams.find((one) => one === stream)
    if (known === undefined && this.#own) {
      this.#parser.refuse(path, `x-stream must be one of ${streams.join(', ')}, received ${quote(stream)}`)
    }
    return known ?? 'other'
  }

  #response(message: Record<string, unknown>, shape: string, namespace: string, path: string): SchemaNode {
    const { response } = message
    if (shape !== 'one-way') {
      if (response !== undefined) return this.#parser.parse(response, namespace, `${path}.response`, 0)
      if (Array.isArray(message.request)) this.#parser.refuse(path, 'the message needs a response')
    } else if (
      response !== undefined &&
      this.#parser.parse(response, namespace, `${path}.response`, 0).kind !== 'null'
    ) {
      this.#parser.refuse(`${path}.response`, 'the response of a one-way message must be null')
    }
    return { kind: 'null' }
  }

  #errors(message: Record<string, unknown>, shape: string, namespace: string, path: string) {
    const { errors = [] } = message
    const branches: SchemaNode[] = [{ kind: 'string' }]
    const errorNames: string[] = []
    if (!Array.isArray(errors)) this.#parser.refuse(`${path}.errors`, 'the errors must be an array of names')
    for (const [index, error] of Array.isArray(errors) ? errors.entries() : []) {
      const at = `${path}.errors[${index}]`
      if (typeof error !== 'string' && this.#own) {
        this.#parser.refuse(at, `expected the name of a type, received ${quote(error)}`)
        continue
      }
      const node = this.#parser.parse(error, namespace, at, 0)
      if (node.kind === 'record') {
        if (branches.includes(node)) this.#parser.refuse(at, 'the message has this error twice')
        branches.push(node)
        errorNames.push(typeof error === 'string' ? error : node.name)
      } else if (node !== refusedNode) this.#parser.refuse(at, 'is not the name of an error or a record')
    }
    if (shape === 'one-way' && branches.length > 1) this.#parser.refuse(path, 'a one-way message cannot have errors')
    return { errors: { kind: 'union', branches, wrapped: true } satisfies UnionNode, errorNames }
  }
}
