/**
 * Avro's rules for names and namespaces (specification, Names).
 *
 * Names reach generated code only as string literals, and registries only as keys of a `Map`, so `toString` and `constructor`
 * are names like others. `__proto__` is refused where values would carry it as a key.
 */

const nameRule = /^[A-Za-z_][A-Za-z0-9_]*$/
const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])
const constructors = new Set(['record', 'error', 'enum', 'fixed', 'array', 'map', 'union'])

/** Tells whether the text is the name of a primitive type. */
export const isPrimitiveName = (text: string): boolean => primitives.has(text)

/** Tells whether the text is one simple name. */
export const isSimpleName = (text: string): boolean => nameRule.test(text)

/** Tells whether the text is one or more simple names with points between them. */
export const isDottedName = (text: string): boolean => text.split('.').every(isSimpleName)

/** Returns the full name of a name that stands inside a namespace. */
export function fullName(name: string, namespace: string): string {
  if (name.startsWith('.')) return name.slice(1) // older writers mark a name without namespace so
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

/** Returns the namespace of a full name, which is empty if there is none. */
export function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

/** Returns a full name without its namespace. */
export function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** Tells why a full name cannot be given to a type, or `undefined` if it can. */
export function whyNotTypeName(name: string): string | undefined {
  if (!isDottedName(name)) return 'is not a valid name'
  if (primitives.has(unqualified(name))) return 'is the name of a primitive type'
  if (constructors.has(name)) return 'is a word of the schema language'
  return undefined
}

/** Returns the full name of a definition, its `name` and `namespace` taken together. */
export function definedName(name: string, namespace: unknown, enclosing: string): string {
  return fullName(name, typeof namespace === 'string' ? namespace : enclosing)
}
