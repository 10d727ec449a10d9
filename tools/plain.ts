/**
 * Plain JavaScript of the sources and tests, in a folder of its own: Node runs it without a loader.
 *
 * A loader in each process of the tests costs more than most of them do. The folder mirrors the repository, so modules
 * find each other; it holds code and nothing else. It checks no types, and `dist` is made elsewhere: in `build.ts`.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './build.js'

const folders = ['src', 'patterns', 'examples', 'test', 'bench', 'tools']

/** How esbuild makes JavaScript of our sources for the tests: as tsx does. */
export const asTests = {
  absWorkingDir: root,
  outbase: root,
  platform: 'node',
  format: 'esm',
  target: 'es2023',
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  // the code does not name its map: Node would read every map before it is needed
  sourcemap: 'external',
} as const

/** Writes the JavaScript of every source file into a new folder, as tsx would run it; checks nothing. */
export function writePlain(): string {
  const parent = join(root, '.tap')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'js-'))
  buildSync({ ...asTests, entryPoints: folders.flatMap(sourcesUnder), outdir: folder })
  return folder
}

/** The source files under a folder of the repository, from its root. */
export function sourcesUnder(folder: string): string[] {
  return filesUnder(folder).filter((path) => path.endsWith('.ts'))
}

/** The files under a folder of the repository, from its root, without those of installed packages. */
export function filesUnder(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  // an application in it may have a link back to the repository among its packages
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return [path]
    return entry.isDirectory() && entry.name !== 'node_modules' ? filesUnder(path) : []
  })
}

/** The file in the folder for a source file of the repository. */
export function plainPath(folder: string, source: string): string {
  return join(folder, relative(root, resolve(root, source)).replace(/\.ts$/, '.js'))
}

/** Says a report's places in the folder as places in the sources. */
export function inSources(folder: string, report: string): string {
  const place = /(?:file:\/\/)?([\w./-]+\.js)(:|\n *lineNumber: )(\d+)(:|\n *columnNumber: )(\d+)/g
  return report.replace(place, (all, path: string, before: string, line: string, between: string, column: string) => {
    const file = resolve(root, path)
    if (!file.startsWith(folder) || !existsSync(`${file}.map`)) return all
    const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')))
    const origin = map.findEntry(Number(line) - 1, Number(column) - 1)
    if (!('originalLine' in origin)) return all
    const source = relative(root, resolve(file, '..', origin.originalSource))
    return `${source}${before}${origin.originalLine + 1}${between}${origin.originalColumn + 1}`
  })
}
