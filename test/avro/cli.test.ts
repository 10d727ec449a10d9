/** The command `rivulet avsc`, as a child process: its modules compile, run, and have the right types. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { avscModules } from '../../src/avro/avsc-module.js'
import { build, root } from '../../tools/build.js'
import { loader, modulePath } from '../child-process.js'

const command = modulePath('src/command.ts')
const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')

function run(args: string[], cwd = root) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const rivulet = (...args: string[]) => run([...loader, command, ...args])

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
const desk = {
  protocol: 'Desk',
  namespace: 'market',
  doc: 'Orders and ticks.',
  types: [{ type: 'error', name: 'Rejected', fields: [{ name: 'labels', type: 'Tick' }] }],
  messages: {
    place: { request: [{ name: 'side', type: 'Side' }], response: 'long', errors: ['Rejected'] },
    watch: { request: [], response: { type: 'array', items: 'Tick' }, 'x-stream': 'server' },
    stop: { request: [], response: 'null', 'one-way': true },
  },
}
const files = {
  'desk.avpr': JSON.stringify(desk),
  'alone.avpr': '{"protocol":"a.Alone","messages":{"ping":{"request":[],"response":"null"}}}',
  'wrong.avpr': '{"protocol":"Wrong","messages":{"ping":{"request":[],"response":"flot"}}}',
  'then.avpr': '{"protocol":"Then","messages":{"then":{"request":[],"response":"null"}}}',
  'tick.avsc': JSON.stringify(tick),
  'side.avsc': JSON.stringify(side),
  'many-ticks.avsc': JSON.stringify({ type: 'array', items: 'market.Tick' }),
  'broken.avsc': '{"type":"record","name":"B","fields":[{"name":"price","type":"flot"}]}',
  'text.avsc': 'no JSON',
  'class.avsc': '{"type":"record","name":"class","fields":[]}',
  'a.avsc': '{"type":"record","name":"A","fields":[{"name":"b","type":["null","B"]}]}',
  'b.avsc': '{"type":"record","name":"B","fields":[{"name":"a","type":["null","A"]}]}',
}

/** Compiles a module that uses the others in the folder, and the build, and runs it. */
function compileAndRun(t: Test, out: string, user: string, stdout: string): void {
  writeFileSync(join(out, 'user.ts'), user)
  const compilerOptions = { noEmit: false, rootDir: out, outDir: out }
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [] }),
  )
  t.same(run([tsc, '-p', out]), { status: 0, stdout: '', stderr: '' })
  const ran = run([join(out, 'user.js')], out)
  t.same(ran, { status: 0, stdout, stderr: '' })
}

t.before(build)

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
  compileAndRun(t, out, user, 'BUY HOLD __proto__\n')
  const before = readFileSync(join(out, 'tick.ts'), 'utf8')
  rivulet('avsc', ...inputs.reverse(), '--out', out)
  t.equal(readFileSync(join(out, 'tick.ts'), 'utf8'), before, 'the same input, the same text')
})

t.test('protocols become services', async (t) => {
  const directory = t.testdir(files)
  const out = join(directory, 'out')
  const inputs = ['desk.avpr', 'tick.avsc', 'alone.avpr', 'side.avsc'].map((name) => join(directory, name))
  t.same(rivulet('avsc', ...inputs, '--out', out), { status: 0, stdout: '', stderr: '' })
  t.same(readdirSync(out).sort(), ['alone.ts', 'desk.ts', 'side.ts', 'tick.ts'])
  const text = readFileSync(join(out, 'desk.ts'), 'utf8')
  t.match(
    text,
    /^\/\/ Made by `rivulet avsc` from desk\.avpr: do not edit\.\nimport { defineService } from 'rivulet\/avro'\n/,
  )
  t.match(text, "import { Tick } from './tick.js'")
  t.match(text, /}, { types: \[(Tick, Side|Side, Tick)\] }\)\n$/)
  const user = `
    import { isDeclaredError, type ResponseOf, type ShapeOf } from 'rivulet/avro'
    import { Alone } from './alone.js'
    import { Desk } from './desk.js'
    const shape: ShapeOf<typeof Desk, 'stop'> = 'one-way'
    const side: ResponseOf<typeof Desk, 'watch'>[number]['side'] = 'BUY'
    const error: unknown = Desk.error('place', 'Rejected', { labels: { side, at: new Date(1), volume: 2, labels: {} } })
    if (isDeclaredError(Desk, 'place', error)) console.log(Alone.name, Desk.name, shape, error.value.labels.volume)
    // @ts-expect-error a type that the response does not have
    const wrong: ResponseOf<typeof Desk, 'place'> = 'x'
    console.log(wrong)
  `
  compileAndRun(t, out, user, 'a.Alone market.Desk one-way 2\nx\n')
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
    [['desk.avpr'], /desk\.avpr: Schema is not valid: types\[0\]\.labels: unknown type "Tick"/],
    [['wrong.avpr'], /wrong\.avpr: Schema is not valid: messages\.ping\.response: unknown type "flot"/],
    [['then.avpr'], /then\.avpr: Schema is not valid: messages\.then: the name is reserved/],
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
  t.match(help.stdout, /^Usage: rivulet <command>/)
  const ofCommand = rivulet('avsc', '--help')
  t.equal(ofCommand.status, 0)
  t.match(ofCommand.stdout, /^Usage: rivulet avsc/)
  const cases = [
    [['avdl'], 'Usage: rivulet <command>'],
    [[], 'Usage: rivulet <command>'],
    [['avsc', '--oops'], 'Usage: rivulet avsc'],
    [['avsc'], 'Usage: rivulet avsc'],
  ] as const
  for (const [args, usage] of cases) {
    const { status, stderr } = rivulet(...args)
    t.equal(status, 2, args.join(' '))
    t.match(stderr, usage)
  }
})
