/**
 * The form of source files: names, length, the comment at the top, and no way around the type checker or the linter.
 *
 * Each check takes files and returns complaints. The linter holds the rest of the style.
 */
import ts from 'typescript'
import { parse, type SourceFile } from './sources.js'

/** A file longer than this has more than one role. */
export const maxLines = 350

const emptyNames = ['utils', 'util', 'helpers', 'helper', 'common', 'types', 'misc', 'shared']

/** Complains about names that say nothing, also as the name of a folder. */
export function checkNames(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.split('/').some((part) => emptyNames.includes(part.replace(/(\.test|\.d)?\.ts$/, ''))))
    .map(({ path }) => `${path}: the name says nothing; name it after its main export`)
}

/** Complains about long files. */
export function checkLength(files: readonly SourceFile[]): string[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > maxLines)
    .map(({ path, lines }) => `${path}: ${lines} lines, more than ${maxLines}`)
}

/** Complains about files that do not open with a doc comment. */
export function checkOpening(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ text }) => !/^(#!.*\n)?\s*\/\*\*\s*(\*\s+)?[^\s*/]/.test(text))
    .map(({ path }) => `${path}: does not open with a doc comment that says what it is`)
}

/** Complains about default exports. */
export function checkDefaultExports(files: readonly SourceFile[]): string[] {
  return eachNode(files, (node) => {
    const isDefault =
      (ts.isExportAssignment(node) && !node.isExportEquals) ||
      (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) ||
      (ts.isExportSpecifier(node) && node.name.text === 'default')
    return isDefault ? 'has a default export' : undefined
  })
}

/**
 * Complains about `any` and about comments that silence the compiler or the linter, if no reason stands with them.
 *
 * The reason of a silencing comment follows its own words; that of `any` is a comment on its line or on the line above.
 */
export function checkEscapes(files: readonly SourceFile[]): string[] {
  const silenced = files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const match = /(@ts-(?:ignore|expect-error|nocheck)|biome-ignore(?:-all|-start|-end)?\s+[\w/]+)\s*:?\s*(.*)/.exec(
        line,
      )
      if (match === null || hasWords(match[2] ?? '')) return []
      return [`${path}:${index + 1}: ${match[1]} without a reason`]
    }),
  )
  const anys = eachNode(files, (node, file) => {
    if (node.kind !== ts.SyntaxKind.AnyKeyword) return
    const lines = file.text.split('\n')
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line
    const above = lines[line - 1]?.trim() ?? ''
    const hasReason = /\/\/.*\w/.test(lines[line] ?? '') || /^(\/\/|\*|\/\*)/.test(above)
    return hasReason ? undefined : 'uses any without a reason'
  })
  return [...silenced, ...anys]
}

function hasWords(text: string): boolean {
  return text.replaceAll('*/', '').trim().split(/\s+/).length >= 3
}

function eachNode(
  files: readonly SourceFile[],
  check: (node: ts.Node, file: ts.SourceFile) => string | undefined,
): string[] {
  return files.flatMap(({ path, text }) => {
    const file = parse(path, text)
    const complaints: string[] = []
    const visit = (node: ts.Node): void => {
      const complaint = check(node, file)
      if (complaint !== undefined) {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
        complaints.push(`${path}:${line + 1}: ${complaint}`)
      }
      ts.forEachChild(node, visit)
    }
    visit(file)
    return complaints
  })
}
