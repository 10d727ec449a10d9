/** The command `rivulet avsc`, as a child process: its modules compile, run, and have the right types. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { avscModules } from '../../src/avro/avsc-module.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const command = join(root, 'src', 'avro', 'cli.ts')
const tsx = import.meta.resolve('tsx')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

function run(args: string[], cwd = root) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const rivulet = (...args: string[]) => run(['--import', tsx, command, ...args])

const side = { type: 'enum', name: 'Side', namespace: 'market', symbols: ['BUY', 'SELL'] }
const tick = {
  type: 'record',
  name: 'Tick',
  namespace: 'market',
  fields: [
    { name: 'side', type: 'Side' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'volume', type: 'long' },
    { name: 'labels', type: { type: 'map', values: 'int' }, default: JSON.parse('{"__proto__":1}') },
  ],
}
const files = {
  'tick.avsc': JSON.stringify(tick),
  'side.avsc': JSON.stringify(side),
  'many-ticks.avsc': JSON.stringify({ type: 'array', items: 'market.Tick' }),
  'broken.avsc': '{"type":"record","name":"B","fields":[{"name":"price","type":"flot"}]}',
  'text.avsc': 'no JSON',
  'class.avsc': '{"type":"record","name":"class","fields":[]}',
  'a.avsc': '{"type":"record","name":"A","fields":[{"name":"b","type":["null","B"]}]}',
  'b.avsc': '{"type":"record","name":"B","fields":[{"name":"a","type":["null","A"]}]}',
}

t.test('modules compile, with the right types, and run', async (t) => {
  const directory = t.testdir(files)
  const path = (name: string) => join(directory, name)
  const out = path('out')
  const inputs = [path('many-ticks.avsc'), path('tick.avsc'), path('side.avsc')]
  const result = rivulet('avsc', ...inputs, '--out', out)
  t.same(result, { status: 0, stdout: '', stderr: '' })
  t.same(readdirSync(out).sort(), ['many-ticks.ts', 'side.ts', 'tick.ts'])
  const user = `
    import { ManyTicks } from './many-ticks.js'
    import { Tick } from './tick.js'
    const at = new Date(5)
    const tick: Tick = { side: 'BUY', at, volume: 1, labels: {} }
    const [first] = ManyTicks.decode(ManyTicks.encode([tick]))
    const side: 'BUY' | 'SELL' | undefined = first?.side
    // @ts-expect-error a symbol that the enum does not have
    const wrong: Tick = { ...tick, side: 'HOLD' }
    const labels = Tick.decode(Tick.encode({ side: 'SELL', at, volume: 1 })).labels
    console.log(side, wrong.side, Object.keys(labels).join())
  `
  writeFileSync(join(out, 'user.ts'), user)
  writeFileSync(join(out, 'package.json'), '{"type":"module"}')
  const paths = { 'rivulet/avro': [join(root, 'src', 'avro', 'index.ts')] }
  const types = { types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] }
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { paths, rootDir: '/', ...types },
      include: ['*.ts'],
    }),
  )
  t.same(run([tsc, '-p', out]), { status: 0, stdout: '', stderr: '' })
  const ran = run(['--import', tsx, join(out, 'user.ts')], out)
  t.same(ran, { status: 0, stdout: 'BUY HOLD __proto__\n', stderr: '' })
  const before = readFileSync(join(out, 'tick.ts'), 'utf8')
  rivulet('avsc', ...inputs.reverse(), '--out', out)
  t.equal(readFileSync(join(out, 'tick.ts'), 'utf8'), before, 'the same input, the same text')
})

t.test('without --out, one module with all, in order', async (t) => {
  const directory = t.testdir(files)
  const inputs = ['many-ticks.avsc', 'tick.avsc', 'side.avsc'].map((name) => join(directory, name))
  const { status, stdout } = rivulet('avsc', '--long', 'bigint', ...inputs)
  t.equal(status, 0)
  const names = [...stdout.matchAll(/^export const (\w+)/gm)].map((match) => match[1])
  t.same(names, ['Side', 'Tick', 'ManyTicks'])
  t.match(stdout, "types: [Tick], long: 'bigint'")
  t.equal(stdout.match(/^import/gm)?.length, 1)
})

t.test('what cannot be converted is named, and the exit code says so', async (t) => {
  const directory = t.testdir(files)
  const cases: [string[], RegExp][] = [
    [['broken.avsc'], /broken\.avsc: Schema is not valid: price: unknown type "flot"/],
    [['text.avsc'], /text\.avsc: .*not JSON/],
    [['class.avsc'], /class\.avsc: "class" cannot be the name/],
    [['a.avsc', 'b.avsc'], /in a circle/],
    [['b.avsc', 'broken.avsc'], /both define B/],
    [['tick.avsc'], /unknown type "Side"/],
  ]
  for (const [names, message] of cases) {
    const inputs = names.map((name) => ({ path: name, name, text: files[name as keyof typeof files] }))
    t.throws(() => avscModules(inputs, { long: 'number', separate: false }), { message }, names.join())
  }
  for (const name of ['broken.avsc', 'missing.avsc']) {
    const { status, stdout, stderr } = rivulet('avsc', join(directory, name))
    t.equal(status, 1)
    t.match(stderr, name)
    t.equal(stdout, '')
  }
})

t.test('arguments', async (t) => {
  const help = rivulet('--help')
  t.equal(help.status, 0)
  t.match(help.stdout, /^Usage: rivulet avsc/)
  for (const args of [['avdl'], ['avsc', '--oops']]) {
    const { status, stderr } = rivulet(...args)
    t.equal(status, 2, args.join(' '))
    t.match(stderr, 'Usage: rivulet avsc')
  }
})
