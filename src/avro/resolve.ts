/**
 * Schema resolution: how what was written with one schema is read with another (specification, Schema Resolution).
 *
 * It makes a plan, or `RIVULET_INCOMPATIBLE_SCHEMA` with the path of each field that cannot be read. A branch of the
 * writer's union, or a symbol of its enum, without a place in the reader's schema fails only when it arrives, unless no
 * other could arrive either. As in the Java implementation, a branch of the reader's union that is of the very same type
 * goes before one that needs a promotion.
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { schemaLimits } from './limits.js'
import { unqualified } from './names.js'
import { brief, fieldPath, quote, summary } from './path.js'
import type { Plan, RecordPlan } from './plan.js'
import {
  branchName,
  type EnumNode,
  type FieldNode,
  type Logical,
  leastBytes,
  type NamedNode,
  type PrimitiveNode,
  type RecordNode,
  type SchemaNode,
  type UnionNode,
} from './schema-node.js'
import type { PrimitiveName } from './schema-types.js'

const promotions: Readonly<Partial<Record<PrimitiveName, readonly string[]>>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

const missingField = 'the writer has no such field, and the reader has no default for it'

/** A plan, or why there is none. A type that occurs in several places has the path of the first. */
type Resolution = { readonly plan: Plan; readonly issues?: undefined } | { readonly issues: readonly Issue[] }

/** How many more pairs of types may be looked at: shared by the schemas of one protocol. */
export interface ResolutionBudget {
  steps: number
}

/**
 * Returns the plan for reading what was written with the writer's schema.
 *
 * @throws RivuletError `RIVULET_INCOMPATIBLE_SCHEMA`.
 */
export function resolve(
  writer: SchemaNode,
  reader: SchemaNode,
  budget: ResolutionBudget = { steps: schemaLimits.resolutionSteps },
): Plan {
  const resolution = new Resolver(budget).resolve(writer, reader, '')
  if (resolution.issues === undefined) return resolution.plan
  const { issues } = resolution
  const subject = `What is written as ${brief(branchName(writer))} cannot be read as ${branchName(reader)}`
  throw new RivuletError('RIVULET_INCOMPATIBLE_SCHEMA', `${subject}: ${summary(issues)}`, { issues })
}

interface RecordPair {
  readonly record: RecordPlan
  issues: readonly Issue[]
}

class Resolver {
  readonly #records = new Map<RecordNode, Map<RecordNode, RecordPair>>()
  readonly #least = new Map<SchemaNode, number>()
  readonly #budget: ResolutionBudget
  #pairs = 0

  constructor(budget: ResolutionBudget) {
    this.#budget = budget
  }

  resolve(writer: SchemaNode, reader: SchemaNode, path: string): Resolution {
    if (--this.#budget.steps < 0) return refusal(path, 'the two schemas are too much to resolve')
    if (writer.kind === 'union') return this.#writerUnion(writer, reader, path)
    if (reader.kind === 'union') return this.#readerUnion(writer, reader, path)
    if (writer.kind === 'record' && reader.kind === 'record') return this.#record(writer, reader, path)
    if (writer.kind === 'enum' && reader.kind === 'enum') return resolveEnum(writer, reader, path)
    if (writer.kind === 'array' && reader.kind === 'array') {
      const items = this.resolve(writer.items, reader.items, `${path}[]`)
      if (items.issues) return items
      return { plan: { op: 'array', items: items.plan, leastBytes: leastBytes(writer.items, this.#least) } }
    }
    if (writer.kind === 'map' && reader.kind === 'map') {
      const values = this.resolve(writer.values, reader.values, `${path}{}`)
      return values.issues ? values : { plan: { op: 'map', values: values.plan } }
    }
    return resolveScalar(writer, reader, path)
  }

  #writerUnion(writer: UnionNode, reader: SchemaNode, path: string): Resolution {
    let resolved = 0
    const plans = writer.branches.map((branch): Plan => {
      const resolution = this.resolve(branch, reader, path)
      if (resolution.issues) return unresolvable(resolution.issues)
      resolved++
      return resolution.plan
    })
    if (resolved > 0) return { plan: { op: 'branches', plans } }
    const names = writer.branches.map(branchName).join(', ')
    return refusal(path, `no branch of the writer's union of ${names} can be read as ${branchName(reader)}`)
  }

  #readerUnion(writer: SchemaNode, reader: UnionNode, path: string): Resolution {
    const same = reader.branches.filter((branch) => branchName(branch) === branchName(writer))
    const others = reader.branches.filter((branch) => branchName(branch) !== branchName(writer))
    let issues: readonly Issue[] | undefined
    for (const branch of [...same, ...others]) {
      const resolution = this.resolve(writer, branch, path)
      if (resolution.issues) {
        if (same.includes(branch)) issues = resolution.issues
        continue
      }
      const { plan } = resolution
      if (!reader.wrapped || branch.kind === 'null') return { plan }
      return { plan: { op: 'wrap', name: branchName(branch), plan } }
    }
    if (issues !== undefined) return { issues }
    const names = reader.branches.map(branchName).join(', ')
    return refusal(path, `the writer's ${branchName(writer)} fits no branch of the reader's union of ${names}`)
  }

  #record(writer: RecordNode, reader: RecordNode, path: string): Resolution {
    if (!namesMatch(writer, reader)) return namesDiffer(writer, reader, path)
    const byReader = this.#records.get(writer) ?? new Map<RecordNode, RecordPair>()
    this.#records.set(writer, byReader)
    let pair = byReader.get(reader)
    if (pair === undefined) {
      if (++this.#pairs > schemaLimits.fields) return refusal(path, 'the two schemas are too much to resolve')
      pair = { record: { steps: [], fields: reader.fields, unresolvable: undefined }, issues: [] }
      byReader.set(reader, pair) // before its fields: a record inside itself finds its own plan
      pair.issues = this.#fields(writer, reader, pair.record, path)
      pair.record.unresolvable = pair.issues[0]
    }
    if (pair.issues.length > 0) return { issues: pair.issues }
    return { plan: { op: 'record', record: pair.record } }
  }

  #fields(writer: RecordNode, reader: RecordNode, record: RecordPlan, path: string): readonly Issue[] {
    const targets = matchFields(writer, reader)
    const issues: Issue[] = []
    for (const field of writer.fields) {
      const index = targets.get(field)
      const target = index === undefined ? undefined : reader.fields[index]
      if (index === undefined || target === undefined) {
        record.steps.push({ skip: field.type })
        continue
      }
      const resolution = this.resolve(field.type, target.type, fieldPath(path, target.name))
      if (resolution.issues) issues.push(...resolution.issues)
      else record.steps.push({ plan: resolution.plan, field: index })
    }
    const present = new Set(targets.values())
    for (const [index, field] of reader.fields.entries()) {
      if (present.has(index) || field.hasDefault) continue
      issues.push({ path: fieldPath(path, field.name), message: missingField })
    }
    return issues
  }
}

/** For each field of the writer, the index of the reader's field: by name, else by an alias of the reader's. */
function matchFields(writer: RecordNode, reader: RecordNode): Map<FieldNode, number> {
  const writers = new Map(writer.fields.map((field) => [field.name, field]))
  const targets = new Map<FieldNode, number>()
  const aliased: number[] = []
  for (const [index, field] of reader.fields.entries()) {
    const source = writers.get(field.name)
    if (source === undefined) aliased.push(index)
    else targets.set(source, index)
  }
  for (const index of aliased) {
    for (const alias of reader.fields[index]?.aliases ?? []) {
      const source = writers.get(alias)
      if (source === undefined || targets.has(source)) continue
      targets.set(source, index)
      break
    }
  }
  return targets
}

function resolveEnum(writer: EnumNode, reader: EnumNode, path: string): Resolution {
  if (!namesMatch(writer, reader)) return namesDiffer(writer, reader, path)
  const known = new Set(reader.symbols)
  const symbols = writer.symbols.map((symbol) => (known.has(symbol) ? symbol : reader.default))
  if (symbols.length > 0 && symbols.every((symbol) => symbol === undefined)) {
    return refusal(path, `the reader's enum ${reader.name} has none of the writer's symbols, and no default`)
  }
  return { plan: { op: 'enum', symbols, path } }
}

function resolveScalar(writer: SchemaNode, reader: SchemaNode, path: string): Resolution {
  const [from, to] = [statedType(writer), statedType(reader)]
  if (from !== undefined && to !== undefined && from !== to) {
    return refusal(path, `the writer's logical type ${quote(from)} is not the reader's ${quote(to)}`)
  }
  if (writer.kind === 'fixed' && reader.kind === 'fixed') {
    if (!namesMatch(writer, reader)) return namesDiffer(writer, reader, path)
    if (writer.size !== reader.size) {
      return refusal(path, `the writer's fixed has ${writer.size} bytes, the reader's ${reader.size}`)
    }
    return { plan: { op: 'fixed', size: writer.size, ...conversion(reader.logical) } }
  }
  if (isPrimitive(writer) && isPrimitive(reader)) {
    if (writer.kind === reader.kind || promotions[writer.kind]?.includes(reader.kind)) {
      return { plan: { op: 'scalar', wire: writer.kind, as: reader.kind, ...conversion(reader.logical) } }
    }
  }
  return refusal(path, `the writer's ${branchName(writer)} cannot be read as ${branchName(reader)}`)
}

function isPrimitive(node: SchemaNode): node is PrimitiveNode {
  return !('name' in node || 'items' in node || 'values' in node || 'branches' in node)
}

const statedType = (node: SchemaNode): string | undefined => ('stated' in node ? node.stated : undefined)

const conversion = (logical: Logical | undefined) => (logical === undefined ? {} : { logical })

function namesMatch(writer: NamedNode, reader: NamedNode): boolean {
  const name = unqualified(writer.name)
  return unqualified(reader.name) === name || reader.aliases.some((alias) => unqualified(alias) === name)
}

function namesDiffer(writer: NamedNode, reader: NamedNode, path: string): Resolution {
  return refusal(
    path,
    `the writer's ${writer.kind} ${writer.name} is not the reader's ${reader.name}, nor an alias of it`,
  )
}

function refusal(path: string, message: string): Resolution {
  return { issues: [{ path, message: brief(message) }] }
}

function unresolvable(issues: readonly Issue[]): Plan {
  const { path, message } = issues[0] ?? { path: '', message: '' }
  return { op: 'unresolvable', path, reason: message }
}
