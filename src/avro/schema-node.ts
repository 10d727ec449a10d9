/**
 * The parsed form of a schema: a graph of nodes, names resolved, that the generators walk.
 *
 * Made by `parse.ts` alone, so whatever holds a node holds a valid schema. It knows nothing of JSON or of code.
 */
import type { PrimitiveName } from './schema-types.js'

/** A logical type that changes how values look in JavaScript. */
export type Logical =
  | { readonly kind: 'timestamp-millis' | 'date' | 'uuid' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }

interface Annotated {
  /** The logical type as stated, with precision and scale, also one that is not converted: what resolution compares. */
  readonly stated?: string
  /** The conversion to apply. */
  readonly logical?: Logical
}

/** A primitive type. */
export interface PrimitiveNode extends Annotated {
  readonly kind: PrimitiveName
}

/** A fixed. */
export interface FixedNode extends Annotated {
  readonly kind: 'fixed'
  readonly name: string
  readonly aliases: readonly string[]
  readonly size: number
}

/** An enum. */
export interface EnumNode {
  readonly kind: 'enum'
  readonly name: string
  readonly aliases: readonly string[]
  readonly symbols: readonly string[]
  readonly default?: string
}

/** A field; `default` is JSON, and there is one exactly if `hasDefault`. */
export interface FieldNode {
  readonly name: string
  readonly aliases: readonly string[]
  readonly type: SchemaNode
  readonly hasDefault: boolean
  readonly default: unknown
}

/** A record; its fields are filled in after it was made, since it may contain itself. */
export interface RecordNode {
  readonly kind: 'record'
  readonly name: string
  readonly aliases: readonly string[]
  readonly fields: FieldNode[]
}

/** An array. */
export interface ArrayNode {
  readonly kind: 'array'
  readonly items: SchemaNode
}

/** A map. */
export interface MapNode {
  readonly kind: 'map'
  readonly values: SchemaNode
}

/** A union; `wrapped` if its values are written as `{ name: value }` to tell the branches apart. */
export interface UnionNode {
  readonly kind: 'union'
  readonly branches: readonly SchemaNode[]
  readonly wrapped: boolean
}

/** Any type that has a name. */
export type NamedNode = RecordNode | EnumNode | FixedNode

/** Any type. */
export type SchemaNode = PrimitiveNode | NamedNode | ArrayNode | MapNode | UnionNode

/** Returns the name under which a wrapped union holds this branch: the full name, or the kind of an unnamed type. */
export function branchName(node: SchemaNode): string {
  return 'name' in node ? node.name : node.kind
}

/** What a value of a type looks like in JavaScript, as far as it distinguishes the branches of a union. */
export type Look = 'null' | 'boolean' | 'number' | 'string' | 'date' | 'bytes' | 'array' | 'object' | 'union'

/** Returns what values of the type look like; a union with two branches of one look is wrapped. */
export function lookOf(node: SchemaNode): Look {
  if ('logical' in node && node.logical !== undefined) {
    return node.logical.kind === 'timestamp-millis' ? 'date' : 'string'
  }
  switch (node.kind) {
    case 'null':
    case 'boolean':
    case 'string':
    case 'array':
    case 'union':
      return node.kind
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number'
    case 'bytes':
    case 'fixed':
      return 'bytes'
    case 'enum':
      return 'string'
    case 'record':
    case 'map':
      return 'object'
  }
}

/**
 * Returns the least number of bytes that a value takes.
 *
 * A type takes either at least one byte or never any: nothing else can be empty. The bound of arrays rests on this.
 */
export function leastBytes(node: SchemaNode, known = new Map<SchemaNode, number>()): number {
  switch (node.kind) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return node.size
    case 'record': {
      const before = known.get(node)
      if (before !== undefined) return before
      known.set(node, 0) // a record inside itself: the sum below stays a lower bound
      let sum = 0
      for (const field of node.fields) sum += leastBytes(field.type, known)
      known.set(node, sum)
      return sum
    }
    default:
      return 1
  }
}
