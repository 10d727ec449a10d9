/**
 * What a schema is called, so that a message finds those who consume its type: its full name and its aliases, or the type of
 * one without a name.
 *
 * Avro 1.12, "Schema Resolution" and "Aliases": named types match by name, others by their type.
 */

/** Returns the names of a schema by its text, which its writer may have made up. */
export function typeNames(text: string): readonly string[] {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch {
    return []
  }
  if (typeof schema === 'string') return [schema]
  if (Array.isArray(schema)) return ['union']
  if (typeof schema !== 'object' || schema === null) return []
  const { name, namespace, aliases, type } = schema as Record<string, unknown>
  if (typeof name !== 'string') return typeof type === 'string' ? [type] : []
  const space = typeof namespace === 'string' ? namespace : undefined
  const own = fullName(name, space)
  const others = Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : []
  const home = own.includes('.') ? own.slice(0, own.lastIndexOf('.')) : undefined
  return [own, ...others.map((alias: string) => fullName(alias, home))]
}

function fullName(name: string, space: string | undefined): string {
  return name.includes('.') || space === undefined || space === '' ? name : `${space}.${name}`
}
