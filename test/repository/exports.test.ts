/**
 * The public entries: their names at run time, that `import` and `require` agree, and what each of them loads.
 *
 * `public-names.json` holds the names: a change there is a change of the public interface, and belongs in the changelog.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { complaint, runModule } from '../child-process.js'
import { entries, manifest } from './manifest.js'

const listed: Record<string, string[]> = JSON.parse(
  readFileSync(join(root, 'test', 'repository', 'public-names.json'), 'utf8'),
)
const trace = pathToFileURL(join(root, 'test', 'repository', 'load-trace.mjs')).href

const load = (entry: string): Promise<Record<'imported' | 'required', string[]>> =>
  runModule(
    `import { createRequire } from 'node:module'
    import * as imported from '${entry}'
    const required = createRequire(process.cwd() + '/')('${entry}')
    const names = (module) => Object.keys(module).filter((name) => name !== 'module.exports' && name !== '__esModule').sort()
    console.log(JSON.stringify({ imported: names(imported), required: names(required) }))`,
    root,
    '--no-warnings',
  ).then((ended) => {
    const said = complaint(ended)
    if (said !== undefined) throw new Error(`${entry} ${said}`)
    return JSON.parse(ended.stdout)
  })

/** Everything that a fresh process resolves, requires or links to when it imports an entry, or runs a program. */
const loadedBy = (entry: string, program = `await import('${entry}')`): Promise<string> =>
  runModule(
    `${program}
    const { createRequire } = await import('node:module')
    for (const path of Object.keys(createRequire(process.cwd() + '/').cache)) console.log('required', path)
    for (const path of process.report.getReport().sharedObjects) console.log('linked', path)`,
    root,
    `--import=${trace}`,
  ).then((ended) => {
    const said = complaint(ended)
    if (said !== undefined) throw new Error(`${entry} ${said}`)
    return ended.stdout
  })

const loads = (log: string, name: string): boolean =>
  log
    .split('\n')
    .some(
      (line) =>
        line === `tried ${name}` || line.startsWith(`tried ${name}/`) || line.includes(`/node_modules/${name}/`),
    )

t.before(build)

t.test('the exports map names each entry, with types before code', async (t) => {
  t.ok(entries.includes('rivulet') && entries.includes('rivulet/avro'))
  for (const [path, target] of Object.entries(manifest.exports)) {
    t.notMatch(JSON.stringify([path, target]), /\*/, `${path} has no wildcard`)
    if (path.endsWith('.json')) continue
    t.strictSame(Object.keys(target), ['types', 'default'], path)
  }
})

t.test('each entry has the public names that are listed, by import and by require', async (t) => {
  t.strictSame(Object.keys(listed).sort(), [...entries].sort(), 'the list has the entries of package.json')
  for (const entry of entries) {
    await t.test(entry, async (t) => {
      const { imported, required } = await load(entry)
      t.ok(imported.length > 0, 'exports something')
      t.strictSame(imported, listed[entry], 'by import')
      t.strictSame(required, imported, 'by require')
    })
  }
})

t.test('rivulet/avro loads neither zeromq nor rxjs nor lmdb', async (t) => {
  const log = await loadedBy('rivulet/avro')
  t.match(log, '/dist/src/avro/index.js')
  for (const name of ['zeromq', 'rxjs', 'lmdb']) t.notOk(loads(log, name), name)
})

t.test('rivulet/security loads neither zeromq nor lmdb', async (t) => {
  const log = await loadedBy('rivulet/security')
  t.match(log, '/dist/src/security/public.js')
  t.ok(loads(log, 'rxjs'), 'the trace sees libraries')
  for (const name of ['zeromq', 'lmdb', 'avsc']) t.notOk(loads(log, name), name)
})

t.test('rivulet/socket loads neither zeromq nor lmdb', async (t) => {
  const log = await loadedBy('rivulet/socket')
  t.match(log, '/dist/patterns/socket/index.js')
  for (const name of ['zeromq', 'lmdb']) t.notOk(loads(log, name), name)
})

t.test('the trace would see them', async (t) => {
  const log = await loadedBy('rivulet/queue')
  for (const name of ['zeromq', 'rxjs']) t.ok(loads(log, name), name)
})

t.test('a producer and a consumer that connect load no engine and no store', async (t) => {
  const program = (open: string) => `
    import { defineSchema } from 'rivulet/avro'
    import { createConsumer, createProducer, createQueueHost } from 'rivulet/queue'
    const options = { connect: 'tcp://127.0.0.1:9', queue: 'jobs', schema: defineSchema('string') }
    const opened = [await createProducer(options), await createConsumer(options)]
    ${open}
    for (const one of opened) await one.close({ drain: false })`
  const parts = ['/dist/src/engine/', '/dist/src/store/', '/node_modules/lmdb/']
  const remote = await loadedBy('rivulet/queue', program(''))
  t.match(remote, '/dist/patterns/queue/durable/producer.js')
  for (const part of parts) t.notMatch(remote, part, part)
  const host = "opened.push(await createQueueHost({ store: 'memory' }))"
  const local = await loadedBy('rivulet/queue', program(host))
  for (const part of parts.slice(0, 2)) t.match(local, part, `the trace would see ${part}`)
})

t.test('no pattern loads lmdb before there is something durable', async (t) => {
  t.notOk(loads(await loadedBy('rivulet'), 'lmdb'))
})

t.test('each command of the program loads what it needs, and no more', async (t) => {
  const program = pathToFileURL(join(root, manifest.bin.rivulet as string)).href
  const command = (...args: string[]) =>
    loadedBy(
      '',
      `process.argv.splice(1, Infinity, 'rivulet', ${args.map((arg) => `'${arg}'`).join()}); await import('${program}')`,
    )
  const avsc = await command('avsc', '--help')
  t.match(avsc, '/dist/src/avro/avsc-command.js')
  for (const name of ['zeromq', 'rxjs', 'lmdb']) t.notOk(loads(avsc, name), name)
  const hub = await command('hub', '--help')
  t.ok(loads(hub, 'zeromq'), 'the trace would see them')
  t.notMatch(hub, '/dist/src/avro/avsc')
  t.notOk(loads(hub, 'lmdb'))
})

t.test('TypeDoc documents exactly the entries', async (t) => {
  const { entryPoints }: { entryPoints: string[] } = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8'))
  const sources = entries.map((entry) => {
    const target = manifest.exports[`.${entry.slice(manifest.name.length)}`]
    return typeof target === 'object' ? target.types?.replace('./dist/', '').replace('.d.ts', '.ts') : undefined
  })
  // `reference.test.ts` holds their order
  t.strictSame([...entryPoints].sort(), [...sources].sort())
})
