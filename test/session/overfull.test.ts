/** What waits for peers that acknowledge nothing is bounded for all of them: the one for which most waits loses its session. */
import t from 'tap'
import { behindBounds, cutBounds, overfull } from '../../src/session/overfull.js'
import { helloOf, LinkPair, type Listener, settings } from './link-pair.js'

const { heartbeatMs } = settings

/** One session may have as much as all together here. */
const acceptor = { outboxBytes: 268_435_456 }

/** Another peer of the acceptor, which reads and acknowledges nothing; returns the user of its session. */
function stranger(link: LinkPair, number: number): Listener {
  link.acceptor.receive(`stranger ${number}`, helloOf({ session: Buffer.alloc(16, 100 + number) }))
  return link.server
}

/** Answers so many calls, each on its stream. */
function answer(server: Listener, count: number): void {
  for (let stream = 1; stream <= count; stream++) server.send(stream, 'no such method'.padEnd(50))
}

t.test(
  'of peers that are connected and acknowledge nothing, the one for which most waits loses its session',
  async (t) => {
    const link = new LinkPair({ acceptor })
    const peers = [170_000, 180_000, 175_000].map((count, number) => {
      const server = stranger(link, number)
      answer(server, count)
      return server
    })
    link.flush()
    const statuses = () => peers.map(({ session }) => session.status)
    link.now += heartbeatMs
    link.acceptor.tick()
    t.strictSame(statuses(), ['live', 'live', 'live'], 'they have a heartbeat to acknowledge')
    link.now += 1
    link.acceptor.tick()
    t.strictSame(statuses(), ['live', 'ended', 'live'])
    t.equal(peers[1]?.reason, 'RIVULET_SESSION_LOST')
    t.equal(link.acceptor.size, 2)
  },
)

t.test('a peer that acknowledges may have more', async (t) => {
  const link = new LinkPair({ acceptor }).connect()
  const { server } = link
  for (let beat = 0; beat < 2; beat++) {
    answer(server, 530_000)
    link.flush()
    link.now += heartbeatMs
    link.acceptor.tick()
    t.equal(server.session.status, 'live')
    link.settle()
    link.client.items.length = 0
  }
  t.equal(link.dialed.length, 1)
})

t.test('the largest counts only where too many items, or too many bytes beside its own, wait in all', async (t) => {
  const entry = (backlog: number, heldBytes: number) => ({ session: { backlog, heldBytes } })
  const small = entry(1000, 1_000_000)
  t.equal(overfull([], cutBounds), undefined)
  t.equal(overfull([entry(131_072, 0)], cutBounds), undefined)
  const many = entry(131_073, 0)
  t.equal(overfull([small, many], cutBounds), many)
  t.equal(overfull([entry(0, 200_000_000)], cutBounds), undefined, 'what one may hold has bounds of its own')
  const large = entry(0, 80_000_000)
  t.equal(overfull([small, entry(0, 70_000_000), large], cutBounds), large)
  const stalled = [entry(262_144, 900_000_000), entry(262_144, 900_000_000)]
  t.equal(overfull(stalled, behindBounds), undefined, 'much may be in flight to peers that have stalled for a moment')
  t.equal(overfull([...stalled, entry(1, 0)], behindBounds), stalled[0])
})
