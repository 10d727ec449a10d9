/**
 * The TypeScript compiler as a user of the package meets it: strict, `nodenext`, and through the declaration files.
 */
import { basename, join } from 'node:path'
import ts from 'typescript'
import { root } from '../../tools/build.js'

const strict: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [join(root, 'node_modules', '@types')],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
}

/** Checks programs and writes their JavaScript beside them; returns what the compiler says, by file. */
export function compile(files: readonly string[], options: ts.CompilerOptions = {}): Map<string, string[]> {
  const program = ts.createProgram({ rootNames: [...files], options: { ...strict, ...options }, host: hostOf(options) })
  const said = new Map<string, string[]>()
  for (const diagnostic of [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics]) {
    const file = diagnostic.file?.fileName ?? ''
    said.set(file, [...(said.get(file) ?? []), describe(diagnostic)])
  }
  return said
}

/** Declaration files that were read, by options and path: several programs of one process share them. */
const read = new Map<string, ts.SourceFile | undefined>()

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost({ ...strict, ...options })
  const { getSourceFile } = host
  host.getSourceFile = (path, version, ...rest) => {
    if (!path.endsWith('.d.ts')) return getSourceFile(path, version, ...rest)
    const format = typeof version === 'object' ? version.impliedNodeFormat : ''
    const key = `${format} ${path}`
    if (!read.has(key)) read.set(key, getSourceFile(path, version, ...rest))
    return read.get(key)
  }
  return host
}

function describe({ file, start, messageText }: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(messageText, '\n')
  if (file === undefined || start === undefined) return text
  const { line } = file.getLineAndCharacterOfPosition(start)
  return `${basename(file.fileName)}:${line + 1}: ${text}`
}
