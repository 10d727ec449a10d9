/**
 * The plan of a reader: how each part of what was written becomes a part of the value.
 *
 * `resolve.ts` makes it of a writer's and a reader's schema; `generate-read.ts` makes code of it, `interpret-read.ts`
 * closures. For one schema alone
 * the writer and the reader are the same, and nothing is converted.
 */
import type { Issue } from '../errors/index.js'
import type { FieldNode, Logical, SchemaNode } from './schema-node.js'
import type { PrimitiveName } from './schema-types.js'

/** How one type is read. */
export type Plan =
  /** A primitive, promoted from `wire` to `as`. */
  | { readonly op: 'scalar'; readonly wire: PrimitiveName; readonly as: PrimitiveName; readonly logical?: Logical }
  | { readonly op: 'fixed'; readonly size: number; readonly logical?: Logical }
  /** The symbol for each index of the writer; `undefined` where the reader has none. */
  | { readonly op: 'enum'; readonly symbols: readonly (string | undefined)[]; readonly path: string }
  | { readonly op: 'array'; readonly items: Plan; readonly leastBytes: number }
  | { readonly op: 'map'; readonly values: Plan }
  | { readonly op: 'record'; readonly record: RecordPlan }
  /** A union of the writer: a plan for each branch. */
  | { readonly op: 'branches'; readonly plans: readonly Plan[] }
  /** A branch of a wrapped union of the reader. */
  | { readonly op: 'wrap'; readonly name: string; readonly plan: Plan }
  /** A value that the reader has no place for: reading it fails. */
  | { readonly op: 'unresolvable'; readonly path: string; readonly reason: string }

/** How a record is read; filled in after it was made, since a record may contain itself. */
export interface RecordPlan {
  /** What the writer wrote, in its order. */
  readonly steps: RecordStep[]
  /** The fields of the value, in the reader's order. */
  readonly fields: readonly FieldNode[]
  /** Why the record cannot be read after all; it is then part of a branch that fails when it arrives. */
  unresolvable: Issue | undefined
}

/** One field of the writer: read into the field at an index of the reader's, or skipped. */
export type RecordStep = { readonly plan: Plan; readonly field: number } | { readonly skip: SchemaNode }

/** Why a symbol of the writer's enum cannot be read. */
export const missingSymbol = 'the reader has no such symbol of the enum, and no default'
