/** Frames of an outbox that wait for something: in order, within the bound, and dropped if that fails. */
import t from 'tap'
import type { FrameGate } from '../../src/socket/index.js'
import { turn } from '../support/events.js'
import { Transport } from './outbox-transport.js'

/** What a frame waits for. */
const gateOf = (lost: number[] = []) => ({
  state: 'shut' as FrameGate['state'],
  lost: (messages: number) => void lost.push(messages),
})

t.test('a frame behind a gate waits, with all behind it, and counts like any other', async (t) => {
  const transport = new Transport(10)
  const gate = gateOf()
  transport.outbox.add({ parts: Buffer.from('gated'), messages: 2, bytes: 5, gate })
  transport.add('open')
  await turn()
  t.strictSame(transport.taken, [])
  t.strictSame(transport.outbox.pending(), { messages: 3, bytes: 9 })
  transport.add('x')
  t.ok(transport.outbox.isFull())
  const room = transport.outbox.whenRoom()
  transport.outbox.release()
  t.strictSame(transport.taken, [], 'it is still shut')
  gate.state = 'open'
  transport.outbox.release()
  t.strictSame(transport.taken, ['gated'])
  transport.outbox.release()
  t.strictSame(transport.taken, ['gated'], 'one frame at a time')
  await transport.take()
  await room
  await transport.takeAll()
  t.strictSame(transport.taken, ['gated', 'open', 'x'])
})

t.test('a gate that is met on the way holds what is behind it until it is released', async (t) => {
  const transport = new Transport(100)
  const gate = gateOf()
  transport.add('a')
  transport.outbox.add({ parts: Buffer.from('b'), messages: 1, bytes: 1, gate })
  transport.outbox.addFirst({ parts: Buffer.from('i'), messages: 0, bytes: 1 })
  await transport.take()
  await transport.take()
  t.strictSame(transport.taken, ['a', 'i'])
  gate.state = 'open'
  transport.outbox.release()
  await transport.take()
  t.strictSame(transport.taken, ['a', 'i', 'b'])
  t.equal(transport.outbox.sent, 2)
})

t.test('an introduction behind a gate holds the queue', async (t) => {
  const transport = new Transport(100)
  const gate = gateOf()
  transport.outbox.addFirst({ parts: Buffer.from('i'), messages: 0, bytes: 1, gate })
  transport.add('a')
  t.strictSame(transport.taken, [])
  gate.state = 'open'
  transport.outbox.release()
  await transport.takeAll()
  t.strictSame(transport.taken, ['i', 'a'])
})

t.test('frames whose gates have failed are dropped, and make room', async (t) => {
  const transport = new Transport(4)
  const lost: number[] = []
  const [one, other] = [gateOf(lost), gateOf(lost)]
  transport.outbox.add({ parts: Buffer.from('abcd'), messages: 3, bytes: 4, gate: one })
  transport.outbox.add({ parts: Buffer.from('efgh'), messages: 2, bytes: 4, gate: other })
  const empty = transport.outbox.whenEmpty()
  one.state = 'failed'
  transport.outbox.release()
  t.strictSame(lost, [3])
  t.equal(transport.outbox.messages, 2)
  other.state = 'failed'
  transport.outbox.release()
  await empty
  t.strictSame([lost, transport.taken, transport.outbox.sent], [[3, 2], [], 0])
  transport.add('x')
  await transport.takeAll()
  t.strictSame(transport.taken, ['x'])
})

t.test('the oldest frames are dropped behind gates, too', async (t) => {
  const transport = new Transport(4)
  const lost: number[] = []
  const gate = gateOf(lost)
  for (let at = 0; at < 3; at++) transport.outbox.add({ parts: Buffer.from('abcd'), messages: 1, bytes: 4, gate })
  t.equal(transport.outbox.dropOldest(), 3)
  gate.state = 'failed'
  transport.outbox.release()
  t.strictSame(lost, [], 'once')
})
