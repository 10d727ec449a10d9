/**
 * Packages that almost every test loads, in few files beside the plain JavaScript of the tests.
 *
 * tap and RxJS are hundreds of small files, and to find and read them costs a process more than most tests do. The code is
 * the packages' own. The examples start many processes; they import this package in the same way.
 */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './build.js'

/** CommonJS inside of a module has no `require` for Node's own modules. */
const requireOfModule =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url)"

/** Writes the packages into a folder of plain JavaScript. */
export function writeBundles(folder: string): void {
  const modules = join(folder, 'node_modules')
  // tap leaves frames of packages with this scope out of the traces that it prints
  write(join(modules, '@tapjs', 'tap'), "export * from 'tap'; export { default } from 'tap'")
  symlinkSync(join('@tapjs', 'tap'), join(modules, 'tap'), 'dir')
  write(join(modules, 'rxjs'), `export { ${namesOf('rxjs')} } from 'rxjs'`)
  const examples = join(folder, 'examples')
  if (existsSync(examples)) writePackage(examples)
}

/** Writes this package, and the RxJS that it shares with its users, where the examples find them. */
function writePackage(examples: string): void {
  // a package of their own, or Node would take the import of `rivulet` for one of itself
  writeFileSync(join(examples, 'package.json'), '{ "type": "module" }')
  const place = join(examples, 'node_modules', 'rivulet')
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const built = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.default]))
  buildSync({
    absWorkingDir: root,
    entryPoints: built.map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts')),
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2023',
    outbase: root,
    outdir: join(place, 'dist'),
  })
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest))
  symlinkSync(join('..', '..', 'node_modules', 'rxjs'), join(examples, 'node_modules', 'rxjs'), 'dir')
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

function write(place: string, contents: string): void {
  buildSync({
    stdin: { contents, resolveDir: root },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: requireOfModule },
    outfile: join(place, 'index.js'),
  })
  writeFileSync(join(place, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
}

/** The names that a CommonJS package exports: a bundle of it does not show them. */
function namesOf(name: string): string {
  return Object.keys(createRequire(import.meta.url)(name)).join(', ')
}
