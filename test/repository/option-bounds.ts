/**
 * The bounds that the rules of options have, read from the source, against those that docstrings name.
 *
 * A rule is found by the default that it takes: `integer({ min: 1, max: 64 * mebibyte, fallback: defaults.outboxBytes })`.
 */
import ts from 'typescript'
import { type DefaultUse, defaultOf } from '../../tools/docs/option-defaults.js'
import { isOptions } from '../../tools/docs/options-page.js'
import type { PublicSymbol } from '../../tools/docs/public-interface.js'
import { parse } from './sources.js'

/** The bounds of a rule, and the default that it takes. */
export interface RuleBounds {
  readonly file: string
  readonly key: string
  readonly min: number
  readonly max: number
}

interface SourceText {
  readonly path: string
  readonly text: string
}

const longestTimerMs = 2_147_483_647

/** The bounds of the rules `integer` and `milliseconds` that take a default of the table. */
export function readBounds(
  files: readonly SourceText[],
  table: Readonly<Record<string, string | number | boolean>>,
): RuleBounds[] {
  const parsed = files.map(({ path, text }) => ({ path, source: parse(path, text) }))
  const constants = new Map<string, ts.Expression>()
  for (const { path, source } of parsed) {
    eachNode(source, (node) => {
      if (!ts.isVariableDeclaration(node) || node.initializer === undefined) return
      const name = node.name.getText()
      for (const known of [`${path} ${name}`, name]) constants.set(known, node.initializer)
    })
  }
  const numberOf = (node: ts.Expression | undefined, path: string): number => {
    if (node === undefined) return Number.NaN
    if (ts.isNumericLiteral(node)) return Number(node.text.replaceAll('_', ''))
    if (ts.isPrefixUnaryExpression(node)) return -numberOf(node.operand, path)
    if (ts.isIdentifier(node)) return numberOf(constants.get(`${path} ${node.text}`) ?? constants.get(node.text), path)
    if (ts.isBinaryExpression(node)) {
      const [left, right] = [numberOf(node.left, path), numberOf(node.right, path)]
      if (node.operatorToken.kind === ts.SyntaxKind.AsteriskToken) return left * right
      return node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken ? left ** right : Number.NaN
    }
    const text = node.getText()
    return text === 'Number.POSITIVE_INFINITY' ? Number.POSITIVE_INFINITY : Number(table[text.replace('defaults.', '')])
  }
  return parsed.flatMap(({ path, source }) => {
    const found: RuleBounds[] = []
    eachNode(source, (node) => {
      if (!ts.isCallExpression(node) || !/^(?:integer|milliseconds)$/.test(node.expression.getText())) return
      const given = fieldsOf(node.arguments[0])
      const [, key] = /^defaults\.(\w+)/.exec(given.get('fallback')?.getText() ?? '') ?? []
      if (key === undefined) return
      const isTime = node.expression.getText() === 'milliseconds'
      const min = isTime ? 0 : numberOf(given.get('min'), path)
      const max = isTime && !given.has('max') ? longestTimerMs : numberOf(given.get('max'), path)
      found.push({ file: path, key, min, max })
    })
    return found
  })
}

/** Complains about options whose docstring does not name the bounds of their rule. */
export function checkBounds(
  symbols: readonly PublicSymbol[],
  uses: readonly DefaultUse[],
  bounds: readonly RuleBounds[],
): string[] {
  const complaints = symbols.filter(isOptions).flatMap(({ members }) =>
    members.flatMap((option) => {
      const key = defaultOf(option, uses)
      const rules = bounds.filter((one) => one.key === key)
      const rule = rules.find(({ file }) => file === option.file) ?? rules[0]
      if (rule === undefined || option.type !== 'number') return []
      const named = numbersIn(option.doc.text)
      const missing = [rule.min, rule.max].filter((bound) => !named.includes(bound))
      return missing.map((bound) => `${option.owner}.${option.name} does not name its bound ${bound}`)
    }),
  )
  return [...new Set(complaints)]
}

const units: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }
const dayMs = 86_400_000
const words: ReadonlyArray<readonly [text: string, value: number]> = [
  ['an hour', dayMs / 24],
  ['a day', dayMs],
  ['ten years', 3650 * dayMs],
  ['Infinity', Number.POSITIVE_INFINITY],
]

/** The numbers that a text names, in bytes or milliseconds. */
function numbersIn(text: string): number[] {
  const line = text.replaceAll(/\s+/g, ' ')
  const numbers = [...line.matchAll(/(-?\d[\d,]*)(?: ([KMGT]iB))?/g)].map(
    ([, digits = '', unit = '']) => Number(digits.replaceAll(',', '')) * (units[unit] ?? 1),
  )
  return [...numbers, ...words.filter(([word]) => line.includes(word)).map(([, value]) => value)]
}

function fieldsOf(node: ts.Node | undefined): Map<string, ts.Expression> {
  const fields = node !== undefined && ts.isObjectLiteralExpression(node) ? [...node.properties] : []
  return new Map(fields.filter(ts.isPropertyAssignment).map((one) => [one.name.getText(), one.initializer]))
}

function eachNode(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => eachNode(child, visit))
}
