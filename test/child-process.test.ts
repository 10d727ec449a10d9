/** Children of tests are what they would be without tap: their exit codes, their modules, their ends. */
import t from 'tap'
import { complaint, run, runModule } from './child-process.js'

const cwd = process.cwd()

t.test('an exit code is that of the child', async (t) => {
  t.equal((await runModule('process.exitCode = 3', cwd)).code, 3)
  t.equal((await runModule('await new Promise(() => {})', cwd)).code, 13)
})

t.test('nothing of tap is in the child', async (t) => {
  const { stdout } = await runModule('console.log(process.env.NODE_OPTIONS ?? "none", process.execArgv.join())', cwd)
  t.equal(stdout, 'none --input-type=module\n')
})

t.test('a child that does not end is killed and called late', async (t) => {
  const ended = await run(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { cwd, timeoutMs: 300 })
  t.match(ended, { late: true, code: undefined })
  t.match(complaint(ended), 'did not end in time')
})

t.test('a program that does not exist is a complaint', async (t) => {
  t.match(complaint(await run('no-such-program', [], { cwd, timeoutMs: 1000 })), 'ended with code 127')
})
