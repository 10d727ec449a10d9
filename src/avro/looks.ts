/**
 * What values look like in JavaScript, as tests of values: the branch of an unwrapped union that a value belongs to.
 */
import type { LongMode } from './default-value.js'
import { lookOf, type SchemaNode } from './schema-node.js'
import { isPlain } from './write-primitives.js'

/** Returns the test of whether a value looks like one of the type. */
export function looker(node: SchemaNode, long: LongMode): (value: unknown) => boolean {
  const look = lookOf(node)
  switch (look) {
    case 'null':
      return (value) => value === null
    case 'number': {
      const type = node.kind === 'long' ? long : look
      return (value) => typeof value === type
    }
    case 'boolean':
    case 'string':
      return (value) => typeof value === look
    case 'date':
      return (value) => value instanceof Date
    case 'bytes':
      return (value) => value instanceof Uint8Array
    case 'array':
      return Array.isArray
    default:
      return isPlain
  }
}
