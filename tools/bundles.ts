/**
 * Packages that almost every test loads, each as one file beside the plain JavaScript of the tests.
 *
 * tap and RxJS are hundreds of small files, and to find and read them costs a process more than most tests do. The code is
 * the packages' own. The examples import the build, which lies elsewhere; they share the RxJS that it imports.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
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
  mkdirSync(join(folder, 'examples', 'node_modules'), { recursive: true })
  symlinkSync(join(root, 'node_modules', 'rxjs'), join(folder, 'examples', 'node_modules', 'rxjs'), 'dir')
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
