/**
 * Makes the JSON of a schema self-contained: definitions from other schemas stand where they are first used.
 *
 * It keeps everything else as the user wrote it, documentation and extensions too, since the text is what peers are
 * sent. It trusts its input, which `parse.ts` has accepted.
 */
import { isObject } from './default-source.js'
import { definedName, fullName, isPrimitiveName, namespaceOf, unqualified } from './names.js'

/** The definition of a named type as JSON, and the namespace it stands in. */
export interface Definition {
  readonly json: Readonly<Record<string, unknown>>
  readonly namespace: string
}

/** Returns the schema with each definition of `others` written out at its first use, and each only once. */
export function selfContained(json: unknown, others: ReadonlyMap<string, Definition>): unknown {
  return write(json, '', others, new Set(collect(json).keys()), new Set())
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
  for (const field of fieldsOf(json)) collect(field.type, namespaceOf(name), found)
  return found
}

function write(
  json: unknown,
  namespace: string,
  others: ReadonlyMap<string, Definition>,
  local: ReadonlySet<string>,
  written: Set<string>,
): unknown {
  const inner = (part: unknown, within = namespace) => write(part, within, others, local, written)
  if (Array.isArray(json)) return json.map((branch) => inner(branch))
  if (typeof json === 'string') {
    if (isPrimitiveName(json)) return json
    const name = fullName(json, namespace)
    const other = others.get(name)
    if (written.has(name) || local.has(name) || other === undefined) return json
    return define(other.json, name, inner, written)
  }
  if (!isObject(json)) return json
  const { type } = json
  if (typeof type !== 'string') return { ...json, type: inner(type) }
  if (type === 'array') return { ...json, items: inner(json.items) }
  if (type === 'map') return { ...json, values: inner(json.values) }
  if (isPrimitiveName(type)) return json
  const name = definedName(String(json.name), json.namespace, namespace)
  if (written.has(name)) return reference(name)
  written.add(name)
  if (json.fields === undefined) return json
  return { ...json, fields: fieldsOf(json).map((f) => ({ ...f, type: inner(f.type, namespaceOf(name)) })) }
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
  return { ...head, fields: fieldsOf(json).map((f) => ({ ...f, type: inner(f.type, namespace) })) }
}

/** A name without a namespace is marked, since inside another namespace it would mean another type. */
const reference = (name: string): string => (name.includes('.') ? name : `.${name}`)

function fieldsOf(json: Readonly<Record<string, unknown>>): readonly Record<string, unknown>[] {
  return Array.isArray(json.fields) ? json.fields : []
}
