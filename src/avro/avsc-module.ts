/**
 * Makes TypeScript modules of `.avsc` and `.avpr` files: the schema or the protocol as a literal. It touches no files.
 *
 * The same input gives the same text. Files that use named types of others are put in order, and say `types`.
 */
import { isRivuletError } from '../errors/index.js'
import { eachNamed } from './canonical.js'
import { isObject } from './default-value.js'
import { protocolLimits, schemaLimits } from './limits.js'
import { isSimpleName, unqualified } from './names.js'
import { parseJson, parseSchema } from './parse.js'
import { parseProtocol } from './parse-protocol.js'
import type { NamedNode } from './schema-node.js'
import { collect, protocolReferences, references } from './self-contained.js'

/** A file to convert. */
export interface AvscFile {
  /** Where it came from, for messages. */
  readonly path: string
  /** The name of its module. */
  readonly name: string
  /** Its content. */
  readonly text: string
}

interface Unit extends AvscFile {
  readonly json: unknown
  /** Whether it is a protocol; what one defines is for itself alone. */
  readonly isProtocol: boolean
  readonly identifier: string
  readonly defines: ReadonlySet<string>
  readonly uses: ReadonlySet<string>
}

/** Options of the conversion. */
export interface AvscModuleOptions {
  /** What an Avro long is in JavaScript. */
  readonly long: 'number' | 'bigint'
  /** Whether each file becomes a module of its own; else there is one module with all. */
  readonly separate: boolean
}

const reserved = new Set(
  'break case catch class const continue debugger default delete do else enum export extends false finally for function if import in instanceof new null return super switch this throw true try typeof var void while with yield let static await implements interface package private protected public any boolean number string symbol undefined never unknown object bigint Infer defineSchema defineService'.split(
    ' ',
  ),
)

/**
 * Returns the modules for files.
 *
 * @throws Error A message that starts with the path of the file, and what is wrong in it.
 */
export function avscModules(files: readonly AvscFile[], options: AvscModuleOptions): { name: string; text: string }[] {
  const units = files.map(readUnit)
  assertDistinct(units, (unit) => unit.identifier, 'define')
  if (options.separate) assertDistinct(units, (unit) => unit.name, 'would be written to')
  const ordered = inOrder(units)
  const known = new Map<string, NamedNode>()
  for (const { unit } of ordered) {
    blame(unit, () => {
      if (unit.isProtocol) parseProtocol(unit.json, 'own', known)
      else eachNamed(parseSchema(unit.json, 'own', known), (node) => known.set(node.name, node))
    })
  }
  if (options.separate) {
    return ordered.map(({ unit, needs }) => {
      const imports = needs.map((need) => `import { ${need.identifier} } from './${need.name}.js'\n`).join('')
      return { name: unit.name, text: `${head([unit])}${imports}\n${definition(unit, needs, options)}` }
    })
  }
  const definitions = ordered.map(({ unit, needs }) => definition(unit, needs, options)).join('\n')
  return [{ name: '', text: `${head(ordered.map(({ unit }) => unit))}\n${definitions}` }]
}

function readUnit(file: AvscFile): Unit {
  const json = blame(file, () => parseJson(file.text, protocolLimits.textBytes))
  const isProtocol = isObject(json) && typeof json.protocol === 'string'
  const name = isProtocol ? json.protocol : isObject(json) && 'type' in json ? json.name : undefined
  const identifier = typeof name === 'string' ? unqualified(name) : pascal(file.name)
  if (!isSimpleName(identifier) || reserved.has(identifier)) {
    throw new Error(`${file.path}: ${JSON.stringify(identifier)} cannot be the name of a constant in TypeScript`)
  }
  if (isProtocol) return { ...file, json, isProtocol, identifier, defines: new Set(), uses: protocolReferences(json) }
  blame(file, () => parseJson(file.text, schemaLimits.textBytes))
  const defines = new Set(collect(json).keys())
  return { ...file, json, isProtocol, identifier, defines, uses: references(json, '') }
}

/** Puts what is needed first; a file that needs itself through others has no place. */
function inOrder(units: readonly Unit[]): { unit: Unit; needs: Unit[] }[] {
  const ordered = new Map<Unit, Unit[]>()
  const open = new Set<Unit>()
  const place = (unit: Unit): void => {
    if (ordered.has(unit)) return
    if (open.has(unit)) throw new Error(`${unit.path}: the schemas of these files need one another in a circle`)
    open.add(unit)
    const wanted = [...unit.uses].filter((name) => !unit.defines.has(name))
    const needs = units.filter((other) => other !== unit && wanted.some((name) => other.defines.has(name)))
    for (const need of needs) place(need)
    ordered.set(unit, needs)
  }
  for (const unit of units) place(unit)
  return [...ordered].map(([unit, needs]) => ({ unit, needs }))
}

function head(units: readonly Unit[]): string {
  const sources = units.map((unit) => `${unit.name}.${unit.isProtocol ? 'avpr' : 'avsc'}`).join(', ')
  const [protocol, schema] = [true, false].map((kind) => units.some((unit) => unit.isProtocol === kind))
  const names = [...(schema ? ['defineSchema'] : []), ...(protocol ? ['defineService'] : [])]
  const imports = [...names, ...(schema ? ['type Infer'] : [])].join(', ')
  return `// Made by \`rivulet avsc\` from ${sources}: do not edit.\nimport { ${imports} } from 'rivulet/avro'\n`
}

function definition(unit: Unit, needs: readonly Unit[], { long }: AvscModuleOptions): string {
  const { identifier } = unit
  // in a literal, a plain key __proto__ would set the prototype
  const literal = JSON.stringify(unit.json, undefined, 2).replace(/^( *)"__proto__":/gm, '$1["__proto__"]:')
  const types = needs.length === 0 ? [] : [`types: [${needs.map((need) => need.identifier).join(', ')}]`]
  const options = [...types, ...(long === 'bigint' ? ["long: 'bigint'"] : [])]
  const last = options.length === 0 ? '' : `, { ${options.join(', ')} }`
  if (unit.isProtocol) return `export const ${identifier} = defineService(${literal}${last})\n`
  return `export const ${identifier} = defineSchema(${literal}${last})\n\nexport type ${identifier} = Infer<typeof ${identifier}>\n`
}

function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function assertDistinct(units: readonly Unit[], key: (unit: Unit) => string, verb: string): void {
  const seen = new Map<string, Unit>()
  for (const unit of units) {
    const other = seen.get(key(unit))
    if (other !== undefined) throw new Error(`${unit.path}: it and ${other.path} both ${verb} ${key(unit)}`)
    seen.set(key(unit), unit)
  }
}

function blame<T>(file: AvscFile, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    throw isRivuletError(cause) ? new Error(`${file.path}: ${cause.message}`, { cause }) : cause
  }
}
