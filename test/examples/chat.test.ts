/** The chat runs without anybody typing: members in processes of their own come, talk, crash, come back and go. */
import t from 'tap'
import { build } from '../../tools/build.js'
import { complaint } from '../child-process.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('each member prints what it sees and gets, and all come to their end', async (t) => {
  const ended = await runExample('chat/main.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const lines = ended.stdout.trim().split('\n')
  const of = (name: string) =>
    lines.filter((line) => line.startsWith(`[${name}] `)).map((line) => line.slice(name.length + 3))
  const isTalk = (line: string) => /^\w+( to you)?: /.test(line)
  t.strictSame(of('ada').filter(isTalk), ['bob to you: good morning to you', 'bob: I am back'])
  t.strictSame(of('cyn').filter(isTalk), ['ada: good morning', 'bob: I am back'])
  const ofBob = of('ada').filter((line) => line.startsWith('* bob has '))
  t.strictSame(ofBob.slice(0, 3), ['* bob has joined', '* bob has left', '* bob has joined'])
  t.ok(of('other ada').includes("! the name 'ada' is held by another peer"))
  t.ok(lines.includes('the other ada has ended with 1'))
  t.ok(lines.includes('bob has ended with SIGKILL'))
  t.equal(lines.at(-1), 'the others have ended with 0,0,0')
})
