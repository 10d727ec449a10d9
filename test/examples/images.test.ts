/** The pool of workers that draw pictures: one is killed, and each picture is there. */
import t from 'tap'
import { build } from '../../tools/build.js'
import { complaint } from '../child-process.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('every picture is drawn although a worker is killed while it draws', async (t) => {
  const ended = await runExample('images/main.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const [ordered, killed, drawn, last, ...more] = ended.stdout.trim().split('\n')
  t.equal(ordered, '12 pictures are ordered')
  t.equal(killed, 'a worker has ended with SIGKILL')
  t.match(drawn, /^12 pictures are drawn, and (some|none) were begun twice$/)
  t.equal(last, 'the workers have ended with 0,0')
  t.strictSame(more, [])
})
