/** A process without file descriptors: the library fails to accept a connection again and again, and others have their turns. */
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { LimitedProcess } from './limited-process.js'

/** A process that has no descriptor left, and a connection that it cannot accept. */
async function withoutAny(t: Test, ...args: readonly string[]): Promise<LimitedProcess> {
  const child = new LimitedProcess(t, 'test/socket/no-descriptors-process.ts', ...args)
  const endpoint = await child.line()
  child.write('take all')
  t.equal(await child.line(), 'none left')
  const peer = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1')
  t.teardown(() => peer.destroy())
  peer.on('error', () => {})
  return child
}

t.test('one turn takes no more of the events than its budget allows', async (t) => {
  const child = await withoutAny(t)
  const most = Number(await child.line())
  t.ok(most <= 20_000, `${most} of 50,000 in one turn`)
  t.strictSame(await child.exit, [0, null])
})

t.test('a monitor that is left unread for a while does not stop the process when it is full', async (t) => {
  const child = await withoutAny(t, 'unref')
  t.equal(await child.line(), 'alive')
  t.strictSame(await child.exit, [0, null])
})
