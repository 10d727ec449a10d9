/** Sending: what is stored, what was stored before, and what is refused. */
import t from 'tap'
import { blockOf, EngineWorld, schemaText, textsOf } from './engine-world.js'

t.test('a block is confirmed when it is safe, and delivered whole', async (t) => {
  const world = EngineWorld.withJobs()
  const consumer = world.consumer()
  world.send(['a', 'bc', ''])
  t.equal(world.store.held, 0, 'nothing happens within the call')
  world.step()
  t.equal(world.store.held, 1)
  t.strictSame([world.outcomes, consumer.blocks], [[], []], 'nor before the write is safe')
  world.run()
  t.strictSame(world.outcomes, [{ kind: 'stored', repeated: 0, position: 1, duplicates: [] }])
  t.strictSame(consumer.texts, ['a', 'bc', ''])
  const [block] = consumer.blocks
  t.match(block, { lease: 1, positions: [1, 2, 3], extras: [] })
  t.strictSame(block?.times, Array(3).fill(world.clock.wallNow()))
  t.match(world.engine.counts('jobs'), {
    depth: 3,
    ready: 0,
    leased: 3,
    bytes: 3,
    stored: 3,
    delivered: 3,
    consumers: 1,
  })
})

t.test('what is sent again is not stored again', async (t) => {
  const world = EngineWorld.withJobs()
  world.sendAt(5, ['a', 'b'])
  world.sendAt(5, ['a', 'b'])
  world.run()
  world.sendAt(6, ['b', 'c'])
  world.sendAt(9, ['gap'])
  world.run()
  t.match(world.outcomes, [
    { kind: 'stored', repeated: 0, position: 1 },
    { kind: 'stored', repeated: 2, position: 0 },
    { kind: 'stored', repeated: 1, position: 3 },
    { kind: 'refused', expected: 8, error: { code: 'RIVULET_PROTOCOL_VIOLATION' } },
  ])
  const again = world.reopened()
  again.sendAt(5, ['a', 'b', 'c', 'd'])
  const consumer = again.consumer()
  again.run()
  t.match(again.outcomes, [{ kind: 'stored', repeated: 3, position: 4 }])
  t.strictSame(consumer.texts, ['a', 'b', 'c', 'd'])
  t.match(again.engine.counts('jobs'), { duplicates: 3, stored: 1, depth: 4 })
})

t.test('an id is taken once within the window', async (t) => {
  const world = EngineWorld.withJobs({ dedupeMs: 1000 })
  world.send(
    ['a', 'b', 'c'],
    [
      { index: 0, id: 'x' },
      { index: 1, id: 'x' },
      { index: 2, id: 'y'.repeat(100) },
    ],
  )
  world.send(['d'], [{ index: 0, id: 'y'.repeat(100) }], 'other')
  world.run()
  t.match(world.outcomes, [
    { position: 1, duplicates: [{ index: 1, position: 1 }] },
    { position: 0, duplicates: [{ index: 0, position: 2 }] },
  ])
  const again = world.reopened(0, { dedupeMs: 1000 })
  again.send(['e'], [{ index: 0, id: 'x' }])
  again.run()
  again.pass(1000)
  again.send(['f'], [{ index: 0, id: 'x' }])
  again.run()
  t.match(again.outcomes, [{ duplicates: [{ position: 1 }] }, { position: 3, duplicates: [] }])
  const consumer = again.consumer()
  again.run()
  t.strictSame(consumer.texts, ['a', 'c', 'f'])
  t.strictSame(
    consumer.blocks.flatMap(({ extras }) => extras.map(({ id }) => id?.[0])),
    ['x', 'y', 'x'],
  )
  again.pass(120_000)
  t.strictSame(
    again.store.keys.filter((key) => key.startsWith('07') || key.startsWith('08')),
    [],
    'and given free',
  )
})

t.test('a full queue refuses what does not fit', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 3, maxBytes: 100 })
  world.send(['a', 'b', 'c', 'd'])
  world.run()
  const error = { code: 'RIVULET_QUEUE_FULL', message: 'queue jobs is full: it may have 3 messages' }
  t.match(world.outcomes, [{ kind: 'refused', expected: 4, position: 1, error }])
  const consumer = world.consumer()
  world.run()
  consumer.settle({ kind: 'ack' })
  world.run()
  world.sendAt(4, ['d', 'e'.repeat(99), 'f'])
  world.run()
  t.match(world.outcomes[1], { kind: 'refused', expected: 6, position: 4 })
  t.strictSame(
    consumer.texts.map(([letter]) => letter),
    ['a', 'b', 'c', 'd', 'e'],
  )
})

t.test('a full queue drops its oldest if it is to', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 3, overflow: 'drop-oldest' })
  world.send(['a', 'b'])
  world.send(['c', 'd', 'e'])
  world.run()
  const consumer = world.consumer('c', 2)
  world.run()
  t.strictSame(consumer.texts, ['c', 'd'])
  world.send(['f', 'g', 'h'])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 3, leased: 2, ready: 1, dropped: { overflow: 5 } })
  consumer.settle({ kind: 'release', index: 1 })
  world.send(['i', 'j'])
  world.run()
  consumer.attachment.grant(9)
  world.run()
  t.strictSame(consumer.texts, ['c', 'd', 'i', 'j'])
  const tight = EngineWorld.withJobs({ maxBytes: 2, overflow: 'drop-oldest' })
  tight.send(['a', 'b', 'c'])
  tight.run()
  t.match(tight.engine.counts('jobs'), { depth: 2, bytes: 2 })
})

t.test('a schema is kept with the first message, and a block without one is refused', async (t) => {
  const world = EngineWorld.withJobs()
  const [one, other] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)]
  const send = (sequence: number, hash: Buffer, text?: string) =>
    world.engine.send('jobs', 'p', sequence, blockOf(['a'], [], hash), text, (outcome) => world.outcomes.push(outcome))
  send(1, one, '"int"')
  send(2, other)
  send(2, one)
  world.run()
  t.match(world.outcomes, [
    { kind: 'stored' },
    { kind: 'refused', expected: 2, error: { code: 'RIVULET_UNKNOWN_SCHEMA' } },
    { kind: 'stored' },
  ])
  const again = world.reopened()
  t.equal(again.engine.schemaText(one), '"int"')
  t.equal(again.engine.schemaText(other), undefined)
})

t.test('blocks of another schema are delivered by themselves, those of one together', async (t) => {
  const world = EngineWorld.withJobs()
  const other = Buffer.alloc(16, 2)
  world.send(['a', 'b'])
  world.send(['c'])
  world.engine.send('jobs', 'q', 1, blockOf(['d'], [], other), '"int"', () => {})
  world.run()
  const consumer = world.consumer()
  world.run()
  t.strictSame(consumer.blocks.map(textsOf), [['a', 'b', 'c'], ['d']])
  t.strictSame(
    consumer.blocks.map(({ messages }) => messages.schemaId[0]),
    [7, 2],
  )
})

t.test('a large block is stored in parts', async (t) => {
  const world = EngineWorld.withJobs()
  const texts = Array.from({ length: 10_000 }, (_, at) => String(at))
  world.send(texts)
  world.send(['x'.repeat(900_000), 'y'.repeat(900_000), 'z'])
  world.run()
  t.equal(world.store.keys.filter((key) => key.startsWith('03')).length, 5)
  const consumer = world.consumer('c', 100_000)
  world.run()
  t.strictSame(
    consumer.texts.map((text) => text.slice(0, 9)),
    [...texts, 'x'.repeat(9), 'y'.repeat(9), 'z'],
  )
  t.ok(consumer.blocks.every(({ messages }) => messages.count <= 1024 && messages.bodies.length < 1_100_000))
})

t.test('what is no block is refused at once', async (t) => {
  const world = EngineWorld.withJobs()
  const good = blockOf(['a', 'b'])
  const wrong = [
    { ...good, count: 0 },
    { ...good, count: 3 },
    { ...good, schemaId: Buffer.alloc(15) },
    { ...good, lengths: [1, 2] },
    { ...good, lengths: [3, -1] },
    { ...good, checks: Buffer.alloc(4) },
    { ...good, extras: [{ index: 2 }] },
    { ...good, extras: [{ index: 1 }, { index: 1 }] },
    { ...good, extras: [{ index: 0, id: 'x'.repeat(1025) }] },
    { ...good, extras: [{ index: 0, key: 'x'.repeat(1025) }] },
    { ...good, extras: [{ index: 0, delayMs: -1 }] },
    { ...good, extras: [{ index: 0, ttlMs: 0 }] },
  ]
  for (const block of wrong) {
    t.throws(() => world.engine.send('jobs', 'p', 1, block, schemaText, () => {}), { code: 'RIVULET_INVALID_MESSAGE' })
  }
  t.throws(() => world.engine.send('jobs', 'p', 0, good, schemaText, () => {}), { code: 'RIVULET_INVALID_MESSAGE' })
  t.throws(() => world.engine.send('none', 'p', 1, good, schemaText, () => {}), { code: 'RIVULET_INVALID_OPTION' })
  t.throws(() => world.declare('no name'), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a producer that is silent for a day is forgotten', async (t) => {
  const world = EngineWorld.withJobs()
  world.send(['a'], [], 'old')
  world.run()
  world.pass(86_000_000)
  world.send(['b'], [], 'new')
  world.run()
  const scheduled = world.reopened()
  scheduled.pass(4_000_000)
  t.equal(scheduled.store.keys.filter((key) => key.startsWith('06')).length, 1)
})

t.test('messages whose delay is over make room, too, where the oldest are dropped', async (t) => {
  const world = EngineWorld.withJobs({ overflow: 'drop-oldest', maxLength: 3 })
  for (const text of ['a', 'b', 'c']) world.send([text], [{ index: 0, delayMs: 10 }])
  world.run()
  world.pass(10)
  world.send(['d', 'e'])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 3, ready: 3, bytes: 3, dropped: { overflow: 2 } })
  const consumer = world.consumer()
  world.run()
  t.strictSame(consumer.texts, ['c', 'd', 'e'])
})

t.test('where the oldest are dropped, what is not ready goes last, and the limit holds', async (t) => {
  const world = EngineWorld.withJobs({ overflow: 'drop-oldest', maxLength: 4, keyOrder: true })
  const consumer = world.consumer('c', 1)
  const keyed = { index: 0, key: 'k' }
  world.send(['owner'], [keyed])
  world.run()
  consumer.attachment.grant(1)
  world.send(['parked'], [keyed])
  world.send(['later'], [{ index: 0, delayMs: 50 }])
  world.send(['latest'], [{ index: 0, delayMs: 60 }])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 4, leased: 1, ready: 1, delayed: 2 })
  world.send(['sooner'], [{ index: 0, delayMs: 40 }])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 4, ready: 0, delayed: 3, dropped: { overflow: 1 } }, 'what was parked')
  world.send(['last'], [{ index: 0, delayMs: 70 }])
  world.run()
  t.match(world.engine.counts('jobs'), { depth: 4, delayed: 3, dropped: { overflow: 2 } })
  consumer.settle({ kind: 'ack' })
  consumer.attachment.grant(9)
  world.pass(100)
  t.strictSame(consumer.texts, ['owner', 'later', 'latest', 'last'])
})

t.test('a producer that was refused and sent nothing for a day is forgotten', async (t) => {
  const world = EngineWorld.withJobs({ maxLength: 1 })
  world.send(['a'])
  world.sendAt(5, ['b'], [], 'q')
  world.run()
  t.match(world.outcomes[1], { kind: 'refused', expected: 5 })
  world.declare('jobs')
  world.sendAt(9, ['c'], [], 'q')
  world.run()
  t.match(world.outcomes[2], { kind: 'refused', expected: 5 }, 'it is known to have begun at 5')
  for (let hour = 0; hour < 26; hour++) world.pass(3_600_000)
  world.sendAt(9, ['c'], [], 'q')
  world.run()
  t.match(world.outcomes[3], { kind: 'stored', repeated: 0 })
})

t.test(
  'so many refused producers are remembered and no more, and of none a message is confirmed that is not there',
  async (t) => {
    const world = EngineWorld.withJobs({ maxLength: 1 })
    world.send(['a'])
    for (let producer = 0; producer < 10_001; producer++) world.sendAt(1, ['b'], [], `p${producer}`)
    world.run()
    t.match(world.outcomes[10_000], { kind: 'refused', expected: 1 })
    t.match(world.outcomes[10_001], { kind: 'refused', expected: 0, error: { code: 'RIVULET_QUEUE_FULL' } })
    world.declare('jobs')
    world.sendAt(1, ['b', 'c'], [], 'p9999')
    world.sendAt(2, ['c'], [], 'p10000')
    world.sendAt(1, ['b'], [], 'p0')
    world.run()
    const stored = { kind: 'stored', repeated: 0 }
    t.match(world.outcomes.slice(10_002), [stored, stored, stored])
    world.declare('jobs', { maxLength: 1 })
    world.sendAt(7, ['x'], [], 'new')
    world.sendAt(7, ['x'], [], 'newer')
    world.sendAt(7, ['x'], [], 'newest')
    world.run()
    t.match(
      world.outcomes.slice(10_005).map((outcome) => 'expected' in outcome && outcome.expected),
      [7, 7, 0],
      'there is room for as many as have been stored since',
    )
  },
)
