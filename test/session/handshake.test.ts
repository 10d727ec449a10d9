/** How sessions begin, are resumed and refused. */
import t from 'tap'
import { refusalReason, writeRefusal, writeWelcome } from '../../src/session/handshake.js'
import { helloOf, LinkPair, lost, refusalsIn, settings } from './link-pair.js'

t.test('a session begins with the welcome, and what waited for it arrives', async (t) => {
  const link = new LinkPair()
  const { client } = link
  client.send(client.session.openStream(), 'early')
  t.equal(client.session.status, 'opening')
  t.equal(client.session.isUnsent(1), true)
  link.up()
  t.match(link.hello(), { resume: false, connection: 1, received: 0, minVersion: 1, maxVersion: 1 })
  link.settle()
  t.equal(client.session.status, 'live')
  t.equal(link.server.session.status, 'live')
  t.strictSame(link.server.texts, ['early'])
  t.equal(client.session.isUnsent(1), false)
  t.equal(client.session.openStream(), 2)
  t.equal(link.server.session.openStream(), -1)
})

t.test('a cut shows as time: everything arrives once, in order, under the same numbers', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  for (let round = 0; round < 4; round++) {
    for (const side of [client, server]) side.send(7, `${round}a`)
    link.flush()
    for (const side of [client, server]) side.send(7, `${round}b`)
    link.cut()
    t.equal(client.session.status, 'cut')
    for (const side of [client, server]) side.send(7, `${round}c`)
    link.up()
    t.match(link.hello(), { resume: true, connection: round + 2 })
    link.settle()
  }
  const expected = [0, 1, 2, 3].flatMap((round) => ['a', 'b', 'c'].map((letter) => `${round}${letter}`))
  t.strictSame(server.texts, expected)
  t.strictSame(client.texts, expected)
  t.equal(link.dialed.length, 1)
  t.strictSame(client.statuses, ['live', ...Array(4).fill(['cut', 'live']).flat()])
})

t.test('a welcome that is lost: the session begins anew, and nothing of it arrives twice', async (t) => {
  const link = new LinkPair()
  link.client.send(1, 'once')
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  link.server.send(-1, 'to nobody')
  link.cut()
  link.connect()
  t.equal(link.accepted.length, 2)
  t.equal(link.accepted[0]?.session.status, 'ended')
  t.equal(link.acceptor.size, 1)
  t.strictSame(link.server.texts, ['once'])
  t.strictSame(link.client.texts, [])
})

t.test(
  'a session that is not known any more ends at once, and another one begins on the same connection',
  async (t) => {
    const link = new LinkPair().connect()
    const [former] = link.dialed
    former?.send(1, 'lost')
    former?.send(2, 'lost')
    link.cut()
    link.acceptor.close(lost)
    const other = new LinkPair() // the acceptor that was started again
    link.up()
    other.acceptor.receive(other.peer, link.toAcceptor.shift() as Buffer)
    for (const frame of other.toDialer.splice(0)) link.dialer.receive(frame)
    t.equal(former?.session.status, 'ended')
    t.equal(former?.reason, 'RIVULET_SESSION_LOST')
    t.equal(link.dialed.length, 2)
    const again = link.hello()
    t.match(again, { resume: false, connection: 3 }, 'numbers of connections go on over sessions')
    t.notSame(again.session, Buffer.alloc(16, 1))
    t.strictSame(link.dialerReports, [], 'which is no error of anybody')
  },
)

t.test('no common version', async (t) => {
  const link = new LinkPair()
  link.up()
  link.toAcceptor.length = 0
  link.acceptor.receive(link.peer, helloOf({ minVersion: 2, maxVersion: 7 }))
  t.strictSame(refusalsIn(link.toDialer), ['version'])
  t.equal(link.acceptor.size, 0)
  link.dialer.receive(link.toDialer.shift() as Buffer)
  t.strictSame(link.dialerReports, ['RIVULET_INCOMPATIBLE_PROTOCOL'])
  t.equal(link.client.session.status, 'opening', 'calls still wait')
  t.equal(link.toAcceptor.length, 0)
  link.pass(1000, false)
  t.match(link.hello(), { connection: 2 }, 'and it is tried again')
})

t.test('a welcome in a version that was not offered is a violation', async (t) => {
  const link = new LinkPair()
  link.up()
  const { limits } = settings
  const welcome = { version: 2, capabilities: [], connection: 1, resumed: false, received: 0, limits, extensions: {} }
  link.dialer.receive(writeWelcome(welcome))
  t.strictSame(link.dialerReports, ['RIVULET_PROTOCOL_VIOLATION'])
  t.equal(link.dialed[0]?.session.status, 'ended')
  t.equal(link.toAcceptor.length, 1, 'another hello waits for the next tick')
  link.pass(1000, false)
  t.equal(link.toAcceptor.length, 2)
})

t.test('a newer connection takes the session over, and the older one is told', async (t) => {
  const link = new LinkPair().connect()
  const before = link.peer
  link.client.send(1, 'on the old one')
  link.flush()
  const old = link.toAcceptor.splice(0)
  link.dialer.down(lost)
  link.connect()
  t.strictSame(refusalsIn(link.elsewhere.filter(({ peer }) => peer === before).map(({ frame }) => frame)), [
    'superseded',
  ])
  for (const frame of old) link.acceptor.receive(before, frame)
  t.strictSame(link.server.texts, ['on the old one'], 'once, on the new one')
  t.equal(link.acceptor.size, 1)
  link.acceptor.gone(before, lost)
  t.equal(link.server.session.status, 'live')
})

t.test('who is superseded itself ends its session', async (t) => {
  const link = new LinkPair().connect()
  link.dialer.receive(writeRefusal(1, refusalReason.superseded, 'somebody else has it'))
  t.equal(link.dialed[0]?.session.status, 'ended')
  t.strictSame(link.dialerReports, ['RIVULET_SESSION_LOST'])
  t.equal(link.dialed.length, 2)
})

t.test('one hello twice, and an older one late', async (t) => {
  const link = new LinkPair()
  link.up()
  const first = link.toAcceptor[0] as Buffer
  link.acceptor.receive(link.peer, first)
  link.acceptor.receive(link.peer, first)
  t.equal(link.toDialer.length, 1)
  link.settle()
  const old = link.peer
  link.cut()
  link.connect()
  link.acceptor.receive(old, first)
  t.equal(link.server.session.status, 'live')
  link.client.send(1, 'still here')
  link.settle()
  t.strictSame(link.server.texts, ['still here'])
})

t.test('what is left of an old connection is ignored: welcome, refusal, link frames', async (t) => {
  const link = new LinkPair()
  link.up()
  link.acceptor.receive(link.peer, link.toAcceptor.shift() as Buffer)
  link.server.send(-1, 'early')
  link.flush()
  const old = link.toDialer.splice(0)
  t.equal(old.length, 2)
  link.cut()
  link.up()
  for (const frame of old) link.dialer.receive(frame)
  link.dialer.receive(writeRefusal(1, refusalReason.unknownSession, 'late'))
  t.equal(link.client.session.status, 'opening')
  t.strictSame(link.client.texts, [])
  link.settle()
  t.equal(link.client.session.status, 'live')
  t.equal(link.dialed.length, 1)
  for (const frame of old) link.dialer.receive(frame)
  t.strictSame(link.client.texts, [])
})

t.test('numbers that cannot be resumed with are a violation', async (t) => {
  const link = new LinkPair().connect()
  for (let count = 0; count < 3; count++) {
    link.server.send(-1, 'x')
    link.settle()
  }
  link.pass(1000) // the three are acknowledged
  for (const received of [2, 4, 2 ** 40]) {
    const other = new LinkPair().connect()
    for (let count = 0; count < 3; count++) {
      other.server.send(-1, 'x')
      other.settle()
    }
    other.pass(1000)
    other.cut()
    const session = Buffer.alloc(16, 1)
    other.acceptor.receive('thief', helloOf({ session, connection: 2, resume: true, received }))
    t.equal(other.server.session.status, 'ended', `${received} of 3`)
    t.equal(other.server.reason, 'RIVULET_PROTOCOL_VIOLATION')
    t.equal(other.acceptor.size, 0)
  }
  link.acceptor.receive('friend', helloOf({ session: Buffer.alloc(16, 1), connection: 2, resume: true, received: 3 }))
  t.equal(link.server.session.status, 'live')
})

t.test('a session that is under way cannot be begun again', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'x')
  link.settle()
  link.acceptor.receive('thief', helloOf({ session: Buffer.alloc(16, 1), connection: 7 }))
  t.strictSame(link.acceptorReports, ['RIVULET_PROTOCOL_VIOLATION'])
  t.equal(link.server.session.status, 'live')
  link.client.send(1, 'y')
  link.settle()
  t.strictSame(link.server.texts, ['x', 'y'])
})

t.test('too many sessions: those without a connection make room, the longest cut first', async (t) => {
  const link = new LinkPair()
  const { acceptor } = link
  for (let peer = 0; peer < settings.maxSessions; peer++) {
    acceptor.receive(`p${peer}`, helloOf({ session: Buffer.alloc(16, 100 + peer) }))
  }
  t.equal(acceptor.size, settings.maxSessions)
  acceptor.receive('late', helloOf({ session: Buffer.alloc(16, 200), connection: 3 }))
  t.equal(acceptor.size, settings.maxSessions)
  t.strictSame(link.acceptorReports, ['RIVULET_TOO_MANY_SESSIONS'])
  t.strictSame(refusalsIn(link.elsewhere.map(({ frame }) => frame)), ['too-many-sessions'])
  acceptor.gone('p2', lost)
  acceptor.gone('p0', lost)
  acceptor.receive('late', helloOf({ session: Buffer.alloc(16, 200), connection: 4 }))
  t.strictSame(
    link.accepted.map(({ session }) => session.status),
    ['cut', 'live', 'ended', 'live', 'live'],
  )
  acceptor.receive('p0 again', helloOf({ session: Buffer.alloc(16, 100), connection: 2, resume: true }))
  t.equal(link.accepted[0]?.session.status, 'live')
})

t.test('a dialer that finds no place tries again with each tick', async (t) => {
  const link = new LinkPair({ acceptor: { maxSessions: 0 } })
  link.client.send(1, 'patient')
  link.connect()
  t.strictSame(link.dialerReports, ['RIVULET_TOO_MANY_SESSIONS'])
  link.pass(3000)
  t.equal(link.dialerReports.length, 4)
  t.equal(link.client.session.status, 'opening')
  t.equal(link.dialed.length, 1)
})

t.test('another session on the same connection ends the former one', async (t) => {
  const link = new LinkPair().connect()
  link.acceptor.receive(link.peer, helloOf({ connection: 5 }))
  t.equal(link.accepted[0]?.session.status, 'ended')
  t.equal(link.acceptor.size, 1)
})

t.test('a hello without an answer costs the connection', async (t) => {
  const link = new LinkPair()
  link.up()
  link.pass(2000, false)
  t.equal(link.reconnects, 0)
  link.pass(1000, false)
  t.equal(link.reconnects, 1)
  t.strictSame(link.dialerReports, ['RIVULET_HANDSHAKE_FAILED'])
})

t.test('link frames before a hello are dropped, counted, and answered', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'x')
  link.flush()
  const [frame = Buffer.alloc(0)] = link.toAcceptor.splice(0)
  link.acceptor.receive('stranger', frame)
  t.equal(link.acceptor.strayFrames, 1)
  t.strictSame(refusalsIn(link.elsewhere.map(({ frame }) => frame)), ['unknown-session'])
  t.strictSame(link.server.items, [])
})

t.test('a broken frame resets the connection, and the session goes on', async (t) => {
  const link = new LinkPair().connect()
  for (const side of ['acceptor', 'dialer'] as const) {
    const [from, frames] = side === 'acceptor' ? [link.client, link.toAcceptor] : [link.server, link.toDialer]
    from.send(3, `to the ${side}`)
    link.flush()
    const changed = Buffer.from(frames[0] as Buffer)
    changed[changed.length - 2] = (changed.at(-2) as number) ^ 4
    frames[0] = changed
    link.settle()
    t.equal(link.client.session.status, 'cut')
    link.cut()
    link.connect()
  }
  t.equal(link.reconnects, 2)
  t.strictSame(link.server.texts, ['to the acceptor'])
  t.strictSame(link.client.texts, ['to the dialer'])
  t.strictSame(link.acceptorReports, ['RIVULET_CORRUPT_FRAME'])
  t.strictSame(link.dialerReports, ['RIVULET_TRANSPORT_FAILED', 'RIVULET_CORRUPT_FRAME'])
})

t.test('frames that do not belong where they come', async (t) => {
  const link = new LinkPair().connect()
  link.acceptor.receive('q', writeRefusal(1, 'x', 'y'))
  t.equal(link.acceptor.strayFrames, 1)
  link.dialer.receive(helloOf())
  t.strictSame(link.dialerReports, ['RIVULET_BAD_FRAME'])
})
