/** The tests of this folder where no code may be generated from text: in one process, whose codecs are all interpreted. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { loader, moduleUrl, run } from '../child-process.js'

const flag = '--disallow-code-generation-from-strings'

/** Tests that start processes of their own or read the sources: codecs are not in them. */
const others = ['cli.test.ts', 'fences.test.ts', 'interpreted.test.ts', 'modes.test.ts', 'source.test.ts']

t.test(`the codecs pass their tests with ${flag}`, async (t) => {
  const files = readdirSync(join(root, 'test', 'avro')).filter((name) => name.endsWith('.test.ts'))
  const program = files
    .filter((name) => !others.includes(name))
    .map((name) => `await import(${JSON.stringify(moduleUrl(`test/avro/${name}`))})`)
  // without a time of its own, tap would end the tests after 30 s on a machine that is busy
  const text = [
    "Object.assign(process.env, { TAP: '1', TAP_TIMEOUT: '100' })",
    'let allowed = true',
    "try { new Function('') } catch { allowed = false }",
  ]
  text.push('if (allowed) throw new Error("the flag is not in force")', ...program)
  const args = [flag, ...loader, '--input-type=module', '-e', text.join('\n')]
  const { code, stdout, stderr, late } = await run(process.execPath, args, { cwd: root, timeoutMs: 100_000 })
  t.notOk(late)
  t.equal(code, 0, code === 0 ? 'passed' : `${stdout}\n${stderr}`)
  const [, pass = '0', fail = '0'] = /# \{ total: \d+, pass: (\d+)(?:, fail: (\d+))?/.exec(stdout) ?? []
  t.ok(Number(pass) > 900, `${pass} assertions`)
  t.equal(fail, '0')
})
