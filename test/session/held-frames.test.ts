/** Frames with more items than one turn takes: held, and taken in order, once each, whatever happens in between. */
import t from 'tap'
import { itemFlag } from '../../src/session/item.js'
import { LinkPair, lost, refusalsIn, settings } from './link-pair.js'

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `item ${index}`)

/** Ends a turn behind each so many items; the hello counts as one. */
function every(count: number): () => boolean {
  let pieces = -1
  return () => {
    pieces += 1
    return pieces % count === 0
  }
}

/** A pair of which the acceptor takes so many items a turn, with a frame of the client's on its way. */
function held(perTurn: number, count = 5): { pair: LinkPair; frame: Buffer } {
  const pair = new LinkPair({ spend: every(perTurn) }).connect()
  const stream = pair.client.session.openStream()
  for (const text of texts(count)) pair.client.send(stream, text)
  pair.flush()
  return { pair, frame: pair.toAcceptor.pop() as Buffer }
}

t.test('one turn takes some of the items, and the next ones the rest', async (t) => {
  const { pair, frame } = held(2)
  t.notOk(pair.acceptor.receive(pair.peer, frame))
  t.strictSame(pair.server.texts, texts(2))
  t.notOk(pair.acceptor.takeRest())
  t.strictSame(pair.server.texts, texts(4))
  t.ok(pair.acceptor.takeRest())
  t.strictSame(pair.server.texts, texts(5))
  t.ok(pair.acceptor.takeRest(), 'there is nothing left')
  t.strictSame(pair.server.texts, texts(5))
})

t.test('what was taken is answered in between', async (t) => {
  const { pair, frame } = held(1, 3)
  pair.server.listen = ({ stream, body }) => pair.server.send(stream, `answer to ${body}`)
  for (let taken = pair.acceptor.receive(pair.peer, frame); !taken; taken = pair.acceptor.takeRest()) {
    pair.flush()
    pair.dialer.receive(pair.toDialer.shift() as Buffer)
  }
  t.strictSame(
    pair.client.texts,
    texts(3).map((text) => `answer to ${text}`),
  )
})

t.test('a turn that ends behind the last item', async (t) => {
  const { pair, frame } = held(5)
  t.notOk(pair.acceptor.receive(pair.peer, frame))
  t.strictSame(pair.server.texts, texts(5))
  t.ok(pair.acceptor.takeRest())
  t.strictSame(pair.server.texts, texts(5))
})

t.test('a side that holds a frame is not settled', async (t) => {
  const { pair, frame } = held(4)
  t.ok(pair.acceptor.settled)
  pair.acceptor.receive(pair.peer, frame)
  t.notOk(pair.acceptor.settled)
  pair.acceptor.takeRest()
  t.ok(pair.acceptor.settled)
})

t.test('times of items are those of their frame, also when the peer was given a fresh period since', async (t) => {
  const { pair, frame } = held(1, 2)
  const sentAt = pair.now
  const times: number[] = []
  pair.server.listen = () => times.push(pair.server.session.fromSessionTime(pair.client.session.toSessionTime(sentAt)))
  pair.acceptor.receive(pair.peer, frame)
  pair.now += 10 * settings.heartbeatMs // a stall
  pair.acceptor.tick()
  pair.acceptor.takeRest()
  t.strictSame(times, [sentAt, sentAt])
})

t.test('each turn begins with a look at the clock', async (t) => {
  const { pair, frame } = held(2)
  const times: number[] = []
  pair.server.listen = () => times.push(pair.server.session.takenAt)
  const first = pair.now
  pair.acceptor.receive(pair.peer, frame)
  pair.now += 7
  pair.acceptor.takeRest()
  t.strictSame(times, [first, first, first + 7, first + 7])
})

t.test('a cut does not undo what has come', async (t) => {
  const { pair, frame } = held(2)
  pair.acceptor.receive(pair.peer, frame)
  pair.cut()
  t.notOk(pair.acceptor.takeRest())
  t.ok(pair.acceptor.takeRest())
  t.strictSame(pair.server.texts, texts(5))
  pair.connect()
  t.equal(pair.server.session.status, 'live', 'and the session continues')
  pair.client.send(pair.client.session.openStream(), 'the next one')
  pair.settle()
  t.strictSame(pair.server.texts, [...texts(5), 'the next one'], 'nothing comes twice')
})

t.test('the dialer holds frames, too, also while it has no connection', async (t) => {
  const pair = new LinkPair({ spend: every(2) }).connect()
  const stream = pair.server.session.openStream()
  for (const text of texts(5)) pair.server.send(stream, text)
  pair.flush()
  t.notOk(pair.dialer.receive(pair.toDialer.pop() as Buffer))
  pair.cut()
  t.notOk(pair.dialer.takeRest())
  t.ok(pair.dialer.takeRest())
  t.strictSame(pair.client.texts, texts(5))
  pair.connect()
  pair.server.send(stream, 'the next one')
  pair.settle()
  t.strictSame(pair.client.texts, [...texts(5), 'the next one'])
})

t.test('the end of the session drops what is held', async (t) => {
  for (const end of ['close', 'lost', 'stranded'] as const) {
    const { pair, frame } = held(2)
    pair.acceptor.receive(pair.peer, frame)
    const { server } = pair
    if (end === 'close') pair.acceptor.close(lost)
    else if (end === 'lost') {
      pair.acceptor.gone(pair.peer, lost)
      for (let ms = 0; ms <= settings.retentionMs; ms += settings.heartbeatMs) {
        pair.now += settings.heartbeatMs
        pair.acceptor.tick()
      }
    } else server.session.end(lost)
    t.equal(server.session.status, 'ended', end)
    t.ok(pair.acceptor.takeRest())
    t.strictSame(server.texts, texts(2))
    t.equal(pair.acceptor.size, 0)
  }
})

t.test('a dialer whose session ended drops what is held, and begins another', async (t) => {
  const pair = new LinkPair({ spend: () => true }).connect()
  const first = pair.client
  const stream = pair.server.session.openStream()
  for (const text of texts(3)) pair.server.send(stream, text)
  pair.flush()
  pair.dialer.receive(pair.toDialer.pop() as Buffer)
  first.session.end(lost)
  t.ok(pair.dialer.takeRest())
  t.strictSame(first.texts, texts(1))
  t.not(pair.client, first)
  t.strictSame(pair.client.texts, [])
})

t.test('an item within the rest that breaks the protocol ends the session', async (t) => {
  for (const cut of [false, true]) {
    const pair = new LinkPair({ spend: every(1) }).connect()
    const stream = pair.client.session.openStream()
    pair.client.send(stream, 'good')
    pair.client.send(stream, 'bad', itemFlag.critical, 7)
    pair.flush()
    t.notOk(pair.acceptor.receive(pair.peer, pair.toAcceptor.pop() as Buffer))
    const { server } = pair
    if (cut) pair.cut()
    t.ok(pair.acceptor.takeRest(), cut ? 'without a connection' : 'with a connection')
    t.strictSame(server.texts, ['good'])
    t.equal(server.session.status, 'ended')
    t.strictSame(pair.acceptorReports, ['RIVULET_PROTOCOL_VIOLATION'])
    t.strictSame(refusalsIn(pair.toDialer), cut ? [] : ['violation'])
    t.equal(pair.acceptor.size, 0)
  }
})
