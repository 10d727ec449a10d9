/**
 * Parses and validates a protocol: JSON in, the nodes of each method or `RIVULET_INVALID_SCHEMA` out.
 *
 * One's own protocol is right as a whole or refused, with the path of each issue. Of a peer's, a message that cannot be
 * used spoils only itself: its peer may be newer. Schemas inside are parsed by `parse.ts`.
 */
import type { RivuletError } from '../errors/index.js'
import { isObject } from './default-value.js'
import { protocolLimits } from './limits.js'
import { definedName, isDottedName, namespaceOf } from './names.js'
import { invalidSchema, newAllowance, refusedNode, SchemaParser, type SchemaRole } from './parse.js'
import { type MethodNode, parseMessage } from './parse-message.js'
import { quote } from './path.js'
import type { NamedNode } from './schema-node.js'

/** A protocol, parsed. */
export interface ProtocolNode {
  /** The full name. */
  readonly name: string
  /** The types that were defined, by full name. */
  readonly types: ReadonlyMap<string, NamedNode>
  /** The methods by name. */
  readonly methods: ReadonlyMap<string, MethodNode>
  /** The methods of a peer that cannot be used, each with its `RIVULET_INVALID_SCHEMA`. */
  readonly broken: ReadonlyMap<string, RivuletError>
}

/**
 * Returns the parsed protocol.
 *
 * @param known - Named types of other schemas that this one may refer to, by full name.
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`.
 */
export function parseProtocol(json: unknown, role: SchemaRole, known?: ReadonlyMap<string, NamedNode>): ProtocolNode {
  const allowance = newAllowance(protocolLimits.fields)
  const parser = new SchemaParser(role, known, allowance)
  if (!isObject(json)) throw invalidSchema([{ path: '', message: `expected a protocol, received ${quote(json)}` }])
  const name = parseName(json, parser)
  const namespace = namespaceOf(name)
  parseTypes(json.types, namespace, parser)
  const messages = messagesOf(json.messages, parser)
  const methods = new Map<string, MethodNode>()
  const broken = new Map<string, RivuletError>()
  if (role === 'own') {
    for (const [method, message] of messages) methods.set(method, parseMessage(parser, role, method, message, name))
  }
  const issues = parser.finish()
  if (issues.length > 0) throw invalidSchema(issues)
  const types = new Map(parser.defined)
  for (const [method, message] of role === 'own' ? [] : messages) {
    const alone = new SchemaParser(role, types, allowance)
    const parsed = parseMessage(alone, role, method, message, name)
    const wrong = alone.finish()
    if (wrong.length > 0) {
      broken.set(method, invalidSchema(wrong))
      continue
    }
    methods.set(method, parsed)
    for (const [type, node] of alone.defined) types.set(type, node) // a message may define what later ones use
  }
  return { name, types, methods, broken }
}

function parseName(json: Record<string, unknown>, parser: SchemaParser): string {
  const { protocol, namespace } = json
  if (typeof protocol !== 'string' || !isDottedName(protocol)) {
    parser.refuse('protocol', `the protocol needs a valid name, received ${quote(protocol)}`)
    return ''
  }
  if (namespace !== undefined && namespace !== '' && !(typeof namespace === 'string' && isDottedName(namespace))) {
    parser.refuse('namespace', `${quote(namespace)} is not a valid namespace`)
    return ''
  }
  return definedName(protocol, namespace, '')
}

function parseTypes(types: unknown, namespace: string, parser: SchemaParser): void {
  if (types === undefined) return
  if (!Array.isArray(types)) {
    parser.refuse('types', 'the types must be an array of definitions')
    return
  }
  for (const [index, type] of types.entries()) {
    const path = `types[${index}]`
    if (isObject(type)) {
      const node = parser.parse(type, namespace, path, 0)
      if ('name' in node || node === refusedNode) continue
    }
    parser.refuse(path, 'expected the definition of a record, error, enum or fixed')
  }
}

function messagesOf(messages: unknown, parser: SchemaParser): [string, unknown][] {
  if (!isObject(messages)) {
    parser.refuse('messages', 'the protocol needs messages, an object')
    return []
  }
  const entries = Object.entries(messages)
  if (entries.length <= protocolLimits.messages) return entries
  parser.refuse('messages', `there are more than ${protocolLimits.messages} messages`)
  return []
}
