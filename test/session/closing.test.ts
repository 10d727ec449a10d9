/** The orderly end of a session, and the word before it. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { itemFlag } from '../../src/session/item.js'
import { bodyOf, LinkPair, lost } from './link-pair.js'

const closing = new RivuletError('RIVULET_CLOSED', 'the test closes')

t.test('a goodbye comes behind all that may leave, and ends the session at both sides', async (t) => {
  for (const closer of ['dialer', 'acceptor'] as const) {
    const link = new LinkPair().connect()
    const [from, to] = closer === 'dialer' ? [link.client, link.server] : [link.server, link.client]
    from.send(1, 'gathered')
    from.send(1, Buffer.alloc(80_000))
    link[closer].close(closing)
    t.equal(from.session.status, 'ended')
    t.equal(from.reason, 'RIVULET_CLOSED')
    link.settle()
    t.strictSame(
      to.items.map(({ body }) => body.length),
      [8, 80_000],
    )
    t.equal(to.session.status, 'ended')
    t.equal(to.reason, 'RIVULET_CLOSED')
    t.match(from.session, { settled: true, heldBytes: 0 })
  }
})

t.test('a dialer that closes before it is welcome leaves no session behind, and nothing of what waited', async (t) => {
  const link = new LinkPair()
  link.client.send(1, 'waited')
  link.up()
  link.dialer.close(closing)
  t.match(link.client.session, { status: 'ended', settled: true })
  link.settle()
  t.equal(link.acceptor.size, 0)
  t.match(link.server, { reason: 'RIVULET_CLOSED', items: [] })
  t.strictSame([...link.acceptorReports, ...link.dialerReports], [])
})

t.test('a dialer that is refused while it closes does no harm', async (t) => {
  const link = new LinkPair({ acceptor: { maxSessions: 0 } })
  link.up()
  link.dialer.close(closing)
  link.settle()
  t.match(link.acceptor, { size: 0, strayFrames: 1 })
  t.strictSame(link.acceptorReports, ['RIVULET_TOO_MANY_SESSIONS'])
})

t.test('after the end nothing can be sent, and nothing is held', async (t) => {
  const link = new LinkPair()
  const { client } = link
  client.send(1, Buffer.alloc(10_000))
  t.ok(client.session.heldBytes > 10_000)
  link.dialer.close(closing)
  t.throws(() => client.send(1), { code: 'RIVULET_CLOSED' })
  t.equal(client.session.isWritable(1), false)
  t.match(client.session, { settled: true, heldBytes: 0, streamStates: 0 })
  client.session.consumed(1, 100)
  client.session.forget(1)
  link.dialer.close(closing)
  link.up()
  t.equal(link.toAcceptor.length, 0, 'a closed dialer says no hello')
  link.dialer.tick()
  t.equal(client.changes.length, 1, 'the end is told once')
})

t.test('who is told of the end can still learn what never left', async (t) => {
  const link = new LinkPair().connect()
  const { client } = link
  client.send(1, 'left')
  link.cut()
  client.send(2, 'waited')
  const unsent: boolean[] = []
  client.onStatus = () => unsent.push(client.session.isUnsent(1), client.session.isUnsent(2))
  link.dialer.close(closing)
  t.strictSame(unsent, [false, true])
})

t.test('a dialer whose peer has closed begins another session', async (t) => {
  const link = new LinkPair().connect()
  link.acceptor.close(closing)
  link.settle()
  t.equal(link.dialed.length, 2)
  t.equal(link.client.session.status, 'opening')
  t.equal(link.acceptor.size, 0, 'which a closed acceptor does not take')
  t.strictSame(link.dialerReports, [])
})

t.test('drain: no new streams, please; old ones go on, and later sessions are told at once', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  t.equal(client.session.draining, false)
  link.acceptor.announceDrain()
  link.settle()
  t.equal(client.session.draining, true)
  t.equal(client.changes.filter(({ draining }) => draining).length, 1)
  client.send(1, 'goes on')
  server.send(1, 'does it', itemFlag.last)
  link.settle()
  t.strictSame([...server.texts, ...client.texts], ['goes on', 'does it'])
  link.dialer.down(lost)
  link.dialer.close(closing)
  const other = new LinkPair()
  other.acceptor.announceDrain()
  other.connect()
  t.equal(other.client.session.draining, true)
})

t.test('a handler that ends its session within an item gets no other', async (t) => {
  const link = new LinkPair().connect()
  for (const text of ['one', 'two', 'three']) link.client.send(1, text)
  link.server.listen = () => link.acceptor.close(closing)
  link.settle()
  t.strictSame(link.server.texts, ['one'])
})

t.test('a connection that is lost within an item: the rest of its frame has come, and counts', async (t) => {
  const link = new LinkPair().connect()
  for (const text of ['one', 'two', 'three']) link.client.send(1, text)
  let cut = false
  link.server.listen = () => {
    if (!cut) link.acceptor.gone(link.peer, lost)
    cut = true
  }
  link.settle()
  t.equal(link.server.session.status, 'cut')
  link.dialer.down(lost)
  link.client.send(1, 'four')
  link.connect()
  t.strictSame(link.server.texts, ['one', 'two', 'three', 'four'])
})

t.test('settled: everything has arrived', async (t) => {
  const link = new LinkPair().connect()
  t.equal(link.dialer.settled, true)
  link.client.session.send(1, 20, 0, bodyOf('x'))
  t.equal(link.dialer.settled, false)
  link.flush()
  t.equal(link.dialer.settled, false, 'sent is not arrived')
  link.settle()
  link.pass(1000)
  t.equal(link.dialer.settled, true)
  t.equal(link.acceptor.settled, true)
})
