/** The example of a service in Python: its answers arrive, and it ends in order. */
import t from 'tap'
import { build } from '../../tools/build.js'
import { complaint } from '../child-process.js'
import { withPackages } from '../support/system-packages.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('a service in Python answers', withPackages(['python3', 'python3-zmq', 'python3-avro']), async (t) => {
  const ended = await runExample('python/main.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  t.equal(ended.stdout, '1 { b: 1, a: 3, n: 2 }\n2 { h: 1, e: 1, l: 2, o: 1 }\nthe service has ended with 0\n')
})
