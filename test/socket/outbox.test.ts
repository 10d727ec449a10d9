/** The outbox: order, counts, bounds, who is woken when, and what stopping leaves. */
import t from 'tap'
import { RivuletError } from '../../src/errors/index.js'
import { turn } from '../support/events.js'
import { Transport } from './outbox-transport.js'

/** Whether a promise is settled after a turn. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await turn()
  return done
}

t.test('frames leave in order, one at a time, the first at once', async (t) => {
  const transport = new Transport(100)
  transport.add('a')
  t.strictSame(transport.taken, ['a'], 'a lone frame leaves in the same turn')
  transport.add('b')
  transport.add('c')
  t.strictSame(transport.taken, ['a'])
  await transport.takeAll()
  t.strictSame(transport.taken, ['a', 'b', 'c'])
  transport.add('d')
  await transport.takeAll()
  t.strictSame(transport.taken, ['a', 'b', 'c', 'd'], 'it begins again')
  t.equal(transport.outbox.sent, 4)
})

t.test('order holds over thousands of frames that come and go', async (t) => {
  const transport = new Transport(1e9)
  let next = 0
  for (let round = 0; round < 40; round++) {
    for (let count = 0; count < 100; count++) transport.add(String(next++))
    for (let count = 0; count < 90; count++) await transport.take()
  }
  await transport.takeAll()
  t.strictSame(
    transport.taken,
    Array.from({ length: next }, (_, index) => String(index)),
  )
})

t.test('a frame that goes first passes all but the one with the transport', async (t) => {
  const transport = new Transport(100)
  for (const text of ['a', 'b', 'c']) transport.add(text)
  const first = (text: string) => transport.outbox.addFirst({ parts: Buffer.from(text), messages: 0, bytes: 1 })
  first('x')
  t.equal(transport.outbox.introductions, 1)
  await transport.take()
  t.equal(transport.outbox.introductions, 0, 'it is with the transport')
  first('y')
  first('y')
  t.equal(transport.outbox.introductions, 2)
  await transport.takeAll()
  t.strictSame(transport.taken, ['a', 'x', 'y', 'y', 'b', 'c'])
  t.equal(transport.outbox.introductions, 0)
  t.equal(transport.outbox.bytes, 0)
  first('z')
  t.equal(transport.taken.at(-1), 'z', 'also into an empty outbox')
  await transport.takeAll()
  t.equal(transport.outbox.sent, 3, 'it counts no messages')
})

t.test('bytes and messages count what waits, the frame with the transport included', async (t) => {
  const transport = new Transport(10)
  transport.add('12345', 2)
  transport.add('678', 3)
  t.equal(transport.outbox.isFull(), false)
  t.match(transport.outbox, { bytes: 8, messages: 5, sent: 0 })
  transport.add('90', 1)
  t.equal(transport.outbox.isFull(), true)
  t.match(transport.outbox, { bytes: 10, messages: 6 })
  await transport.take()
  t.equal(transport.outbox.isFull(), false)
  t.match(transport.outbox, { bytes: 5, messages: 4, sent: 2 })
  await transport.takeAll()
  t.match(transport.outbox, { bytes: 0, messages: 0, sent: 6 })
})

t.test('who waits for room is woken when there is some, not before', async (t) => {
  const transport = new Transport(4)
  await transport.outbox.whenRoom()
  transport.add('ab')
  transport.add('cd')
  const room = transport.outbox.whenRoom()
  t.notOk(await settled(room))
  transport.add('ef')
  await transport.take()
  t.notOk(await settled(room), 'still full')
  await transport.take()
  t.ok(await settled(room))
})

t.test('who waits for the end is woken when the last frame was taken', async (t) => {
  const transport = new Transport(4)
  await transport.outbox.whenEmpty()
  transport.add('ab')
  transport.add('cd')
  const empty = transport.outbox.whenEmpty()
  await transport.take()
  t.notOk(await settled(empty))
  await transport.take()
  t.ok(await settled(empty))
})

t.test('dropping the oldest makes room, spares the frame with the transport, and tells how many', async (t) => {
  const transport = new Transport(4)
  transport.add('ab', 1)
  t.equal(transport.outbox.dropOldest(), 0, 'nothing while it is not full')
  transport.add('cd', 20)
  transport.add('ef', 300)
  t.equal(transport.outbox.dropOldest(), 320)
  t.equal(transport.outbox.isFull(), false)
  t.match(transport.outbox, { bytes: 2, messages: 1 })
  transport.add('gh', 1)
  await transport.takeAll()
  t.strictSame(transport.taken, ['ab', 'gh'])
})

t.test('a frame larger than the limit is taken, alone', async (t) => {
  const transport = new Transport(4)
  transport.add('a frame that is large')
  t.ok(transport.outbox.isFull())
  await transport.takeAll()
  t.equal(transport.outbox.isFull(), false)
  t.match(transport.outbox, { bytes: 0, sent: 1 })
})

t.test('a frame that fails is reported with its messages, and the next one goes', async (t) => {
  const transport = new Transport(100)
  transport.add('a', 7)
  transport.add('b', 1)
  await transport.take(new RivuletError('RIVULET_TRANSPORT_FAILED', 'no'))
  await transport.takeAll()
  t.strictSame(transport.failures, [['RIVULET_TRANSPORT_FAILED', 7]])
  t.equal(transport.outbox.sent, 1)
  t.equal(transport.outbox.messages, 0)
})

t.test('stopping wakes everyone, tells what is lost once, and leaves nothing pending', async (t) => {
  const transport = new Transport(2)
  transport.add('ab', 3)
  transport.add('cd', 4)
  const waits = [transport.outbox.whenRoom(), transport.outbox.whenEmpty()]
  t.equal(transport.outbox.stop(), 7)
  await Promise.all(waits)
  t.match(transport.outbox, { messages: 0, bytes: 0, sent: 0 })
  t.equal(transport.outbox.stop(), 0)
  await transport.take()
  t.strictSame(transport.taken, ['ab'], 'nothing more is handed over')
  t.equal(transport.outbox.sent, 0, 'what was with the transport counts as lost already')
  await transport.outbox.whenRoom()
})

t.test('an outbox without a transport keeps its frames, and the next one sends them in order', async (t) => {
  const former = new Transport(1000)
  const { outbox } = former
  former.add('a')
  former.add('b')
  outbox.attach(undefined)
  former.add('c')
  await former.take(new RivuletError('RIVULET_TRANSPORT_FAILED', 'its socket was closed'))
  t.strictSame(former.failures, [], 'what was not taken is not lost')
  t.match(outbox, { messages: 3, bytes: 3, sent: 0 })
  const taken: string[] = []
  outbox.attach({
    send: async (parts) => {
      taken.push(parts.toString())
      return undefined
    },
    failed: () => t.fail(),
  })
  await outbox.whenEmpty()
  t.strictSame(taken, ['a', 'b', 'c'])
  t.equal(outbox.sent, 3)
})

t.test('a frame that the former transport has taken is not sent again', async (t) => {
  const former = new Transport(1000)
  former.add('a')
  former.add('b')
  const next: string[] = []
  former.outbox.attach(undefined)
  former.outbox.attach({
    send: async (parts) => {
      next.push(parts.toString())
      return undefined
    },
    failed: () => t.fail(),
  })
  t.strictSame(next, [], 'one at a time')
  await former.take()
  await former.outbox.whenEmpty()
  t.strictSame(next, ['b'])
})

t.test('what is dropped is told once, and frames without messages stay', async (t) => {
  const transport = new Transport(4)
  const { outbox } = transport
  let told = 0
  const dropped = () => {
    told += 1
    outbox.addFirst({ parts: Buffer.from('again'), messages: 0, bytes: 1 })
  }
  const add = (text: string) => outbox.add({ parts: Buffer.from(text), messages: 1, bytes: 1, dropped })
  for (const text of ['a', 'b', 'c', 'd', 'e']) add(text)
  outbox.addFirst({ parts: Buffer.from('schema'), messages: 0, bytes: 1 })
  t.equal(outbox.dropOldest(), 2, 'behind the frame without messages')
  t.equal(told, 1)
  t.equal(outbox.introductions, 2)
  await transport.takeAll()
  t.strictSame(transport.taken, ['a', 'schema', 'again', 'd', 'e'])
  t.equal(outbox.introductions, 0)
})

t.test('frames without messages do not fill it', async (t) => {
  const transport = new Transport(2)
  const { outbox } = transport
  transport.add('answer', 0)
  t.equal(outbox.isFull(), false)
  t.match(outbox, { bytes: 6, messages: 0 })
  transport.add('a')
  t.notOk(outbox.isFull())
  transport.add('b')
  t.ok(outbox.isFull())
  const room = outbox.whenRoom()
  await transport.take()
  t.ok(outbox.isFull())
  t.notOk(await settled(room))
  await transport.take()
  t.notOk(outbox.isFull())
  await room
  await transport.takeAll()
  t.equal(outbox.isFull(), false)
  t.match(outbox, { bytes: 0, messages: 0 })
})

t.test('frames without messages between others are neither dropped nor overtaken by later ones', async (t) => {
  const transport = new Transport(3)
  const { outbox } = transport
  for (const text of ['a', 'b', '-c', 'd', '-e', 'f', 'g']) transport.add(text, text.startsWith('-') ? 0 : 1)
  t.equal(outbox.dropOldest(), 3, 'b, d and f')
  t.match(outbox, { messages: 2, bytes: 6, waiting: 3 })
  transport.add('h')
  t.equal(outbox.dropOldest(), 1, 'g')
  await transport.takeAll()
  t.strictSame(transport.taken, ['a', '-c', '-e', 'h'])
  t.match(outbox, { messages: 0, bytes: 0, waiting: 0, introductions: 0 })
})
