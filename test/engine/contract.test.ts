/** What every engine of the durable queue promises, whatever it keeps its messages in. */
import t, { type Test } from 'tap'
import type { QueueSettings } from '../../src/engine/index.js'
import { until } from '../support/events.js'
import { schemaId, schemaText } from './engine-world.js'
import { engines, type OpenEngine, TestEngine } from './engines.js'

const { POSITIVE_INFINITY } = Number
const noBackoff = { initialMs: 0, factor: 1, maxMs: 0 }

type Suite = (t: Test, open: OpenEngine) => void

const storing: Suite = (t, open) => {
  t.test('what is sent is stored once, in order, without gaps', async (t) => {
    const world = await TestEngine.open(t, open)
    t.match(await world.send(1, ['a', 'b']), { kind: 'stored', repeated: 0, position: 1, duplicates: [] })
    t.match(await world.send(3, ['c']), { kind: 'stored', repeated: 0, position: 3 })
    t.match(await world.send(2, ['b', 'c', 'd']), { kind: 'stored', repeated: 2, position: 4 }, 'sent again in part')
    t.match(await world.send(1, ['a']), { kind: 'stored', repeated: 1, position: 0 })
    t.match(await world.send(6, ['f']), { kind: 'refused', expected: 5 }, 'there is a gap')
    t.match(await world.send(1, ['x'], [], { producer: 'other' }), { kind: 'stored', position: 5 })
    t.match(world.engine.counts('jobs'), { depth: 5, ready: 5, stored: 5, bytes: 5 })
    t.strictSame(await world.consumer('c', 9).got(5), ['a', 'b', 'c', 'd', 'x'])
  })

  t.test('a block needs a schema that is known, and is what it says', async (t) => {
    const world = await TestEngine.open(t, open)
    const refused = { kind: 'refused', expected: 1, error: { code: 'RIVULET_UNKNOWN_SCHEMA' } }
    t.match(await world.send(1, ['a'], [], { schema: null }), refused)
    t.match(await world.send(1, ['a']), { kind: 'stored' })
    t.match(await world.send(2, ['b'], [], { schema: null }), { kind: 'stored' })
    t.equal(world.engine.schemaText(schemaId), schemaText)
    t.equal(world.engine.schemaText(Buffer.alloc(16)), undefined)
    t.throws(() => world.engine.send('jobs', 'p', 3, { ...emptyBlock, count: 1 }, schemaText, () => {}), {
      code: 'RIVULET_INVALID_MESSAGE',
    })
  })

  t.test('a full queue refuses, or drops its oldest', async (t) => {
    const rejecting = await TestEngine.open(t, open, { maxLength: 2, overflow: 'reject' })
    t.match(await rejecting.send(1, ['a', 'b', 'c']), {
      kind: 'refused',
      expected: 3,
      error: { code: 'RIVULET_QUEUE_FULL' },
    })
    t.match(rejecting.engine.counts('jobs'), { depth: 2 })
    const dropping = await TestEngine.open(t, open, { maxLength: 2, overflow: 'drop-oldest' })
    t.match(await dropping.send(1, ['a', 'b', 'c']), { kind: 'stored' })
    t.match(dropping.engine.counts('jobs'), { depth: 2, dropped: { overflow: 1 } })
    t.strictSame(await dropping.consumer('c', 9).got(2), ['b', 'c'])
  })

  t.test('what follows a block that was refused is refused with it, until that comes again', async (t) => {
    const world = await TestEngine.open(t, open, { maxLength: 1, overflow: 'reject' })
    await world.send(1, ['x'], [], { producer: 'other' })
    t.match(await world.send(1, ['a']), { kind: 'refused', expected: 1 })
    const consumer = world.consumer('c', 9)
    await consumer.got(1)
    await consumer.settle({ kind: 'ack' })
    t.match(await world.send(2, ['b']), { kind: 'refused', expected: 1 }, 'although there is room now')
    t.match(await world.send(1, ['a']), { kind: 'stored' })
    t.strictSame(await consumer.got(2), ['x', 'a'])
  })

  t.test('an id is stored once in the window of its queue', async (t) => {
    const world = await TestEngine.open(t, open, { dedupeMs: 1000 })
    if (!world.engine.capabilities.deduplicates) return
    const named = [{ index: 0, id: 'one' }]
    t.match(await world.send(1, ['a'], named), { position: 1, duplicates: [] })
    t.match(await world.send(1, ['b'], named, { producer: 'q' }), { duplicates: [{ index: 0, position: 1 }] })
    world.clock.advance(1001)
    t.match(await world.send(2, ['c'], named), { duplicates: [], position: 2 })
    t.strictSame(await world.consumer('c', 9).got(2), ['a', 'c'])
  })
}

const emptyBlock = {
  count: 0,
  schemaId,
  lengths: [],
  checks: Buffer.alloc(0),
  bodies: Buffer.alloc(0),
  extras: [],
}

const dealing: Suite = (t, open) => {
  t.test('a consumer is dealt what it has granted, and each message once', async (t) => {
    const world = await TestEngine.open(t, open)
    await world.send(1, ['a', 'b', 'c', 'd'])
    const one = world.consumer('one', 1)
    t.strictSame(await one.got(1), ['a'])
    const other = world.consumer('other', 2)
    t.strictSame(await other.got(2), ['b', 'c'])
    t.match(world.engine.counts('jobs'), { ready: 1, leased: 3, consumers: 2, delivered: 3 })
    one.attachment.grant(5)
    t.strictSame(await one.got(2), ['a', 'd'])
    t.strictSame(one.blocks.at(-1)?.positions, [4])
    t.not(one.blocks[0]?.lease, one.blocks[1]?.lease)
  })

  t.test('what is acknowledged is gone, once', async (t) => {
    const world = await TestEngine.open(t, open)
    await world.send(1, ['a', 'b', 'c'])
    const consumer = world.consumer('c', 9)
    await consumer.got(3)
    t.match(await consumer.settle({ kind: 'ack', index: 1, count: 1 }), { settled: 1, stale: 0 })
    t.match(await consumer.settle({ kind: 'ack' }), { settled: 2, stale: 1 })
    t.match(await consumer.settle({ kind: 'ack', lease: 99 }), { settled: 0, stale: 1 })
    t.match(world.engine.counts('jobs'), { depth: 0, acked: 3, bytes: 0 })
  })

  t.test('what a consumer cannot read waits for others', async (t) => {
    const world = await TestEngine.open(t, open)
    const consumer = world.consumer('c', 0)
    consumer.attachment.cannotRead([schemaId])
    consumer.attachment.grant(9)
    await world.send(1, ['a'])
    await world.send(2, ['b'], [], { hash: Buffer.alloc(16, 9) })
    t.strictSame(await consumer.got(1), ['b'])
    t.match(world.engine.counts('jobs'), { unreadable: 1, ready: 1 })
    t.strictSame(await world.consumer('other', 9).got(1), ['a'])
  })

  t.test('a consumer that cannot be reached is dealt nothing until it can', async (t) => {
    const world = await TestEngine.open(t, open)
    const consumer = world.consumer('c', 1)
    await world.send(1, ['a', 'b', 'c'])
    await consumer.got(1)
    consumer.attachment.suspend([consumer.lease])
    const other = world.consumer('other', 2)
    t.strictSame((await other.got(2)).length, 2)
    await world.settled()
    consumer.attachment.resume()
    t.equal((await consumer.got(2)).length, 2, 'what had not left counts as not granted')
    t.equal(consumer.attempt, 1)
  })

  t.test('messages of one key are dealt one after the other', async (t) => {
    const world = await TestEngine.open(t, open, { keyOrder: true })
    if (!world.engine.capabilities.ordersKeys) return
    await world.send(
      1,
      ['a', 'b', 'x'],
      [
        { index: 0, key: 'k' },
        { index: 1, key: 'k' },
      ],
    )
    const consumer = world.consumer('c', 9)
    t.strictSame(await consumer.got(2), ['a', 'x'])
    await consumer.settle({ kind: 'ack', lease: consumer.blocks[0]?.lease ?? 0, index: 0, count: 1 })
    t.strictSame(await consumer.got(3), ['a', 'x', 'b'])
  })
}

const redelivering: Suite = (t, open) => {
  t.test('what failed comes again after its delay, and then is a dead letter with its history', async (t) => {
    const world = await TestEngine.open(t, open, { maxAttempts: 2, backoff: noBackoff })
    await world.send(1, ['a'])
    const consumer = world.consumer('c', 9)
    await consumer.got(1)
    t.match(await consumer.settle({ kind: 'nack', delayMs: 500, reason: 'first' }), { settled: 1 })
    t.match(world.engine.counts('jobs'), { delayed: 1, nacked: 1 })
    world.clock.advance(500)
    await consumer.got(2)
    t.equal(consumer.attempt, 2)
    t.match(await consumer.settle({ kind: 'nack', reason: 'second' }), { settled: 1 })
    await world.counts({ depth: 0, deadLettered: 1 })
    if (!world.engine.capabilities.deadLetters) return
    const [dead] = world.engine.peek('jobs.dead', 9)
    t.match(dead, { origin: { queue: 'jobs', position: 1 }, history: [{ reason: 'first' }, { reason: 'second' }] })
    t.equal(await new Promise((done) => world.engine.redrive('jobs', 9, done)), 1)
    await consumer.got(3)
    t.equal(consumer.attempt, 1, 'as if it were new')
  })

  t.test('what is released was no attempt, and what is rejected is a dead letter at once', async (t) => {
    const world = await TestEngine.open(t, open)
    await world.send(1, ['a', 'b'])
    const consumer = world.consumer('c', 2)
    await consumer.got(2)
    await consumer.settle({ kind: 'release', index: 0, count: 1 })
    await consumer.settle({ kind: 'reject', index: 1, count: 1, reason: 'never' })
    await world.counts({ deadLettered: 1, depth: 1 })
    consumer.attachment.grant(1)
    t.strictSame(await consumer.got(3), ['a', 'b', 'a'])
    t.equal(consumer.attempt, 1)
  })

  t.test('a lease runs out unless it is extended, and an ack counts until others have the message', async (t) => {
    const world = await TestEngine.open(t, open, { leaseMs: 1000, backoff: noBackoff })
    await world.send(1, ['a', 'b'])
    const slow = world.consumer('slow', 1)
    await slow.got(1)
    const slower = world.consumer('slower', 1)
    await slower.got(1)
    world.clock.advance(600)
    t.strictSame(slow.attachment.extend([slow.lease, 99]), [99])
    world.clock.advance(600)
    await until(() => slower.lost.length > 0)
    t.strictSame([slow.lost, slower.lost], [[], [slower.lease]])
    t.match(await slower.settle({ kind: 'nack' }), { settled: 0, stale: 1 })
    t.match(await slower.settle({ kind: 'ack' }), { settled: 1, stale: 0 }, 'nobody else has it')
    t.match(await slow.settle({ kind: 'ack' }), { settled: 1 })
    t.match(world.engine.counts('jobs'), { depth: 0 })
  })

  t.test('a consumer that comes back takes over what it holds; one that does not loses it', async (t) => {
    const world = await TestEngine.open(t, open, { leaseMs: 1000, backoff: noBackoff })
    await world.send(1, ['a', 'b'])
    const first = world.consumer('c', 1)
    await first.got(1)
    first.attachment.grant(1)
    await first.got(2)
    const [kept, left] = first.blocks.map(({ lease }) => lease) as [number, number]
    first.attachment.detach()
    const again = world.consumer('c', 0)
    t.strictSame(again.attachment.adopt([kept, 99]), [99])
    again.attachment.grant(9)
    t.strictSame(await again.got(1), ['b'], 'what it did not name was given back')
    t.not(again.lease, left)
    t.match(await again.settle({ kind: 'ack', lease: kept, index: 0, count: 1 }), { settled: 1 })
    again.attachment.abandon()
    const other = world.consumer('other', 9)
    t.strictSame(await other.got(1), ['b'])
    t.equal(other.attempt, 2)
  })

  t.test('messages wait for their delay, and are dropped when their time is over', async (t) => {
    const world = await TestEngine.open(t, open)
    if (!world.engine.capabilities.delays) return
    await world.send(
      1,
      ['later', 'brief'],
      [
        { index: 0, delayMs: 1000 },
        { index: 1, ttlMs: 500 },
      ],
    )
    t.match(world.engine.counts('jobs'), { delayed: 1, ready: 1 })
    world.clock.advance(1000)
    t.strictSame(await world.consumer('c', 9).got(1), ['later'])
    await world.counts({ depth: 1, leased: 1 })
    t.match(world.engine.counts('jobs').dropped, { expired: 1 })
  })
}

const keeping: Suite = (t, open) => {
  t.test('what was stored is there when it is opened again, and so are leases and numbers', async (t) => {
    const world = await TestEngine.open(t, open, { leaseMs: 1000 })
    const { epoch } = world.engine
    await world.send(1, ['a', 'b', 'c'])
    const before = world.consumer('c', 2)
    await before.got(2)
    await before.settle({ kind: 'ack', index: 0, count: 1 })
    await world.reopen()
    t.not(world.engine.epoch, epoch)
    t.strictSame(world.engine.queues.toSorted(), ['jobs', 'jobs.dead'])
    t.match(world.engine.counts('jobs'), { depth: 2, leased: 1, ready: 1 })
    t.match(await world.send(3, ['c', 'd']), { kind: 'stored', repeated: 1, position: 4 })
    const after = world.consumer('c', 0)
    t.strictSame(after.attachment.adopt([before.lease]), [])
    after.attachment.grant(9)
    t.strictSame(await after.got(2), ['c', 'd'])
    t.match(await after.settle({ kind: 'ack', lease: before.lease, index: 1, count: 1 }), { settled: 1 })
    t.not(after.lease, before.lease, 'no lease has the number of an earlier one')
  })

  t.test('nothing is taken when it is closed', async (t) => {
    const world = await TestEngine.open(t, open)
    const sent = world.send(1, ['a'])
    await world.engine.close()
    t.match(await sent, { kind: 'stored' }, 'what was asked for before has its outcome')
    const late = await world.send(2, ['b']).catch((error: unknown) => ({ error }))
    t.match(late, { error: { code: 'RIVULET_CLOSED' } })
  })
}

const looking: Suite = (t, open) => {
  t.test('peek shows what is there, counts tell of it, and purge drops what waits', async (t) => {
    const world = await TestEngine.open(t, open)
    const seen: string[] = []
    const stop = world.engine.onChange((queue) => seen.push(queue))
    await world.send(1, ['a', 'b', 'c'], [{ index: 1, delayMs: 9999, id: 'one', key: 'k' }])
    t.ok(seen.includes('jobs'))
    stop()
    await world.consumer('c', 1).got(1)
    await world.settled()
    const peeked = world.engine.peek('jobs', 9).map(({ state, body, id, key }) => [state, String(body), id, key])
    t.strictSame(peeked, [
      ['ready', 'c', undefined, undefined],
      ['delayed', 'b', 'one', 'k'],
      ['leased', 'a', undefined, undefined],
    ])
    t.equal(world.engine.peek('jobs', 1).length, 1)
    t.equal(await new Promise((done) => world.engine.purge('jobs', done)), 2)
    t.match(world.engine.counts('jobs'), { depth: 1, leased: 1, dropped: { purged: 2 } })
  })

  t.test('queues are declared, with their dead letters', async (t) => {
    const world = await TestEngine.open(t, open)
    t.ok(world.engine.has('jobs') && world.engine.has('jobs.dead') && !world.engine.has('mail'))
    world.engine.declare('mail', settings)
    t.ok(world.engine.has('mail'))
    t.throws(() => world.engine.declare('', settings), { code: 'RIVULET_INVALID_OPTION' })
    t.equal(typeof world.engine.capabilities.durability, 'string')
  })
}

const settings: QueueSettings = {
  maxAttempts: POSITIVE_INFINITY,
  leaseMs: 1000,
  backoff: noBackoff,
  maxLength: POSITIVE_INFINITY,
  maxBytes: POSITIVE_INFINITY,
  maxAgeMs: POSITIVE_INFINITY,
  overflow: 'reject',
  dedupeMs: 1000,
  keyOrder: false,
  unreadable: 'keep',
}

for (const [name, open] of Object.entries(engines)) {
  t.test(name, async (t) => {
    storing(t, open)
    dealing(t, open)
    redelivering(t, open)
    keeping(t, open)
    looking(t, open)
  })
}
