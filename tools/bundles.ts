/**
 * The modules that almost every test loads, in few files beside the plain JavaScript of the tests.
 *
 * tap, RxJS and this package are hundreds of small files each, and to find and read them costs a process more than most
 * tests do. The code is the packages' own. The examples start many processes; they import this package in the same way.
 */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './build.js'
import { asTests, plainPath, sourcesUnder } from './plain.js'

/** CommonJS inside of a module has no `require` for Node's own modules. */
const requireOfModule =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url)"

/** Writes the bundles into a folder of plain JavaScript. */
export function writeBundles(folder: string): void {
  writeSources(folder)
  const modules = join(folder, 'node_modules')
  // tap leaves frames of packages with this scope out of the traces that it prints
  write(join(modules, '@tapjs', 'tap'), "export * from 'tap'; export { default } from 'tap'")
  symlinkSync(join('@tapjs', 'tap'), join(modules, 'tap'), 'dir')
  write(join(modules, 'rxjs'), `export { ${namesOf('rxjs')} } from 'rxjs'`)
  const examples = join(folder, 'examples')
  if (existsSync(examples)) writePackage(examples)
}

/**
 * Joins the modules of each folder of `src` and `patterns` into one. In the place of each stays a module that passes on its
 * names, so that tests and their programs import them as before, and a process holds each of them once.
 */
function writeSources(folder: string): void {
  const sources = ['src', 'patterns'].flatMap(sourcesUnder).filter((source) => !isWhole(source))
  const options = { ...asTests, entryPoints: sources, outdir: folder }
  const { outputs } = buildSync({ ...options, write: false, metafile: true }).metafile
  const joined = new Map<string, string>()
  for (const [index, { entryPoint, exports }] of Object.values(outputs).entries()) {
    if (entryPoint === undefined || exports.length === 0) continue
    const all = join(folder, dirname(entryPoint), 'all.js')
    const pass = (names: string[], from: string): string => `export { ${names.join(', ')} } from '${from}'\n`
    const unique = (name: string): string => `${name}$${index}`
    const names = exports.map((name) => `${name} as ${unique(name)}`)
    joined.set(all, (joined.get(all) ?? '') + pass(names, join(root, entryPoint)))
    writeFileSync(
      plainPath(folder, entryPoint),
      pass(
        exports.map((name) => `${unique(name)} as ${name}`),
        './all.js',
      ),
    )
  }
  for (const [all, text] of joined) writeFileSync(all, text)
  buildSync({
    ...asTests,
    entryPoints: [...joined.keys()],
    bundle: true,
    splitting: true,
    // else a class that names itself is called `_Name`
    keepNames: true,
    packages: 'external',
    outbase: folder,
    outdir: folder,
    chunkNames: 'src/chunks/[hash]',
    allowOverwrite: true,
  })
}

/** Whether a module keeps its code: a program, which a process runs, and an umbrella, which has no code. */
function isWhole(source: string): boolean {
  return /^(?:#!|export \* from)/m.test(readFileSync(join(root, source), 'utf8'))
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
