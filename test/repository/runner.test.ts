/** `npm test` in a small repository of its own: its last line and its exit code, green and red. */
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { type Ended, run } from '../child-process.js'

const folder = t.testdir({ 'package.json': '{ "private": true, "type": "module" }', tools: {}, test: {} })
for (const name of ['build.ts', 'bundles.ts', 'files.ts', 'plain.ts', 'tally.ts', 'test.ts'])
  copyFileSync(join(root, 'tools', name), join(folder, 'tools', name))
copyFileSync(join(root, '.taprc'), join(folder, '.taprc'))
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')

const write = (name: string, ...lines: string[]): string => {
  const path = join('test', `${name}.test.ts`)
  mkdirSync(join(folder, 'test'), { recursive: true })
  writeFileSync(join(folder, path), ["import t from 'tap'", ...lines, ''].join('\n'))
  return path
}

const green = write('green', 'const one: number = 1', 't.equal(one, 1)', "t.test('inner', async (t) => { t.ok(true) })")
write('red', 't.equal(1, 2)')
write('empty')
write('crash', 't.ok(true)', 't.end()', 'process.exitCode = 7')

const runTests = (...files: string[]): Promise<Ended> =>
  run(process.execPath, ['--import=tsx', join('tools', 'test.ts'), ...files], { cwd: folder, timeoutMs: 60_000 })

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1)

t.test('green', async (t) => {
  const { code, stdout } = await runTests(green)
  t.equal(lastLine(stdout), '2 passed, 0 failed')
  t.equal(code, 0)
})

t.test('skipped tests are counted by their reason', async (t) => {
  const skip = "{ skip: 'missing packages: python3-zmq' }"
  const one = write(
    'skip-one',
    't.ok(true)',
    ...[1, 2].map((name) => `t.test('${name}', ${skip}, async (t) => t.ok(false))`),
  )
  const two = write('skip-two', `t.test('a', ${skip}, async (t) => t.ok(false))`)
  const { code, stdout } = await runTests(one, two)
  const [last, before] = stdout.trimEnd().split('\n').reverse()
  t.equal(before, 'SKIPPED: 3 tests in 2 files: missing packages: python3-zmq')
  t.equal(last, '1 passed, 0 failed')
  t.equal(code, 0)
})

t.test('sources keep their names and places', async (t) => {
  mkdirSync(join(folder, 'src', 'deep'), { recursive: true })
  writeFileSync(
    join(folder, 'src', 'deep', 'inner.ts'),
    'export class Inner {\n  static readonly one = new Inner()\n}\n',
  )
  writeFileSync(
    join(folder, 'src', 'outer.ts'),
    "export { Inner } from './deep/inner.js'\n\nexport function fail(): never {\n  throw new Error('wrong')\n}\n",
  )
  const { stdout } = await runTests(
    write(
      'sources',
      "import { Inner } from '../src/deep/inner.js'",
      "import { fail, Inner as same } from '../src/outer.js'",
      "t.equal(Inner.name, 'Inner')",
      't.equal(Inner.one instanceof same, true)',
      'fail()',
    ),
  )
  t.match(stdout, /fail \(src\/outer\.ts:4:9\)/)
  t.equal(lastLine(stdout), '2 passed, 1 failed')
  rmSync(join(folder, 'src'), { recursive: true })
  rmSync(join(folder, 'test', 'sources.test.ts'))
})

t.test('nothing ran', async (t) => {
  const { code, stdout } = await runTests('test/none.test.ts')
  t.match(lastLine(stdout), /^0 passed, [1-9]\d* failed$/)
  t.equal(code, 1)
})

t.test('red: assertions, files, and the checks before them', async (t) => {
  copyFileSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'))
  writeFileSync(join(folder, 'test', 'wrong.ts'), "export const one: number = 'one'\n")
  const { code, stdout } = await runTests()
  const remarks = stdout.split('\n').filter((line) => line.startsWith('FAILED: '))
  t.strictSame(remarks.sort(), [
    'FAILED: build failed',
    'FAILED: format and lint failed',
    'FAILED: test/crash.test.ts: failed outside of its assertions',
    'FAILED: test/empty.test.ts: no tests found',
    'FAILED: types failed',
  ])
  t.equal(lastLine(stdout), '4 passed, 6 failed')
  t.equal(code, 1)
})
