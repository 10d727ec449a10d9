/** Frames that would open a session wait for another turn, in the order of their connections, and what follows them waits, too. */
import t from 'tap'
import { HeldFrames, isOpening } from '../../src/session/held-frames.js'
import { type HeldPeer, heldLab } from './held-lab.js'
import { helloOf, LinkPair, lost } from './link-pair.js'
import { alice, nonces, server } from './secured-pair.js'
import { ToyAuthenticator, ToyProver } from './toy-proof.js'

const hello = (session: number) => helloOf({ session: Buffer.alloc(16, session) })

t.test('a session that exists is read while hellos wait, and each turn takes them in order', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(9, ['a'])
  const [a] = peers as [HeldPeer]
  for (let session = 100; session < 110; session++) t.notOk(receive(`peer ${session}`, hello(session)))
  t.equal(acceptor.size, 1)
  t.notOk(receive('a', a.frame('1', '2')))
  t.strictSame(texts(), ['12'], 'it is taken at once')
  t.notOk(takeRest())
  t.equal(acceptor.size, 2)
  while (!takeRest());
  t.equal(acceptor.size, 11)
  t.ok(receive('a', a.frame('3')))
})

t.test('a frame that is held has its turn beside each hello', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(1, ['a', 'b'])
  const [a, b] = peers as [HeldPeer, HeldPeer]
  for (let session = 100; session < 110; session++) receive(`peer ${session}`, hello(session))
  receive('a', a.frame('1', '2', '3'))
  receive('b', b.frame('1', '2'))
  for (let turn = 0; turn < 4; turn++) takeRest()
  t.strictSame(texts().slice(0, 2), ['12', '12'])
  t.equal(acceptor.size, 4)
  takeRest()
  takeRest()
  t.strictSame(texts().slice(0, 2), ['123', '12'])
})

t.test('hellos have a share of the turn together, as each frame that is held has one', async (t) => {
  const held = new HeldFrames<{ readonly name: string }>()
  const s = { name: 's' }
  for (let peer = 1; peer < 8; peer++) held.wait({ peer: `${peer}`, frame: Buffer.alloc(1) })
  held.hold(s)
  const taken: string[] = []
  const shares: boolean[] = []
  let hellos = 0
  while (held.size > 1) {
    held.takeMore(
      (next) => {
        if (isOpening(next)) hellos += 1
        taken.push(isOpening(next) ? next.peer : next.name)
        return isOpening(next) && hellos % 3 === 0
      },
      () => {},
    )
    shares.push(held.continuesShare)
  }
  t.strictSame(taken, ['s', '1', '2', '3', 's', '4', '5', '6', 's', '7'])
  t.strictSame(shares, [false, true, true, false, false, true, true, false, false, false])
})

t.test('what follows a hello waits for it, also another hello, and the end of the connection', async (t) => {
  const { acceptor, takeRest, servers, texts, receive, reports } = heldLab(1, ['a'])
  const lab = heldLab(9, ['a'])
  const [peer] = lab.peers as [HeldPeer]
  const first = [hello(7), hello(8)]
  const [goodbye, again] = peer.startAgain()
  lab.receive('a', again)
  while (!lab.takeRest());
  const frame = peer.frame('1', '2', '3')
  for (const each of [...first, again, frame]) receive('stranger', each)
  acceptor.gone('stranger', lost)
  t.equal(acceptor.size, 1)
  t.equal(acceptor.strayFrames, 0)
  takeRest()
  t.equal(acceptor.size, 2)
  takeRest()
  t.equal(servers[1]?.session.status, 'ended', 'its connection has begun another one')
  while (!takeRest());
  t.strictSame(texts(), ['', '', '', '123'])
  t.strictSame(
    servers.map(({ session }) => session.status),
    ['live', 'ended', 'ended', 'cut'],
  )
  t.strictSame(reports, [])
  t.ok(goodbye.length > 0)
})

t.test('dialers that gave up before their hello was taken do not delay those that wait', async (t) => {
  const { acceptor, receive, takeRest, servers, reports } = heldLab(1, [])
  const sessions = Array.from({ length: 10 }, (_, index) => index + 1)
  for (const session of sessions) receive(`first ${session}`, hello(session))
  for (const session of sessions) {
    acceptor.gone(`first ${session}`, lost)
    receive(`second ${session}`, helloOf({ session: Buffer.alloc(16, session), connection: 2 }))
  }
  while (!takeRest());
  t.equal(servers.length, 10, 'no session has begun twice')
  for (const { statuses } of servers) t.strictSame(statuses, ['live'])
  t.ok(acceptor.held.bytes === 0)
  t.strictSame(reports, [])
})

t.test('a hello of a connection that has ended does not move its session there', async (t) => {
  const { acceptor, peers, receive, takeRest, servers } = heldLab(9, ['a'])
  const [a] = peers as [HeldPeer]
  const session = Buffer.alloc(16, 1)
  receive('b', helloOf({ session, connection: 2, resume: true }))
  acceptor.gone('b', lost)
  while (!takeRest());
  t.strictSame(servers[0]?.statuses, ['live'])
  receive('a', a.frame('1'))
  t.strictSame(servers[0]?.texts, ['1'])
})

t.test('hellos that wait count for what may wait', async (t) => {
  const { acceptor, receive, takeRest } = heldLab(1, [])
  const large = helloOf({ extensions: { padding: Buffer.alloc(100_000) } })
  let hellos = 0
  for (; acceptor.held.mayReceive && hellos < 100; hellos++) receive(`peer ${hellos}`, large)
  t.equal(hellos, 11)
  takeRest()
  t.ok(acceptor.held.mayReceive)
  while (!takeRest());
  t.ok(acceptor.held.mayReceive)
  receive('one', large)
  t.ok(acceptor.held.mayReceive, 'nothing is counted twice')
})

t.test('an acceptor that is closed takes no hello that waits, and awaits no goodbye there', async (t) => {
  const { acceptor, peers, receive, takeRest } = heldLab(9, ['a', 'b'])
  const [a] = peers as [HeldPeer]
  for (const frame of a.startAgain()) receive('a', frame)
  receive('stranger', hello(7))
  t.strictSame(acceptor.close(lost), ['b'])
  t.ok(takeRest())
  t.equal(acceptor.size, 0)
})

t.test('a proof waits as well, and is dropped if its connection ends behind it', async (t) => {
  const authenticator = new ToyAuthenticator(server, [alice], nonces(1))
  const prover = new ToyProver(alice, [server], nonces(101))
  const link = new LinkPair({ authenticator, prover, spend: () => false })
  link.up()
  const { acceptor, toAcceptor, toDialer, dialer, peer } = link
  acceptor.receive(peer, toAcceptor.shift() as Buffer)
  t.equal(toDialer.length, 0, 'the hello is not answered yet')
  acceptor.takeRest()
  dialer.receive(toDialer.shift() as Buffer)
  t.notOk(acceptor.receive(peer, toAcceptor.shift() as Buffer))
  acceptor.gone(peer, lost)
  t.equal(acceptor.size, 0)
  while (!acceptor.takeRest());
  t.equal(acceptor.size, 0)
  t.strictSame(link.identities, [])
  t.strictSame(authenticator.refusals, [])
  t.strictSame(link.acceptorReports, [])
})

t.test('a malformed hello is refused when its turn comes, and harms nobody', async (t) => {
  const link = new LinkPair({ spend: () => false })
  const broken = helloOf({ connection: 0 })
  t.notOk(link.acceptor.receive('stranger', broken))
  t.strictSame(link.acceptorReports, [])
  t.ok(link.acceptor.takeRest())
  t.strictSame(link.acceptorReports, ['RIVULET_PROTOCOL_VIOLATION'])
  t.equal(link.acceptor.strayFrames, 1)
})
