/** A publisher over inproc that comes back: the subscriber reads what the former one has sent, and its process lives. */
import t from 'tap'
import { loader, modulePath, run } from '../child-process.js'

t.test('a publisher comes back while its subscriber has begun with a message of the former one', async (t) => {
  const args = [...loader, modulePath('test/pubsub/restarting-process.ts')]
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 60_000 })
  t.equal(code, 0, stderr)
  t.equal(stdout.trim(), '100', 'all messages of the former one, and then one of another')
})
