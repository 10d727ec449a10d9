/**
 * The package as it is published: packed, unpacked beside its declared dependencies alone, and used from outside.
 *
 * The dependencies are links to those of this repository, so that no registry is asked; one that package.json does not
 * declare is not there, and its import fails.
 */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'
import t from 'tap'
import ts from 'typescript'
import { build, root } from '../../tools/build.js'
import { complaint, type Ended, run, runModule } from '../child-process.js'
import { entries, type Manifest, manifest } from './manifest.js'
import { compile } from './type-check.js'

const timeoutMs = 60_000

t.before(build)

t.test('the packed package', async (t) => {
  const folder = t.testdir({ app: { node_modules: {}, 'package.json': '{ "private": true }' } })
  const app = join(folder, 'app')
  const modules = join(app, 'node_modules')
  const installed = join(modules, manifest.name)

  // The build is done; `prepack` would do it again under the other tests.
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    timeoutMs,
  })
  t.equal(complaint(packed), undefined)
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }]
  mkdirSync(installed)
  const tar = ['-xzf', join(folder, filename), '--strip-components=1', '-C', installed]
  t.equal(complaint(await run('tar', tar, { cwd: folder, timeoutMs })), undefined)
  const published: Manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const needed = Object.keys({ ...published.dependencies, ...published.peerDependencies })
  for (const name of needed) link(modules, name)

  await t.test('holds the library, its sources and pages, and nothing else', async (t) => {
    const paths = files.map(({ path }) => path)
    for (const path of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) t.ok(paths.includes(path), path)
    t.ok(paths.some((path) => path.startsWith('dist/src/avro/')))
    const others = paths.filter(
      (path) => !/^((dist\/)?(src|patterns)\/|docs\/(?!\.vitepress|reference\/api)|[^/]+$)/.test(path),
    )
    t.strictSame(others, [])
    t.strictSame(
      paths.filter((path) => /(^|\/)(test|bench|examples|tools)\/|\.test\./.test(path)),
      [],
    )
    t.strictSame(
      paths.filter((path) => path.startsWith('docs/') && !/\.(md|svg|avsc|avpr)$/.test(path)),
      [],
    )
  })

  await t.test('ships the sources that its source maps name', async (t) => {
    const paths = new Set(files.map(({ path }) => path))
    const maps = [...paths].filter((path) => path.endsWith('.map'))
    t.ok(maps.length > 100)
    const missing = maps.flatMap((path) => {
      const { sources } = JSON.parse(readFileSync(join(installed, path), 'utf8')) as { sources: string[] }
      return sources.map((source) => posix.join(posix.dirname(path), source)).filter((source) => !paths.has(source))
    })
    t.strictSame(missing, [])
  })

  await t.test('ships what its README links to', async (t) => {
    const text = readFileSync(join(installed, 'README.md'), 'utf8')
    const links = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) => target)
    t.ok(links.length > 40)
    const paths = new Set(files.map(({ path }) => path))
    t.strictSame(
      links.filter((target) => !/^[a-z]+:/.test(target) && !paths.has(target)),
      [],
    )
  })

  await t.test('has declarations that compilers before TypeScript 5.7 read', async (t) => {
    const declarations = files.map(({ path }) => path).filter((path) => path.endsWith('.d.ts'))
    t.ok(declarations.length > 0)
    const generic = declarations.filter((path) =>
      /\b(Buffer|DataView|Uint8Array)</.test(readFileSync(join(installed, path), 'utf8')),
    )
    t.strictSame(generic, [], 'views of bytes take no type argument there')
  })

  await t.test('is imported', async (t) => {
    const text = entries.map(
      (entry, index) =>
        `import * as m${index} from '${entry}'\nif (Object.keys(m${index}).length === 0) process.exit(1)`,
    )
    t.equal(complaint(await runModule(text.join('\n'), app)), undefined)
  })

  await t.test('is required', async (t) => {
    const text = `for (const entry of ${JSON.stringify(entries)}) if (Object.keys(require(entry)).length === 0) process.exit(1)`
    writeFileSync(join(app, 'required.cjs'), text)
    const args = ['--no-warnings', 'required.cjs']
    t.equal(complaint(await run(process.execPath, args, { cwd: app, timeoutMs })), undefined)
  })

  // one program of the compiler: the declaration files are read and checked once
  const programs = {
    'program.mts': program,
    'calls.mts': calls,
    'wrong.mts': program.replace('price: 1.5', "price: 'high'"),
    'wrong-calls.mts': calls.replace('b: 2', "b: 'two'"),
    'common.cts': "import avro = require('rivulet/avro')\nexport = avro.defineSchema({ type: 'string' })\n",
  }
  const paths = Object.entries(programs).map(([name, text]) => {
    writeFileSync(join(app, name), text)
    return join(app, name)
  })
  // as TypeScript 6 has it by default: the declarations bring the types of Node
  const compiled = compile(paths, { types: [] })
  const errorsOf = (name: string): readonly string[] => compiled.get(join(app, name)) ?? []

  await t.test('moves messages, by a program that strict TypeScript accepts', async (t) => {
    t.strictSame(errorsOf('program.mts'), [])
    const ended: Ended = await run(process.execPath, ['program.mjs'], { cwd: app, timeoutMs })
    t.equal(complaint(ended), undefined)
    t.equal(ended.stdout, 'ACME 1.5\n')
  })

  await t.test('makes calls, by a program that strict TypeScript accepts', async (t) => {
    t.strictSame(errorsOf('calls.mts'), [])
    const ended: Ended = await run(process.execPath, ['calls.mjs'], { cwd: app, timeoutMs })
    t.equal(complaint(ended), undefined)
    t.equal(ended.stdout, '3 RIVULET_DEADLINE_EXCEEDED\n')
  })

  await t.test('is type-checked from CommonJS', async (t) => {
    t.strictSame(errorsOf('common.cts'), [])
  })

  await t.test('has declarations without errors', async (t) => {
    const others = [...compiled].filter(([path]) => !paths.includes(path))
    t.strictSame(others, [])
  })

  await t.test('refuses what TypeScript should refuse', async (t) => {
    for (const name of ['wrong.mts', 'wrong-calls.mts']) t.equal(errorsOf(name).length, 1, name)
  })

  await t.test('is bundled without its native libraries, as the page of installation says', async (t) => {
    const bundle = join(app, 'bundle.mjs')
    const options: BuildOptions = { bundle: true, platform: 'node', format: 'esm', external: ['zeromq', 'lmdb'] }
    buildSync({ ...options, entryPoints: [join(app, 'program.mjs')], outfile: bundle })
    const ended = await run(process.execPath, [bundle], { cwd: app, timeoutMs })
    t.equal(complaint(ended), undefined)
    t.equal(ended.stdout, 'ACME 1.5\n')
  })

  await t.test('keeps what is inside inside', async (t) => {
    const ended = await runModule(`import '${manifest.name}/dist/src/errors/index.js'`, app)
    t.match(ended.stderr, 'ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  await t.test('its programs run by their names', async (t) => {
    t.ok(Object.keys(published.bin).length > 0)
    mkdirSync(join(modules, '.bin'))
    for (const [name, path] of Object.entries(published.bin)) {
      const program = join(installed, path)
      t.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
      chmodSync(program, 0o755)
      symlinkSync(relative(join(modules, '.bin'), program), join(modules, '.bin', name))
      const ended = await run(join(modules, '.bin', name), ['--help'], { cwd: app, timeoutMs })
      t.equal(complaint(ended), undefined)
      t.match(ended.stdout, name)
    }
  })
})

t.test('the compiler of these tests is the one of the package', async (t) => {
  t.equal(ts.version, manifest.devDependencies.typescript)
})

function link(modules: string, name: string): void {
  const place = join(modules, name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), place, 'dir')
}

const program = `
import { defineSchema, type Infer } from 'rivulet/avro'
import { createPull, createPush } from 'rivulet/queue'
import { firstValueFrom } from 'rxjs'

const Tick = defineSchema({ type: 'record', name: 'Tick', fields: [
  { name: 'symbol', type: 'string' }, { name: 'price', type: 'double' } ] })
type Tick = Infer<typeof Tick>

await using pull = await createPull({ schema: Tick, bind: 'tcp://127.0.0.1:*' })
await using push = await createPush({ schema: Tick, connect: pull.endpoint })
const first: Promise<Tick> = firstValueFrom(pull.messages)
await push.send({ symbol: 'ACME', price: 1.5 })
const { symbol, price } = await first
console.log(symbol, price)
`

const calls = `
import { defineService, isRivuletError } from 'rivulet/avro'
import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
import { NEVER } from 'rxjs'

const Sums = defineService({ protocol: 'Sums', messages: {
  add: { request: [{ name: 'a', type: 'int' }, { name: 'b', type: 'int' }], response: 'int' },
  wait: { request: [], response: 'int' } } })

await using server = await createRpcServer({
  bind: 'tcp://127.0.0.1:*',
  services: [implement(Sums, { add: ({ a, b }) => a + b, wait: () => NEVER })],
})
await using sums = await createRpcClient(Sums, { connect: server.endpoint })
const three: number = await sums.promises.add({ a: 1, b: 2 })
const late: unknown = await sums.promises.wait({}, { timeoutMs: 1 }).catch((error: unknown) => error)
console.log(three, isRivuletError(late) && late.code)
`
