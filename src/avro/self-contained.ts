/**
 * Makes the JSON of a schema self-contained: definitions from other schemas stand where they are first used.
 *
 * It keeps everything else as the user wrote it, documentation and extensions too, since the text is what peers are
 * sent. It trusts its input, which `parse.ts` has accepted.
 */
import { isObject } from './default-value.js'
import { definedName, fullName, isPrimitiveName, namespaceOf, unqualified } from './names.js'

/** The definition of a named type as JSON, and the namespace it stands in. */
export interface Definition {
  readonly json: Readonly<Record<string, unknown>>
  readonly namespace: string
}

/** Returns the schema with each definition of `others` written out at its first use, and each only once. */
export function selfContained(json: unknown, others: ReadonlyMap<string, Definition>): unknown {
  return write(json, '', others, new Set())
}

/**
 * Returns the protocol with the definitions of `others` that it uses among its types, and each definition only once.
 *
 * A one-way message has the response null even if its author left it out, since some libraries refuse it without.
 */
export function selfContainedProtocol(
  protocol: Readonly<Record<string, unknown>>,
  others: ReadonlyMap<string, Definition>,
): unknown {
  const namespace = namespaceIn(protocol)
  const written = new Set<string>()
  const inner = (part: unknown) => write(part, namespace, others, written)
  const types = listOf(protocol.types).map(inner)
  const messages = Object.entries(isObject(protocol.messages) ? protocol.messages : {})
  const used = references(
    messages.map(([, message]) => partsOf(message)),
    namespace,
  )
  for (const name of used) if (others.has(name)) types.push(inner(marked(name)))
  const rewritten = messages.map(([name, message]): [string, unknown] => {
    if (!isObject(message)) return [name, message]
    const request = fieldsIn(message.request).map((field) => ({ ...field, type: inner(field.type) }))
    return [name, { ...message, request, response: inner(message.response ?? 'null') }]
  })
  // what is a name by now was written out before
  return { ...protocol, types: types.filter(isObject), messages: Object.fromEntries(rewritten) }
}

/** Returns the full names of the types that a schema refers to or defines. */
export function references(json: unknown, namespace: string, found = new Set<string>()): Set<string> {
  if (typeof json === 'string' && !isPrimitiveName(json)) found.add(fullName(json, namespace))
  if (Array.isArray(json)) for (const branch of json) references(branch, namespace, found)
  if (!isObject(json)) return found
  const { type } = json
  if (typeof type !== 'string') return references(type, namespace, found)
  if (type === 'array') return references(json.items, namespace, found)
  if (type === 'map') return references(json.values, namespace, found)
  if (!Array.isArray(json.fields)) return found
  const own = namespaceOf(definedName(String(json.name), json.namespace, namespace))
  for (const field of fieldsIn(json.fields)) references(field.type, own, found)
  return found
}

/** Returns the full names of the types that a protocol refers to and does not define among its types. */
export function protocolReferences(protocol: Readonly<Record<string, unknown>>): Set<string> {
  const namespace = namespaceIn(protocol)
  const found = references(listOf(protocol.types), namespace)
  const messages = Object.values(isObject(protocol.messages) ? protocol.messages : {})
  references(messages.map(partsOf), namespace, found)
  for (const name of collect(listOf(protocol.types), namespace).keys()) found.delete(name)
  return found
}

/** Returns the schemas inside a message of a protocol, in the order in which names are defined. */
function partsOf(message: unknown): readonly unknown[] {
  if (!isObject(message)) return []
  return [...fieldsIn(message.request).map((field) => field.type), message.response, listOf(message.errors)]
}

/** Returns the definitions inside a schema by full name. */
export function collect(json: unknown, namespace = '', found = new Map<string, Definition>()): Map<string, Definition> {
  if (Array.isArray(json)) for (const branch of json) collect(branch, namespace, found)
  if (!isObject(json)) return found
  const { type } = json
  if (typeof type !== 'string') return collect(type, namespace, found)
  if (type === 'array') return collect(json.items, namespace, found)
  if (type === 'map') return collect(json.values, namespace, found)
  if (isPrimitiveName(type)) return found
  const name = definedName(String(json.name), json.namespace, namespace)
  if (!found.has(name)) found.set(name, { json, namespace: namespaceOf(name) })
  for (const field of fieldsIn(json.fields)) collect(field.type, namespaceOf(name), found)
  return found
}

function write(
  json: unknown,
  namespace: string,
  others: ReadonlyMap<string, Definition>,
  written: Set<string>,
): unknown {
  const inner = (part: unknown, within = namespace) => write(part, within, others, written)
  if (Array.isArray(json)) return json.map((branch) => inner(branch))
  if (typeof json === 'string') {
    if (isPrimitiveName(json)) return json
    const name = fullName(json, namespace)
    const other = others.get(name)
    if (written.has(name) || other === undefined) return json
    return define(other.json, name, inner, written)
  }
  if (!isObject(json)) return json
  const { type } = json
  if (typeof type !== 'string') return { ...json, type: inner(type) }
  if (type === 'array') return { ...json, items: inner(json.items) }
  if (type === 'map') return { ...json, values: inner(json.values) }
  if (isPrimitiveName(type)) return json
  const name = definedName(String(json.name), json.namespace, namespace)
  if (written.has(name)) return marked(name)
  written.add(name)
  if (json.fields === undefined) return json
  return { ...json, fields: fieldsIn(json.fields).map((f) => ({ ...f, type: inner(f.type, namespaceOf(name)) })) }
}

/** Writes a definition of another schema with its whole name, since it now stands in another namespace. */
function define(
  json: Readonly<Record<string, unknown>>,
  name: string,
  inner: (part: unknown, within: string) => unknown,
  written: Set<string>,
): unknown {
  written.add(name)
  const { name: _name, namespace: _namespace, fields: _fields, ...rest } = json
  const namespace = namespaceOf(name)
  const head = { ...rest, name: unqualified(name), namespace }
  if (json.fields === undefined) return head
  return { ...head, fields: fieldsIn(json.fields).map((f) => ({ ...f, type: inner(f.type, namespace) })) }
}

/** A name without a namespace is marked, since inside another namespace it would mean another type. */
const marked = (name: string): string => (name.includes('.') ? name : `.${name}`)

function namespaceIn(protocol: Readonly<Record<string, unknown>>): string {
  return namespaceOf(definedName(String(protocol.protocol), protocol.namespace, ''))
}

function fieldsIn(fields: unknown): readonly Record<string, unknown>[] {
  return listOf(fields).filter(isObject)
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : []
}
