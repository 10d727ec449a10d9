/** Frames that take several turns, of several peers: each waits for itself alone, and in order. */
import t from 'tap'
import { type HeldPeer, heldLab } from './held-lab.js'
import { lost } from './link-pair.js'

t.test('others are read while a frame is held, and those that are held have their turns', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(2, ['a', 'b', 'c'])
  const [a, b, c] = peers as [HeldPeer, HeldPeer, HeldPeer]
  t.notOk(receive('a', a.frame('1', '2', '3', '4', '5')))
  t.notOk(receive('b', b.frame('1', '2', '3')))
  t.equal(acceptor.held.size, 2)
  t.ok(acceptor.held.mayReceive)
  t.notOk(receive('c', c.frame('1')), 'taken as a whole, while others are held')
  t.strictSame(texts(), ['12', '12', '1'])
  t.notOk(takeRest())
  t.strictSame(texts(), ['1234', '12', '1'])
  t.notOk(takeRest())
  t.strictSame(texts(), ['1234', '123', '1'], 'the other one is next')
  t.ok(takeRest())
  t.strictSame(texts(), ['12345', '123', '1'])
  t.ok(acceptor.settled)
})

t.test('what comes behind a frame waits for it, and for no other', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(1, ['a', 'b'])
  const [a, b] = peers as [HeldPeer, HeldPeer]
  receive('a', a.frame('1', '2', '3'))
  receive('a', a.frame('4', '5'))
  receive('a', a.frame('6'))
  receive('b', b.frame('1'))
  t.strictSame(texts(), ['1', '1'])
  let rounds = 0
  while (!takeRest()) rounds += 1
  t.strictSame(texts(), ['123456', '1'])
  t.ok(rounds >= 4, `${rounds} rounds`)
  t.ok(acceptor.settled)
  receive('a', a.frame('7'))
  t.strictSame(texts(), ['1234567', '1'])
})

t.test('a goodbye and the end of a connection behind a frame come behind it', async (t) => {
  const { acceptor, peers, receive, takeRest, texts, servers, reports } = heldLab(1, ['a', 'b'])
  const [a] = peers as [HeldPeer]
  receive('a', a.frame('1', '2', '3'))
  const last = a.frame('4')
  a.dialer.close(lost)
  receive('a', last)
  for (const frame of a.sent) receive('a', frame)
  acceptor.gone('a', lost)
  t.equal(servers[0]?.session.status, 'live')
  while (!takeRest());
  t.strictSame(texts(), ['1234', ''])
  t.equal(servers[0]?.session.status, 'ended')
  t.equal(acceptor.size, 1)
  t.equal(acceptor.strayFrames, 0)
  t.strictSame(reports, [])
})

t.test('the end of a connection with nothing behind its frame does not wait', async (t) => {
  const { acceptor, peers, receive, takeRest, texts, servers } = heldLab(1, ['a'])
  const [a] = peers as [HeldPeer]
  receive('a', a.frame('1', '2'))
  acceptor.gone('a', lost)
  t.equal(servers[0]?.session.status, 'cut')
  while (!takeRest());
  t.strictSame(texts(), ['12'])
})

t.test('what may wait behind frames is bounded', async (t) => {
  const names = Array.from({ length: 12 }, (_, index) => `peer ${index}`)
  const { acceptor, peers, receive, takeRest, texts } = heldLab(1, names)
  for (const [index, peer] of peers.entries()) receive(names[index] as string, peer.frame('1', '2'))
  let frames = 0
  while (acceptor.held.mayReceive && frames < 144) {
    const at = frames % peers.length
    receive(names[at] as string, (peers[at] as HeldPeer).frame('x'.repeat(10_000)))
    frames += 1
  }
  t.ok(frames > 80 && frames < 120, `${frames} frames of 10 kB`)
  let rounds = 0
  for (; !acceptor.held.mayReceive; rounds++) takeRest()
  t.ok(rounds <= 2 * peers.length, `room again in ${rounds} rounds`)
  while (!takeRest());
  t.equal(texts().join('').length, 2 * peers.length + frames * 10_000)
})

t.test('an acceptor that is closed holds nothing', async (t) => {
  const { acceptor, peers, receive, takeRest, texts } = heldLab(1, ['a', 'b'])
  const [a, b] = peers as [HeldPeer, HeldPeer]
  receive('a', a.frame('1', '2'))
  receive('a', a.frame('3'))
  receive('b', b.frame('1', '2'))
  acceptor.close(lost)
  t.equal(acceptor.held.size, 0)
  t.ok(acceptor.held.mayReceive)
  t.ok(takeRest())
  t.strictSame(texts(), ['1', '1'])
})
