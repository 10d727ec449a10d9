/** Signs of life, acknowledgements, suspicion, retention: what the passing of time does to a session. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { LinkPair, look, refusalsIn, settings } from './link-pair.js'

const { heartbeatMs, silenceMs, retentionMs } = settings

t.test('each side says something with each tick, and nothing more', async (t) => {
  const link = new LinkPair().connect()
  link.pass(heartbeatMs, false)
  t.equal(link.toAcceptor.length, 1)
  t.equal(link.toDialer.length, 1)
  t.match(look(link.toAcceptor[0] as Buffer), { sequence: 0, acknowledged: 0 })
  link.settle()
  link.client.send(1)
  link.flush()
  link.toAcceptor.length = 0
  link.pass(heartbeatMs, false)
  t.equal(link.toAcceptor.length, 0, 'who has just spoken is alive')
})

t.test('what has come is acknowledged with the next sign of life, or with what is sent anyway', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1)
  link.settle()
  t.equal(link.dialer.settled, false)
  link.pass(heartbeatMs)
  t.equal(link.dialer.settled, true)
  link.client.send(1)
  link.settle()
  link.server.send(-1)
  link.settle()
  t.equal(link.dialer.settled, true)
})

t.test('a quarter of the window is acknowledged by itself, at once', async (t) => {
  const link = new LinkPair().connect()
  const quarter = settings.limits.windowBytes / 4
  for (let sent = 0; sent < quarter - 2000; sent += 1000) link.client.send(sent + 1, Buffer.alloc(1000))
  link.flush()
  for (const frame of link.toAcceptor.splice(0)) link.acceptor.receive(link.peer, frame)
  t.equal(link.toDialer.length, 0)
  for (const stream of [1, 2, 3]) link.client.send(stream, Buffer.alloc(1000))
  link.flush()
  for (const frame of link.toAcceptor.splice(0)) link.acceptor.receive(link.peer, frame)
  t.equal(link.toDialer.length, 1, 'before the end of the turn')
  t.match(look(link.toDialer[0] as Buffer), { sequence: 0, acknowledged: 2 })
})

t.test('the last frame is lost: the next sign of life says so', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'lost')
  link.flush()
  link.toAcceptor.length = 0
  link.pass(heartbeatMs, false) // it has just spoken
  link.pass(heartbeatMs, false)
  t.match(look(link.toAcceptor[0] as Buffer), { sequence: 1 })
  link.settle()
  t.strictSame(link.acceptorReports, ['RIVULET_TRANSPORT_FAILED'])
  t.equal(link.reconnects, 1)
  link.cut()
  link.connect()
  t.strictSame(link.server.texts, ['lost'])
})

t.test('a frame in the middle is lost: the next one shows it, and is not taken', async (t) => {
  const link = new LinkPair().connect()
  for (const text of ['one', 'two', 'three']) {
    link.server.send(1, text)
    link.flush()
  }
  link.toDialer.splice(1, 1)
  link.settle()
  t.strictSame(link.client.texts, ['one'])
  t.equal(link.reconnects, 1)
  link.cut()
  link.connect()
  t.strictSame(link.client.texts, ['one', 'two', 'three'])
})

t.test('a frame that comes again is ignored', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'once')
  link.flush()
  const frame = Buffer.from(link.toAcceptor[0] as Buffer)
  link.settle()
  link.acceptor.receive(link.peer, frame)
  t.strictSame(link.server.texts, ['once'])
  t.equal(link.server.session.status, 'live')
})

t.test('silence costs the dialer its connection, and the acceptor asks for another; the session goes on', async (t) => {
  const link = new LinkPair().connect()
  link.pass(silenceMs, false)
  t.match([link.client.session, link.server.session], [{ suspected: false }, { suspected: false }])
  link.toDialer.length = 0
  link.pass(heartbeatMs, false)
  t.match(
    [link.client, link.server],
    [{ session: { status: 'cut' } }, { session: { suspected: true, status: 'live' } }],
  )
  t.equal(link.reconnects, 1)
  t.strictSame(link.dialerReports, ['RIVULET_TRANSPORT_FAILED'])
  t.strictSame(refusalsIn(link.toDialer), ['reset'])
  link.cut()
  link.client.send(1, 'kept')
  link.connect()
  t.strictSame(link.server.texts, ['kept'])
  t.match([link.client.session, link.server.session], [{ suspected: false }, { suspected: false }])
  t.equal(link.dialed.length, 1)
})

t.test(
  'a peer that is silent for long keeps its session at the acceptor, and is asked once for a connection',
  async (t) => {
    const link = new LinkPair().connect()
    link.pass(10 * retentionMs, false)
    t.match(link.server.session, { suspected: true, status: 'live' })
    t.equal(refusalsIn(link.toDialer).length, 1)
    t.equal(link.server.changes.filter(({ suspected }) => suspected).length, 1)
  },
)

t.test('a dialer that is asked for another connection, since nothing of it arrives, makes it', async (t) => {
  const link = new LinkPair().connect()
  for (let passed = 0; passed < silenceMs + heartbeatMs; passed += heartbeatMs) {
    t.equal(link.reconnects, 0)
    link.now += heartbeatMs
    link.dialer.tick()
    link.acceptor.tick()
    link.toAcceptor.length = 0 // the way there is dead
    for (const frame of link.toDialer.splice(0)) link.dialer.receive(frame)
  }
  t.equal(link.reconnects, 1)
  t.equal(link.server.session.status, 'live')
})

t.test('a busy acceptor loses no session while connections to its process can be made', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'patient')
  for (let round = 0; round < 20; round++) {
    link.pass(retentionMs - heartbeatMs, false)
    link.dialer.down(new RivuletError('RIVULET_TRANSPORT_FAILED', 'replaced'))
    link.up()
  }
  t.equal(link.dialed.length, 1)
  t.equal(link.client.session.status, 'cut')
})

t.test('a side that has stalled itself gives its peer a fresh period', async (t) => {
  const link = new LinkPair().connect()
  link.now += 3 * silenceMs
  link.dialer.tick()
  t.equal(link.client.session.suspected, false)
  link.pass(silenceMs - heartbeatMs, false)
  t.equal(link.client.session.suspected, false)
  link.pass(3 * heartbeatMs, false)
  t.equal(link.client.session.suspected, true)
})

t.test('retention: a session without a connection ends, at each side by itself', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  client.send(1)
  link.cut()
  link.pass(retentionMs, false)
  t.match([client.session, server.session], [{ status: 'cut' }, { status: 'cut' }])
  link.pass(heartbeatMs, false)
  t.match([client, server], [{ reason: 'RIVULET_SESSION_LOST' }, { reason: 'RIVULET_SESSION_LOST' }])
  t.equal(link.acceptor.size, 0)
  t.equal(link.acceptor.heldBytes, 0)
  t.equal(link.dialed.length, 2)
  link.connect()
  t.equal(link.client.session.status, 'live')
})

t.test('retention does not run while this side stands still', async (t) => {
  const link = new LinkPair().connect()
  link.cut()
  link.now += 2 * retentionMs
  link.dialer.tick()
  link.acceptor.tick()
  t.equal(link.client.session.status, 'cut')
  link.connect()
  t.equal(link.client.session.status, 'live')
  t.equal(link.dialed.length, 1)
})

t.test('a connection back in time begins the period anew', async (t) => {
  const link = new LinkPair().connect()
  for (let round = 0; round < 4; round++) {
    link.cut()
    link.pass(retentionMs - heartbeatMs, false)
    link.connect()
  }
  t.equal(link.dialed.length, 1)
  t.equal(link.client.session.status, 'live')
})

t.test('a peer that is heard and acknowledges nothing: another connection', async (t) => {
  const link = new LinkPair().connect()
  link.client.send(1, 'unreported')
  link.flush()
  link.toAcceptor.length = 0
  // the way there swallows everything, and the way back works
  for (let passed = 0; passed <= silenceMs; passed += heartbeatMs) {
    t.equal(link.reconnects, 0)
    link.now += heartbeatMs
    link.acceptor.tick()
    for (const frame of link.toDialer.splice(0)) link.dialer.receive(frame)
    link.dialer.tick()
    link.toAcceptor.length = 0
  }
  t.equal(link.reconnects, 1)
  t.strictSame(link.dialerReports, ['RIVULET_TRANSPORT_FAILED'])
  link.cut()
  link.connect()
  t.strictSame(link.server.texts, ['unreported'])
})

t.test('times are told by the clock of the sender, and mean the same time left however late they come', async (t) => {
  const link = new LinkPair().connect()
  const { client, server } = link
  const heard: number[] = []
  server.listen = () => heard.push(server.session.fromSessionTime(told) - link.now)
  const told = client.session.toSessionTime(link.now + 700)
  client.send(1, 'at once')
  link.flush()
  link.now += 300 // on its way: nobody can know how long
  link.settle()
  t.strictSame(heard, [700])
  client.send(1, 'later, and twice')
  link.flush()
  link.now += 100
  link.cut()
  link.now += 100
  link.connect()
  t.strictSame(heard, [700, 200], 'each transmission has a time of its own')
})
