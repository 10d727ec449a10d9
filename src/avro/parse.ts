/**
 * Parses and validates a schema: JSON in, nodes or `RIVULET_INVALID_SCHEMA` with the path of each issue out.
 *
 * Nothing of a schema is used before it went through here. One's own schema is held to more than a writer's: what
 * TypeScript could not type, or JavaScript could not tell apart, is refused, while a writer may be any Avro program.
 * It does not resolve one schema against another (`resolve.ts`).
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { type DefaultBudget, defaultBudget, defaultMaker, isObject } from './default-value.js'
import { schemaLimits } from './limits.js'
import { readLogical } from './logical-attributes.js'
import {
  definedName,
  fullName,
  isDottedName,
  isPrimitiveName,
  isSimpleName,
  namespaceOf,
  unqualified,
  whyNotTypeName,
} from './names.js'
import { brief, fieldPath, quote, summary } from './path.js'
import { branchName, type FieldNode, lookOf, type NamedNode, type RecordNode, type SchemaNode } from './schema-node.js'
import type { PrimitiveName } from './schema-types.js'

/** Whose schema it is. */
export type SchemaRole = 'own' | 'writer'

/** Stands for a schema that was refused, so that parsing continues and finds further issues. */
export const refusedNode: SchemaNode = { kind: 'null' }
const mostIssues = 20

/** How fields may be ordered when records are compared, which nothing here does (specification, Sort Order). */
const orders: ReadonlySet<unknown> = new Set(['ascending', 'descending', 'ignore'])

/** Whether every object has a property of this name: the libraries of some languages cannot tell those from their own. */
const isInherited = (name: string): boolean => name in Object.prototype
const hasEveryObject = 'is that of a property which every object of JavaScript has; choose another'

/** Types that are no names: a field with one of them has it as an object of its own. */
const needsObject: ReadonlySet<string> = new Set(['record', 'enum', 'fixed', 'array', 'map'])

/**
 * Returns the node of a schema.
 *
 * @param known - Named types of other schemas that this one may refer to, by full name.
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`.
 */
export function parseSchema(json: unknown, role: SchemaRole, known?: ReadonlyMap<string, NamedNode>): SchemaNode {
  const parser = new SchemaParser(role, known)
  const node = parser.parse(json, '', '', 0)
  const issues = parser.finish()
  if (issues.length > 0) throw invalidSchema(issues)
  return node
}

/**
 * Parses the JSON text of a schema.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, also for text that is too long or no JSON.
 */
export function parseSchemaText(text: string): unknown {
  return parseJson(text, schemaLimits.textBytes)
}

/**
 * Parses JSON text of at most so many bytes.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`.
 */
export function parseJson(text: string, textBytes: number): unknown {
  if (Buffer.byteLength(text) > textBytes) {
    throw invalidSchema([{ path: '', message: `the text is longer than ${textBytes} bytes` }])
  }
  try {
    return JSON.parse(text)
  } catch {
    throw invalidSchema([{ path: '', message: 'the text is not JSON' }]) // the cause would quote the text
  }
}

/** Returns the error for a schema with these issues. */
export function invalidSchema(issues: readonly Issue[], cause?: unknown): RivuletError {
  return new RivuletError('RIVULET_INVALID_SCHEMA', `Schema is not valid: ${summary(issues)}`, { issues, cause })
}

/** How much more may be parsed: shared by the parsers of one text, so that many parts cost no more than one. */
export interface Allowance {
  fields: number
  readonly mostFields: number
  readonly defaults: DefaultBudget
}

/** Returns the allowance of one text. */
export function newAllowance(mostFields: number = schemaLimits.fields): Allowance {
  return { fields: mostFields, mostFields, defaults: defaultBudget() }
}

/** Parses schemas that share their named types: those inside one schema, or inside a protocol. */
export class SchemaParser {
  /** The named types that were defined so far, by full name. */
  readonly defined = new Map<string, NamedNode>()
  readonly #own: boolean
  readonly #known: ReadonlyMap<string, NamedNode>
  readonly #allowance: Allowance
  readonly #issues: Issue[] = []
  readonly #defaults: { readonly field: FieldNode; readonly path: string }[] = []

  constructor(role: SchemaRole, known: ReadonlyMap<string, NamedNode> = new Map(), allowance = newAllowance()) {
    this.#own = role === 'own'
    this.#known = known
    this.#allowance = allowance
  }

  /** Returns the node of a schema; of an invalid one `refusedNode`, and `finish` has the issues. */
  parse(json: unknown, namespace: string, path: string, depth: number): SchemaNode {
    if (depth > schemaLimits.depth) return this.refuse(path, `types are nested more than ${schemaLimits.depth} deep`)
    if (typeof json === 'string') return this.#named(json, namespace, path)
    if (Array.isArray(json)) return this.#union(json, namespace, path, depth)
    if (!isObject(json)) return this.refuse(path, `expected a schema, received ${quote(json)}`)
    const { type } = json
    if (typeof type !== 'string') {
      if (this.#own && type !== undefined)
        return this.refuse(path, 'a type stands inside of a type; write the inner one alone')
      return this.parse(type, namespace, path, depth + 1)
    }
    if (isPrimitiveName(type)) {
      const kind = type as PrimitiveName
      return { kind, ...this.#logical(json, kind, path) }
    }
    switch (type) {
      case 'array':
        return { kind: 'array', items: this.parse(json.items, namespace, `${path}[]`, depth + 1) }
      case 'map':
        return { kind: 'map', values: this.parse(json.values, namespace, `${path}{}`, depth + 1) }
      case 'record':
      case 'error':
      case 'enum':
      case 'fixed':
        return this.#definition(json, type, namespace, path, depth)
      default:
        return this.refuse(path, `unknown type ${quote(type)}`)
    }
  }

  /** Checks the defaults, which may use types that were defined after them, and returns all issues. */
  finish(): readonly Issue[] {
    for (const { field, path } of this.#issues.length === 0 ? this.#defaults : []) {
      // a default of a later branch is legal since Avro 1.12, but older libraries would refuse what we send
      const first = this.#own && field.type.kind === 'union' ? field.type.branches[0] : undefined
      if (defaultMaker(first ?? field.type, field.default, 'number', this.#allowance.defaults) !== undefined) continue
      const what = first === undefined ? `type, ${field.type.kind}` : `union's first branch, ${branchName(first)}`
      this.refuse(path, `the default is not a value of its ${what}`)
    }
    return this.#issues
  }

  /** Adds an issue. */
  refuse(path: string, message: string): SchemaNode {
    if (this.#issues.length < mostIssues) this.#issues.push({ path: brief(path), message })
    return refusedNode
  }

  #named(name: string, namespace: string, path: string): SchemaNode {
    if (isPrimitiveName(name)) return { kind: name as PrimitiveName }
    const full = fullName(name, namespace)
    const hint = needsObject.has(name)
      ? `; write the ${name} as an object of its own, type: { type: '${name}', … }`
      : ''
    return this.defined.get(full) ?? this.#known.get(full) ?? this.refuse(path, `unknown type ${quote(name)}${hint}`)
  }

  #logical(json: Record<string, unknown>, kind: 'fixed' | PrimitiveName, path: string, size?: number) {
    const { refusal, ...annotation } = readLogical(json, kind, size)
    if (refusal === undefined) return annotation
    if (this.#own) this.refuse(path, refusal)
    return {} // the specification: an invalid logical type is ignored
  }

  #union(json: readonly unknown[], namespace: string, path: string, depth: number): SchemaNode {
    if (json.length === 0) return this.refuse(path, 'a union needs a branch')
    const branches = json.map((branch) => this.parse(branch, namespace, path, depth + 1))
    const names = new Set<string>()
    const looks = new Set<string>()
    let wrapped = false
    let numbers = 0
    for (const branch of branches) {
      if (branch.kind === 'union') return this.refuse(path, 'a union cannot directly contain a union')
      const name = branchName(branch)
      if (names.has(name) && this.#issues.length === 0) this.refuse(path, `a union has two branches ${quote(name)}`)
      if (this.#own && isInherited(name)) this.refuse(path, `the name of the branch ${quote(name)} ${hasEveryObject}`)
      names.add(name)
      const look = lookOf(branch)
      if (looks.has(look)) wrapped = true
      looks.add(look)
      if (look === 'number') numbers++
    }
    if (numbers > 1 && this.#own) {
      return this.refuse(path, 'values of a union of several number types cannot be distinguished; keep the widest')
    }
    return { kind: 'union', branches, wrapped }
  }

  #definition(
    json: Record<string, unknown>,
    type: 'record' | 'error' | 'enum' | 'fixed',
    enclosing: string,
    path: string,
    depth: number,
  ): SchemaNode {
    if (typeof json.name !== 'string') return this.refuse(path, `the ${type} has no name`)
    if (json.namespace !== undefined && !(json.namespace === '' || isNamespace(json.namespace))) {
      return this.refuse(path, `${quote(json.namespace)} is not a valid namespace`)
    }
    const name = definedName(json.name, json.namespace, enclosing)
    const objection = whyNotTypeName(name) ?? (name === '__proto__' ? 'is not a usable name' : undefined)
    if (objection !== undefined) return this.refuse(path, `${quote(name)} ${objection}`)
    if (this.defined.has(name)) return this.refuse(path, `${quote(name)} is defined twice`)
    const aliases = this.#aliases(json.aliases, path, isDottedName).map((alias) => fullName(alias, namespaceOf(name)))
    if (type === 'enum') return this.#enum(json, name, aliases, path)
    if (type === 'fixed') return this.#fixed(json, name, aliases, path)
    const record: RecordNode = { kind: 'record', name, aliases, fields: [] }
    this.defined.set(name, record)
    this.recordFields(json.fields, record, path, depth)
    return record
  }

  #enum(json: Record<string, unknown>, name: string, aliases: readonly string[], path: string): SchemaNode {
    const { symbols, default: fallback } = json
    if (!isStrings(symbols)) return this.refuse(path, 'the enum needs symbols, an array of strings')
    if (symbols.length === 0 && this.#own) this.refuse(path, 'the enum has no symbols')
    const wrong = symbols.find((symbol) => !isSimpleName(symbol))
    if (wrong !== undefined) this.refuse(path, `${quote(wrong)} is not a valid symbol`)
    const inherited = this.#own ? symbols.find(isInherited) : undefined
    if (inherited !== undefined) this.refuse(path, `the symbol ${quote(inherited)} ${hasEveryObject}`)
    if (new Set(symbols).size < symbols.length) this.refuse(path, 'the enum has a symbol twice')
    const known = typeof fallback === 'string' && symbols.includes(fallback)
    if (fallback !== undefined && !known) this.refuse(path, 'the default of the enum is not one of its symbols')
    const node: NamedNode = { kind: 'enum', name, aliases, symbols, ...(known ? { default: fallback } : {}) }
    this.defined.set(name, node)
    return node
  }

  #fixed(json: Record<string, unknown>, name: string, aliases: readonly string[], path: string): SchemaNode {
    const { size } = json
    if (!Number.isInteger(size) || Number(size) < 0 || Number(size) > schemaLimits.fixedBytes) {
      return this.refuse(path, `the size of a fixed must be an integer from 0 to ${schemaLimits.fixedBytes}`)
    }
    const annotation = this.#logical(json, 'fixed', path, Number(size))
    const node: NamedNode = { kind: 'fixed', name, aliases, size: Number(size), ...annotation }
    this.defined.set(name, node)
    return node
  }

  /** Fills a record with its fields, whose types stand in the namespace. */
  recordFields(
    fields: unknown,
    record: RecordNode,
    path: string,
    depth: number,
    namespace = namespaceOf(record.name),
  ): void {
    if (!Array.isArray(fields)) {
      this.refuse(path, 'the record needs fields, an array')
      return
    }
    this.#allowance.fields -= fields.length
    if (this.#allowance.fields < 0) {
      this.refuse(path, `there are more than ${this.#allowance.mostFields} fields`)
      return
    }
    const names = new Set<string>()
    for (const [index, json] of fields.entries()) {
      if (!isObject(json) || typeof json.name !== 'string' || !isSimpleName(json.name)) {
        this.refuse(path, `the field at position ${index} has no valid name`)
        continue
      }
      const { name } = json
      const at = fieldPath(path, name)
      if (names.has(name)) this.refuse(at, 'the record has this field twice')
      names.add(name)
      if (this.#own && name === '__proto__') this.refuse(at, 'a field of this name cannot be held by an object')
      if (this.#own && typeof json.type === 'string' && json.logicalType !== undefined) {
        const { type: plain, logicalType } = json
        this.refuse(
          at,
          `logicalType stands beside the type; write type: { type: '${plain}', logicalType: ${quote(logicalType)} }`,
        )
      }
      if (this.#own && json.order !== undefined && !orders.has(json.order)) {
        this.refuse(at, `order is ${[...orders].join(', ')}, not ${quote(json.order)}`)
      }
      const type = this.parse(json.type, namespace, at, depth + 1)
      const hasDefault = json.default !== undefined
      const aliases = this.#aliases(json.aliases, at, isSimpleName)
      const field: FieldNode = { name, aliases, type, hasDefault, default: json.default }
      if (hasDefault) this.#defaults.push({ field, path: at })
      record.fields.push(field)
    }
  }

  #aliases(aliases: unknown, path: string, rule: (text: string) => boolean): readonly string[] {
    if (aliases === undefined) return []
    if (isStrings(aliases) && aliases.every((alias) => rule(alias.replace(/^\./, '')))) return aliases
    this.refuse(path, 'the aliases must be an array of valid names')
    return []
  }
}

function isNamespace(value: unknown): value is string {
  return typeof value === 'string' && isDottedName(value) && unqualified(value) !== ''
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
