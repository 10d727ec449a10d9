/**
 * The repository as the checks see it: its source files and what each of them imports.
 *
 * Imports are read with the TypeScript compiler's parser, so comments and strings cannot pose as one. It judges nothing:
 * `fences.ts` and `form.ts` do.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'
import { root } from '../../tools/build.js'
import { filesUnder } from '../../tools/plain.js'

/** One name of an import, or `*` for the whole module, also for `import()` and `require()`. */
export interface ImportedName {
  readonly name: string
  /** Whether only a type is taken: nothing is loaded for it. */
  readonly typeOnly: boolean
}

/** One import, re-export, `import()`, `require()` or `import('…')` type. */
export interface Import {
  readonly specifier: string
  /** Empty for an import for its side effects. */
  readonly names: readonly ImportedName[]
  readonly line: number
  /** Whether it is loaded when the code runs, and not with the file: `import()`. */
  readonly deferred: boolean
}

/** A source file: its path from the repository's root with `/`, its text, its imports. */
export interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

/** All TypeScript files below the given folders of the repository, sorted by path. */
export function readSources(...folders: string[]): SourceFile[] {
  return folders
    .flatMap((folder) => listFiles(folder, '.ts'))
    .sort()
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** The paths of all files with this ending below a folder of the repository, from its root. */
export function listFiles(folder: string, ending: string): string[] {
  return filesUnder(folder)
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith(ending))
    .sort()
}

/** The pages below docs that are written by hand: not those that TypeDoc makes, from the repository's root. */
export function guidePaths(): string[] {
  return listFiles('docs', '.md').filter((path) => !/^docs\/(api|reference\/api|\.vitepress)\//.test(path))
}

/** The text of all pages below a folder of docs, in the order of their paths. */
export function guideText(folder: string): string {
  return guidePaths()
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n')
}

/** Reads the imports of one file. */
export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, imports: importsOf(parse(path, text)) }
}

/** Parses a file, with parents set. */
export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
}

/** The path of the file that a relative specifier names: `./codes.js` is `codes.ts` beside the importer. */
export function resolveRelative(from: string, specifier: string): string {
  return posix.join(dirname(from), specifier).replace(/\.js$/, '.ts')
}

function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, specifier: ts.Node | undefined, names: ImportedName[], deferred = false): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
    found.push({ specifier: specifier.text, names, line, deferred })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, importedNames(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, exportedNames(node))
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, [{ name: '*', typeOnly: true }])
    } else if (ts.isExternalModuleReference(node)) add(node, node.expression, [{ name: '*', typeOnly: false }])
    else if (ts.isCallExpression(node) && loads(node.expression)) {
      const deferred = node.expression.kind === ts.SyntaxKind.ImportKeyword
      add(node, node.arguments[0], [{ name: '*', typeOnly: false }], deferred)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function importedNames(clause: ts.ImportClause | undefined): ImportedName[] {
  if (clause === undefined) return []
  const typeOnly = clause.phaseModifier === ts.SyntaxKind.TypeKeyword
  const names: ImportedName[] = clause.name === undefined ? [] : [{ name: 'default', typeOnly }]
  const bindings = clause.namedBindings
  if (bindings === undefined) return names
  if (ts.isNamespaceImport(bindings)) return [...names, { name: '*', typeOnly }]
  return [...names, ...bindings.elements.map((element) => specifierName(element, typeOnly))]
}

function exportedNames(node: ts.ExportDeclaration): ImportedName[] {
  const clause = node.exportClause
  if (clause === undefined || ts.isNamespaceExport(clause)) return [{ name: '*', typeOnly: node.isTypeOnly }]
  return clause.elements.map((element) => specifierName(element, node.isTypeOnly))
}

function specifierName(element: ts.ImportSpecifier | ts.ExportSpecifier, typeOnly: boolean): ImportedName {
  return { name: (element.propertyName ?? element.name).text, typeOnly: typeOnly || element.isTypeOnly }
}

/** Whether a callee is `import`, `require` or `require.resolve`. */
function loads(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true
  if (ts.isPropertyAccessExpression(callee))
    return ts.isIdentifier(callee.expression) && callee.expression.text === 'require'
  return ts.isIdentifier(callee) && callee.text === 'require'
}
