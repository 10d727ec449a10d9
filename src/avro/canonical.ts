/**
 * The parsing canonical form of a schema (specification, Parsing Canonical Form), and a full form to compare definitions.
 *
 * The canonical form holds what decides the bytes, and leaves out defaults, aliases and logical types. Like Java's, it
 * calls an error a record.
 */
import { branchName, type NamedNode, type SchemaNode } from './schema-node.js'

/** Returns the parsing canonical form. */
export function canonicalForm(node: SchemaNode, written = new Set<string>()): string {
  const inner = (type: SchemaNode) => canonicalForm(type, written)
  switch (node.kind) {
    case 'array':
      return `{"type":"array","items":${inner(node.items)}}`
    case 'map':
      return `{"type":"map","values":${inner(node.values)}}`
    case 'union':
      return `[${node.branches.map(inner).join(',')}]`
    case 'record':
    case 'enum':
    case 'fixed':
      break
    default:
      return `"${node.kind}"`
  }
  if (written.has(node.name)) return `"${node.name}"`
  written.add(node.name)
  const head = `{"name":"${node.name}","type":"${node.kind}",`
  switch (node.kind) {
    case 'fixed':
      return `${head}"size":${node.size}}`
    case 'enum':
      return `${head}"symbols":[${node.symbols.map((symbol) => `"${symbol}"`).join(',')}]}`
    case 'record': {
      const fields = node.fields.map((field) => `{"name":"${field.name}","type":${inner(field.type)}}`)
      return `${head}"fields":[${fields.join(',')}]}`
    }
  }
}

/** Returns everything about a definition that matters to readers and writers; types that it names stand by name. */
export function definitionForm(node: NamedNode): string {
  const stated = 'stated' in node ? node.stated : undefined
  const own =
    node.kind === 'record'
      ? node.fields.map((field) => [
          field.name,
          field.aliases,
          referenceForm(field.type),
          field.hasDefault,
          field.default,
        ])
      : node.kind === 'enum'
        ? [node.symbols, node.default]
        : [node.size, stated]
  return JSON.stringify([node.kind, node.name, node.aliases, own])
}

/** Returns everything about a schema that matters to readers and writers: schemas of one form need no resolution. */
export function fullForm(node: SchemaNode): string {
  const forms = [JSON.stringify(referenceForm(node))]
  eachNamed(node, (named) => forms.push(definitionForm(named)))
  return forms.join('\n')
}

function referenceForm(node: SchemaNode): unknown {
  switch (node.kind) {
    case 'array':
      return ['array', referenceForm(node.items)]
    case 'map':
      return ['map', referenceForm(node.values)]
    case 'union':
      return ['union', node.branches.map(referenceForm)]
    default:
      return [branchName(node), 'stated' in node ? node.stated : undefined]
  }
}

/** Calls back for each named type of a schema, once each. */
export function eachNamed(node: SchemaNode, visit: (named: NamedNode) => void, seen = new Set<SchemaNode>()): void {
  if (seen.has(node)) return
  seen.add(node)
  if ('name' in node) visit(node)
  if (node.kind === 'array') eachNamed(node.items, visit, seen)
  if (node.kind === 'map') eachNamed(node.values, visit, seen)
  if (node.kind === 'union') for (const branch of node.branches) eachNamed(branch, visit, seen)
  if (node.kind === 'record') for (const field of node.fields) eachNamed(field.type, visit, seen)
}
