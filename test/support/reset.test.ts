/** Connections end with a reset, or are closed where that would hang the process. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { reset } from './reset.js'

async function openPair(t: Test): Promise<{ near: Socket; far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown]
  server.close()
  t.teardown(() => far.destroy())
  return { near, far }
}

t.test('a reset is one for the other side', async (t) => {
  const { near, far } = await openPair(t)
  const failed = once(far, 'error')
  reset(near)
  t.match(await failed, [{ code: 'ECONNRESET' }])
})

t.test('a connection whose end is on its way is closed', async (t) => {
  const { near } = await openPair(t)
  const closed = once(near, 'close')
  near.end()
  reset(near)
  await closed
  t.equal(near.closed, true)
})
