/**
 * The import fences of the package and the form of its files.
 *
 * Every check is run on this repository, and on a made-up one that breaks it: a check that cannot complain is no check.
 */
import t from 'tap'
import * as fences from './fences.js'
import * as form from './form.js'
import { entries } from './manifest.js'
import { readSources, type SourceFile, sourceFile } from './sources.js'

const library = readSources('src', 'patterns')
const examples = readSources('examples')
const everything = [...library, ...examples, ...readSources('test', 'tools', 'bench')]

const fake = (path: string, ...lines: string[]): SourceFile => sourceFile(path, `${lines.join('\n')}\n`)

t.test('there is something to check', async (t) => {
  t.ok(library.length > 3)
  t.ok(library.some(({ imports }) => imports.length > 0))
})

t.test('all ways to import are seen', async (t) => {
  const { imports } = fake(
    'src/wire/a.ts',
    "import type { A } from './a1.js'",
    "import { b, type B } from './a2.js'",
    "import * as c from './a3.js'",
    "import './a4.js'",
    "export { d } from './a5.js'",
    "export * from './a6.js'",
    "export type * from './a7.js'",
    "const e = await import('./a8.js')",
    "type F = import('./a9.js').F",
    "const g = require('./a10.js')",
    "// import './comment.js'",
    'const text = "import \'./string.js\'"',
  )
  t.strictSame(
    imports.map(({ specifier, names }) => [
      specifier,
      names.map(({ name, typeOnly }) => (typeOnly ? `type ${name}` : name)),
    ]),
    [
      ['./a1.js', ['type A']],
      ['./a2.js', ['b', 'type B']],
      ['./a3.js', ['*']],
      ['./a4.js', []],
      ['./a5.js', ['d']],
      ['./a6.js', ['*']],
      ['./a7.js', ['type *']],
      ['./a8.js', ['*']],
      ['./a9.js', ['type *']],
      ['./a10.js', ['*']],
    ],
  )
})

t.test('zeromq, avsc, lmdb and the sockets of Node are each imported by one folder', async (t) => {
  t.strictSame(fences.checkOwners(library), [])
  for (const [name, owner] of Object.entries(fences.owners)) {
    t.strictSame(fences.checkOwners([fake(`${owner}/a.ts`, `import '${name}'`)]), [])
    t.equal(fences.checkOwners([fake('patterns/queue/a.ts', `import type { A } from '${name}'`)]).length, 1)
    t.equal(fences.checkOwners([fake('src/link/a.ts', `await import('${name}/deep.js')`)]).length, 1)
  }
})

t.test('operators of RxJS stay in src/stream, src/delivery and the patterns', async (t) => {
  t.strictSame(fences.checkRxjs(library), [])
  const check = (path: string, line: string): number => fences.checkRxjs([fake(path, line)]).length
  t.equal(check('src/stream/a.ts', "import { map } from 'rxjs'"), 0)
  t.equal(check('patterns/queue/a.ts', "import { map } from 'rxjs'"), 0)
  t.equal(check('src/lifecycle/a.ts', "import { Subject } from 'rxjs'"), 0)
  t.equal(check('src/link/a.ts', "import { type Observable } from 'rxjs'"), 0)
  t.equal(check('src/lifecycle/a.ts', "import { map } from 'rxjs'"), 1)
  t.equal(check('src/link/a.ts', "import { map } from 'rxjs'"), 1)
  t.equal(check('src/session/a.ts', "import { Subject } from 'rxjs'"), 1)
  t.equal(check('src/link/a.ts', "import * as rx from 'rxjs'"), 1)
  t.equal(check('src/link/a.ts', "import 'rxjs'"), 1)
  t.equal(check('src/stream/a.ts', "import { map } from 'rxjs/operators'"), 1)
  t.equal(check('src/avro/a.ts', "import type { Observable } from 'rxjs'"), 1)
})

t.test('imports run down the layers', async (t) => {
  t.strictSame(fences.checkLayers(library), [])
  const check = (path: string, target: string): number =>
    fences.checkLayers([fake(path, `import type { A } from '${target}'`)]).length
  t.equal(check('patterns/queue/a.ts', '../../src/socket/index.js'), 0)
  t.equal(check('src/index.ts', '../patterns/queue/index.js'), 0)
  t.equal(check('src/socket/a.ts', '../errors/index.js'), 0)
  t.equal(check('patterns/queue/a.ts', '../pubsub/index.js'), 1)
  t.equal(check('patterns/queue/index.ts', './durable/a.js'), 0)
  t.equal(check('patterns/queue/durable/a.ts', '../../../src/socket/index.js'), 0)
  t.equal(check('patterns/queue/durable/a.ts', '../transient/b.js'), 1)
  t.equal(check('patterns/queue/durable/a.ts', '../index.js'), 1)
  t.equal(check('patterns/queue/a.ts', '../../src/index.js'), 1)
  t.equal(check('src/socket/a.ts', '../../patterns/queue/index.js'), 1)
  t.equal(check('src/errors/a.ts', '../options/index.js'), 1)
  t.equal(check('src/session/a.ts', '../socket/index.js'), 1)
  t.equal(check('src/wire/a.ts', '../stream/index.js'), 1)
  t.equal(check('src/wire/a.ts', '../../test/fixtures.js'), 1)
  t.equal(fences.checkLayers([fake('src/novel/a.ts')]).length, 1)
})

t.test('folders are entered by their index, or by a file that is declared as a contract', async (t) => {
  t.strictSame(fences.checkDoors(library), [])
  t.strictSame(fences.checkContracts(library), [])
  const check = (path: string, target: string): number =>
    fences.checkDoors([fake(path, `import type { A } from '${target}'`)]).length
  t.equal(check('src/call/a.ts', '../session/index.js'), 0)
  t.equal(check('src/call/a.ts', './b.js'), 0)
  t.equal(check('src/call/a.ts', '../avro/codec.js'), 0)
  t.equal(check('src/call/a.ts', '../session/session.js'), 1)
  t.equal(check('src/index.ts', '../patterns/rpc/rpc-client.js'), 1)
  t.equal(check('patterns/rpc/a.ts', '../../src/avro/compile.js'), 1)
  t.equal(check('patterns/queue/index.ts', './durable/producer.js'), 1)
  t.equal(fences.checkContracts([]).length, Object.keys(fences.contracts).length)
})

t.test('the layer table itself has no circle and names only itself', async (t) => {
  const rank = (folder: string, trail: readonly string[] = []): number => {
    if (trail.includes(folder)) throw new Error(`circle: ${[...trail, folder].join(' → ')}`)
    const below = fences.layers[folder]
    if (below === undefined) throw new Error(`${folder} is not in the table`)
    return 1 + Math.max(0, ...below.map((name) => rank(name, [...trail, folder])))
  }
  for (const folder of Object.keys(fences.layers)) t.ok(rank(folder) > 0, folder)
})

t.test('there are no circles, and every relative import names a file', async (t) => {
  t.strictSame(fences.checkCircles(everything), [])
  t.strictSame(fences.checkTargets(everything), [])
  const circle = [
    fake('src/wire/a.ts', "import './b.js'"),
    fake('src/wire/b.ts', "export type { C } from './c.js'"),
    fake('src/wire/c.ts', "const a = await import('./a.js')"),
  ]
  t.strictSame(fences.checkCircles(circle), ['circle: src/wire/a.ts → src/wire/b.ts → src/wire/c.ts → src/wire/a.ts'])
  t.equal(fences.checkTargets([fake('src/wire/a.ts', "import './gone.js'")]).length, 1)
})

t.test('rivulet/avro reaches neither zeromq nor rxjs nor lmdb', async (t) => {
  t.strictSame(fences.checkAvroReach(library), [])
  const reach = [
    fake('src/avro/index.ts', "import '../errors/index.js'"),
    fake('src/errors/index.ts', "export * from './deep.js'"),
    fake('src/errors/deep.ts', "import 'rxjs'"),
    fake('src/stream/index.ts', "import 'rxjs'"),
  ]
  t.strictSame(fences.checkAvroReach(reach), ['src/errors/deep.ts:1 imports rxjs, and rivulet/avro reaches it'])
})

t.test('rivulet/socket loads Avro and TLS when it is asked for them', async (t) => {
  t.strictSame(fences.checkSocketReach(library), [])
  const reach = (line: string) => [
    fake('patterns/socket/index.ts', "export { a } from './a.js'"),
    fake('patterns/socket/a.ts', line),
  ]
  const complaint = 'patterns/socket/a.ts:1 imports src/wire/index.ts, and rivulet/socket reaches it'
  t.strictSame(fences.checkSocketReach(reach("import { Batch } from '../../src/wire/index.js'")), [complaint])
  t.strictSame(fences.checkSocketReach(reach("import type { Batch } from '../../src/wire/index.js'")), [])
  t.strictSame(fences.checkSocketReach(reach("const wire = await import('../../src/wire/index.js')")), [])
  t.equal(fences.checkSocketReach(reach("import 'node:tls'")).length, 1)
})

t.test('examples import only public entries', async (t) => {
  t.strictSame(fences.checkPublicImports(examples, entries), [])
  const check = (line: string): number =>
    fences.checkPublicImports([fake('examples/demo/a.ts', line)], ['rivulet/queue']).length
  t.equal(check("import { createPush } from 'rivulet/queue'"), 0)
  t.equal(check("import './b.js'"), 0)
  t.equal(check("import { inner } from 'rivulet/dist/src/wire/index.js'"), 1)
  t.equal(check("import { createPush } from '../../patterns/queue/index.js'"), 1)
})

t.test('file names say something', async (t) => {
  t.strictSame(form.checkNames(everything), [])
  for (const path of ['src/wire/utils.ts', 'src/common/a.ts', 'src/wire/types.ts']) {
    t.equal(form.checkNames([fake(path)]).length, 1, path)
  }
})

t.test('files are short', async (t) => {
  t.strictSame(form.checkLength(everything), [])
  t.equal(form.checkLength([fake('src/a.ts', ...Array<string>(form.maxLines + 1).fill('0'))]).length, 1)
  t.equal(form.checkLength([fake('src/a.ts', ...Array<string>(form.maxLines).fill('0'))]).length, 0)
})

t.test('every file opens with what it is', async (t) => {
  t.strictSame(form.checkOpening(everything), [])
  t.equal(form.checkOpening([fake('src/a.ts', "import './b.js'", '/** Late. */')]).length, 1)
  t.equal(form.checkOpening([fake('src/a.ts', '/** */', 'const a = 1')]).length, 1)
  t.equal(form.checkOpening([fake('src/a.ts', '#!/usr/bin/env node', '/** A program. */')]).length, 0)
})

t.test('there are no default exports', async (t) => {
  t.strictSame(form.checkDefaultExports(everything), [])
  for (const line of ['export default 1', 'export default function a() {}', 'export { a as default }']) {
    t.equal(form.checkDefaultExports([fake('src/a.ts', line)]).length, 1, line)
  }
})

t.test('nothing gets round the compiler or the linter without a reason', async (t) => {
  t.strictSame(form.checkEscapes(library), [])
  const escapes = [
    'let a: any',
    '// @ts-ignore',
    '// @ts-expect-error: no',
    '// biome-ignore lint/suspicious/noExplicitAny: <explanation>',
    '// biome-ignore lint/style: x',
  ]
  for (const line of escapes) t.equal(form.checkEscapes([fake('src/a.ts', '', line)]).length, 1, line)
  const reasoned = [
    'let a: any // any shape is legal for foreign code',
    '// @ts-expect-error: the types of zeromq lack this option',
    '// biome-ignore lint/suspicious/noExplicitAny: variance of generated functions',
    "const text = 'any'",
  ]
  for (const line of reasoned) t.strictSame(form.checkEscapes([fake('src/a.ts', '', line)]), [], line)
})
