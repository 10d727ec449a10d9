/** Frames of several connections wait behind frames that are held, while sessions move, end, and follow one another. */
import t from 'tap'
import { type HeldPeer, heldLab } from './held-lab.js'
import { helloOf, lost } from './link-pair.js'

t.test('a session that is resumed on another connection takes what comes there behind its frame', async (t) => {
  const { acceptor, peers, receive, takeRest, texts, servers, reports } = heldLab(1, ['a'])
  const [a] = peers as [HeldPeer]
  receive('a', a.frame('1', '2', '3'))
  const late = a.frame('4')
  receive('a', late)
  acceptor.gone('a', lost)
  a.reconnect('b')
  t.equal(servers[0]?.session.status, 'live')
  // the one that waits on the former connection is sent again
  for (const frame of a.sent.splice(0)) receive('b', frame)
  receive('b', a.frame('5', '6'))
  while (!takeRest());
  t.strictSame(texts(), ['123456'])
  t.equal(servers[0]?.session.status, 'live')
  receive('b', a.frame('7'))
  t.strictSame(texts(), ['1234567'])
  t.strictSame(reports, [])
  t.strictSame(servers[0]?.statuses, ['live', 'cut', 'live'])
})

t.test('a connection of which nothing waits any more does not wait for the session that has left it', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(1, ['a'])
  const [a] = peers as [HeldPeer]
  receive('a', a.frame('1', '2', '3', '4'))
  receive('a', a.frame('5'))
  a.reconnect('b')
  for (const frame of a.sent.splice(0)) receive('b', frame)
  receive('b', a.frame('6', '7'))
  receive('b', a.frame('8'))
  while (!texts()[0]?.endsWith('6')) takeRest()
  t.equal(acceptor.held.size, 1)
  receive('a', helloOf())
  t.equal(acceptor.held.size, 2, 'it waits for its own turn')
  while (!takeRest());
  t.strictSame(texts(), ['12345678', ''])
})

t.test('the end of the connection where it was resumed cuts it', async (t) => {
  for (const isLate of [false, true]) {
    const { acceptor, peers, receive, takeRest, texts, servers } = heldLab(1, ['a'])
    const [a] = peers as [HeldPeer]
    receive('a', a.frame('1', '2', '3'))
    receive('a', a.frame('4'))
    acceptor.gone('a', lost)
    a.reconnect('b')
    const again = a.sent.splice(0)
    if (isLate) for (const frame of again) receive('b', frame)
    acceptor.gone('b', lost)
    t.equal(servers[0]?.session.status, isLate ? 'live' : 'cut', 'the end waits for frames of its connection alone')
    while (!takeRest());
    t.strictSame(texts(), [isLate ? '1234' : '123'])
    t.equal(servers[0]?.session.status, 'cut')
    a.reconnect('c')
    for (const frame of a.sent.splice(0)) receive('c', frame)
    while (!takeRest());
    t.strictSame(texts(), ['1234'])
  }
})

t.test('a peer that does not wait for its welcome has the frames of its next session held, too', async (t) => {
  const frames: Buffer[] = []
  const recorded = heldLab(100, ['a'])
  const [peer] = recorded.peers as [HeldPeer]
  frames.push(peer.frame('1', '2'), ...peer.startAgain())
  for (const frame of frames) recorded.receive('a', frame)
  while (!recorded.takeRest());
  frames.push(peer.frame('3', '4', '5'), peer.frame('6', '7'))
  const { acceptor, receive, takeRest, texts, reports } = heldLab(1, ['a'])
  for (const frame of frames) receive('a', frame)
  while (!takeRest());
  t.strictSame(texts(), ['12', '34567'])
  t.equal(acceptor.strayFrames, 0)
  t.strictSame(reports, [])
})

/** An acceptor whose session has ended while a frame of it is held, and others of its connection wait. */
function ended(behind: (peer: HeldPeer) => readonly Buffer[]) {
  const lab = heldLab(1, ['a'])
  const [a] = lab.peers as [HeldPeer]
  lab.receive('a', a.frame('1', '2', '3'))
  for (const frame of behind(a)) lab.receive('a', frame)
  lab.servers[0]?.session.end(lost)
  lab.acceptor.tick()
  t.equal(lab.acceptor.size, 0)
  return { ...lab, a }
}

t.test('a session that ends leaves the frames of its connection in order', async (t) => {
  const { acceptor, a, receive, takeRest, texts, servers } = ended((peer) => [peer.frame('4')])
  const [, hello] = a.startAgain()
  receive('a', hello)
  t.equal(acceptor.size, 0, 'the hello waits for what came before it')
  t.notOk(takeRest(), 'what came before it is dropped')
  t.ok(takeRest())
  t.strictSame(texts(), ['1', ''])
  t.equal(servers[1]?.session.status, 'live')
})

t.test('the end of its connection comes behind the hello that waits there, which begins no session then', async (t) => {
  const { acceptor, takeRest, servers } = ended((peer) => peer.startAgain())
  acceptor.gone('a', lost)
  while (!takeRest());
  t.equal(acceptor.size, 0)
  t.equal(servers.length, 1)
})

t.test('a goodbye is awaited of no connection whose end, or whose next hello, waits', async (t) => {
  const { acceptor, peers, receive, reports } = heldLab(1, ['a', 'b', 'c'])
  const [a, b, c] = peers as [HeldPeer, HeldPeer, HeldPeer]
  receive('a', a.frame('1', '2'))
  receive('a', a.frame('3'))
  acceptor.gone('a', lost)
  receive('b', b.frame('1', '2'))
  for (const frame of b.startAgain()) receive('b', frame)
  receive('c', c.frame('1', '2'))
  receive('c', c.frame('3'))
  t.strictSame(acceptor.close(lost), ['c'])
  t.strictSame(reports, [])
})

t.test('a handler that closes it awaits no goodbye of a connection whose end comes behind its own frame', async (t) => {
  const { acceptor, peers, receive, takeRest, servers } = heldLab(1, ['a', 'b'])
  const [a] = peers as [HeldPeer]
  receive('a', a.frame('1', '2'))
  receive('a', a.frame('3'))
  acceptor.gone('a', lost)
  const [server] = servers
  const leaving: string[][] = []
  if (server) server.listen = ({ body }) => body.toString() === '3' && leaving.push(acceptor.close(lost))
  while (!takeRest());
  t.strictSame(leaving, [['b']])
})

t.test('a handler that closes the acceptor lets nothing begin that waits', async (t) => {
  const { acceptor, peers, receive, takeRest, servers } = heldLab(2, ['a', 'b'])
  const [a, b] = peers as [HeldPeer, HeldPeer]
  receive('a', a.frame('1', '2', '3'))
  receive('a', a.frame('4'))
  for (const frame of a.startAgain()) receive('a', frame)
  receive('b', b.frame('1', '2', '3'))
  const [server] = servers
  if (server) server.listen = ({ body }) => body.toString() === '4' && acceptor.close(lost)
  for (let rounds = 0; rounds < 9; rounds++) takeRest()
  t.ok(server?.texts.includes('4'))
  t.equal(server?.session.status, 'ended')
  t.equal(acceptor.size, 0)
  t.equal(servers.length, 2)
  t.equal(acceptor.held.size, 0)
})
