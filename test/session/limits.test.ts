/** What the two sides tell each other of their limits, and what comes of it where these differ. */
import t from 'tap'
import { helloOf, LinkPair, settings } from './link-pair.js'

t.test('limits that let nothing through are refused', async (t) => {
  const { limits } = settings
  for (const bad of [
    { itemBytes: 65_535 },
    { windowBytes: 0 },
    { streamWindowBytes: 0 },
    { assemblyBytes: limits.itemBytes - 1 },
  ]) {
    const link = new LinkPair()
    link.acceptor.receive('p', helloOf({ limits: { ...limits, ...bad } }))
    t.equal(link.acceptor.size, 0, JSON.stringify(bad))
    t.strictSame(link.acceptorReports, ['RIVULET_PROTOCOL_VIOLATION'])
  }
})

t.test('an item that waits and is too large for the peer: what can go, goes with the next session', async (t) => {
  const link = new LinkPair({
    dialer: { limits: { ...settings.limits, itemBytes: 2_000_000 } },
    acceptor: { limits: { ...settings.limits, itemBytes: 100_000 } },
  })
  const [former] = link.dialed
  former?.send(1, Buffer.alloc(200_000))
  former?.send(2, 'small')
  let unsent: boolean | undefined
  const told = former?.onStatus
  if (former) {
    former.onStatus = (reason) => {
      unsent = former.session.isUnsent(2)
      told?.call(former, reason)
    }
  }
  link.connect()
  t.equal(former?.reason, 'RIVULET_MESSAGE_TOO_LARGE')
  t.equal(unsent, true, 'nobody knows of it')
  t.equal(link.client.session.status, 'live')
  t.throws(() => link.client.send(1, Buffer.alloc(200_000)), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
  link.client.send(2, 'small')
  link.settle()
  t.strictSame(link.server.texts, ['small'])
})
