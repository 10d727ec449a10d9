/** Batches that go to the engine in pieces: the outcome is the one that the whole would have had. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { ProduceSession } from '../../patterns/queue/durable/produce-session.js'
import { pieceMessages, sendInPieces } from '../../patterns/queue/durable/send-pieces.js'
import type { ProduceRequest } from '../../patterns/queue/durable/wire.js'
import type { MessageExtras, QueueEngine, QueueSettings, SendOutcome } from '../../src/engine/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { blockOf, EngineWorld, schemaText, textsOf } from '../engine/engine-world.js'

const count = 2 * pieceMessages + 5
const texts = Array.from({ length: count }, (_, index) => `${index}`)

/** Sends a batch to a world whole, and to another one in pieces; returns what became of both. */
function sendBoth(extras: readonly MessageExtras[], settings: Partial<QueueSettings> = {}) {
  return [false, true].map((inPieces) => {
    const world = EngineWorld.withJobs(settings)
    world.send(['first'], [{ index: 0, id: 'known' }])
    world.run()
    const outcomes: SendOutcome[] = []
    const block = blockOf(texts, extras)
    const done = (outcome: SendOutcome) => void outcomes.push(outcome)
    if (inPieces) sendInPieces(world.engine, 'jobs', 'q', 1, block, schemaText, done)
    else world.engine.send('jobs', 'q', 1, block, schemaText, done)
    world.run()
    const consumer = world.consumer('c', 2 * count)
    world.run()
    return { outcomes, texts: consumer.blocks.flatMap(textsOf), counts: world.engine.counts('jobs'), world }
  })
}

t.test('the same messages are stored, with the same outcome', async (t) => {
  const every = (step: number, own: (index: number) => object) =>
    texts.flatMap((_, index) => (index % step === 0 ? [{ index, ...own(index) }] : []))
  const cases: [string, readonly MessageExtras[], Partial<QueueSettings>?][] = [
    ['ids, some of them twice', every(3, (index) => ({ id: index % 9 === 0 ? 'known' : `id${index % 5000}` }))],
    ['one id in the last piece', [{ index: count - 1, id: 'known' }]],
    ['keys in order', every(2, (index) => ({ key: `k${index % 7}` })), { keyOrder: true }],
    ['a queue that is full in the first piece', every(5, () => ({ ttlMs: 60_000 })), { maxLength: 100 }],
    ['in the second', every(5, () => ({ ttlMs: 60_000 })), { maxLength: pieceMessages + 10 }],
    ['and in the last', every(5, () => ({ ttlMs: 60_000 })), { maxLength: count - 1 }],
    ['one that drops the oldest', every(5, () => ({ ttlMs: 60_000 })), { maxLength: 50, overflow: 'drop-oldest' }],
  ]
  for (const [name, extras, settings] of cases) {
    const [whole, pieces] = sendBoth(extras, settings)
    t.strictSame(pieces?.outcomes, whole?.outcomes, name)
    t.strictSame(pieces?.texts, whole?.texts, name)
    t.match(pieces?.counts, { stored: whole?.counts.stored, duplicates: whole?.counts.duplicates }, name)
  }
})

t.test('what is sent again is repeated, up to where it was stored', async (t) => {
  const [whole, pieces] = sendBoth([{ index: 0, ttlMs: 60_000 }], { maxLength: pieceMessages + 10 })
  for (const { world } of [whole, pieces].filter((one) => one !== undefined)) {
    const outcomes: SendOutcome[] = []
    const block = blockOf(texts, [{ index: 0, ttlMs: 60_000 }])
    sendInPieces(world.engine, 'jobs', 'q', 1, block, schemaText, (outcome) => void outcomes.push(outcome))
    world.run()
    t.match(outcomes, [{ kind: 'refused', expected: pieceMessages + 10, repeated: pieceMessages + 9 }])
  }
})

t.test('a batch without extras, or a small one, is sent as it is', async (t) => {
  const blocks: unknown[] = []
  const engine = { send: (...args: unknown[]) => void blocks.push(args[3]) } as unknown as QueueEngine
  for (const block of [blockOf(texts), blockOf(['a'], [{ index: 0, id: 'x' }])]) {
    sendInPieces(engine, 'jobs', 'p', 1, block, undefined, () => {})
    t.equal(blocks.pop(), block)
  }
})

t.test('a write that fails refuses the batch from its piece on', async (t) => {
  const world = EngineWorld.withJobs()
  const outcomes: SendOutcome[] = []
  const block = blockOf(texts, [{ index: 0, ttlMs: 60_000 }])
  sendInPieces(world.engine, 'jobs', 'q', 1, block, schemaText, (outcome) => void outcomes.push(outcome))
  world.step()
  world.store.settle()
  world.step()
  const error = new RivuletError('RIVULET_STORE_FAILED', 'the test says so')
  world.store.fail(error)
  world.run()
  t.match(outcomes, [{ kind: 'refused', expected: pieceMessages + 1, error }])
  sendInPieces(world.engine, 'jobs', 'q', pieceMessages + 1, blockOf(['again']), schemaText, () => {})
  world.run()
  const consumer = world.consumer('c', 2 * count)
  world.run()
  t.strictSame(consumer.texts, [...texts.slice(0, pieceMessages), 'again'])
})

t.test('a host takes a batch of a producer in pieces', async (t) => {
  const world = EngineWorld.withJobs()
  const counts: number[] = []
  const send = world.engine.send.bind(world.engine)
  world.engine.send = (...args) => {
    counts.push(args[3].count)
    send(...args)
  }
  const answers: unknown[] = []
  const desk = { engine: world.engine, maxMessageBytes: 100, enter: () => {}, leaseMsOf: () => 1000 }
  const ports = { answer: (answer: unknown) => void answers.push(answer), room: () => {}, superseded: () => {} }
  const session = new ProduceSession(desk, ports)
  session.receive({ open: { queue: 'jobs', producer: 'q' } }, () => {})
  const digest = createHash('sha256').update(schemaText).digest().subarray(0, 16)
  const { lengths, checks, bodies } = blockOf(texts)
  const extras = [{ index: 0, ttlMs: 60_000 }]
  const batch = { number: 1, sequence: 1, schema: schemaText, schemaId: digest, lengths, checks, bodies, extras }
  session.receive({ batch: { ...batch, lengths: [...lengths] } } as ProduceRequest, () => {})
  world.run()
  await session.drained()
  t.strictSame(counts, [pieceMessages, pieceMessages, 5])
  t.match(answers.at(-1), { stored: [{ number: 1, repeated: 0 }], refused: [] })
})
