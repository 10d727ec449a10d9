/** The transient queue with a Python program on the other side, which was written from docs/reference/protocol alone. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Former, Job, jobs, jobText, Later } from './job.js'
import { framesOf, peer, transports, valuesOf, withPython } from './python.js'

for (const [transport, open] of Object.entries(transports)) {
  t.test(`Python works on what Rivulet pushes, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using push = await createPush({ schema: Job, bind, maxBatchMessages: 2 })
    const seeing = peer({ do: 'pull', connect: push.endpoint, messages: 2 * jobs.length })
    const before = Date.now()
    await Promise.race([push.whenConnected(), seeing])
    await push.sendAll(jobs)
    await push.sendAll(jobs)
    const seen = await seeing
    const after = Date.now()

    t.strictSame(valuesOf(seen), [...jobs, ...jobs])
    const headers = framesOf(seen).map(({ header }) => header)
    t.equal(headers[0]?.announced, true, 'the first frame tells the schema')
    t.equal(headers[0]?.fingerprint, true, 'the fingerprint is the one that Python computes')
    let position = 1
    for (const header of headers) {
      const { kind, count, sequence, previous, source, time } = header
      t.match({ kind, position: header.position, sequence, previous }, { kind: 'data', position, sequence: position })
      t.equal(previous, position - 1)
      t.ok(count <= 2 && time.getTime() >= before && time.getTime() <= after)
      t.strictSame(source, headers[0]?.source)
      position += count
    }
  })

  t.test(`Rivulet works on what Python pushes, over ${transport}`, withPython, async (t) => {
    const { bind, remove } = open()
    t.teardown(remove)
    await using pull = await createPull({ schema: Job, bind })
    const [first, second, third, ...others] = jobs
    const frames = [
      { blocks: [[first]], announce: false },
      { blocks: [[second, third], others], announce: true },
      { blocks: [jobs], announce: false, sized: true },
      { blocks: [], kind: 'beacon' },
      { blocks: [[first], [second], jobs], announce: false, sized: true },
    ]
    const sent = peer({ do: 'push', connect: pull.endpoint, schema: jobText, frames })
    const expected = [...jobs, ...jobs, first, second, ...jobs]
    t.strictSame(await taken(pull.messages, expected.length, sent), expected)
    await sent
    t.match(pull.stats(), { received: expected.length, delivered: expected.length, pending: 0, dropped: {} })
    t.strictSame(pull.stats().rejectedFrames, {})
  })
}

t.test('a Python worker binds', withPython, async (t) => {
  const { bind, remove } = (transports.ipc as (typeof transports)[string])()
  t.teardown(remove)
  await using push = await createPush({ schema: Job, connect: bind })
  const seeing = peer({ do: 'pull', bind, messages: jobs.length })
  await push.sendAll(jobs)
  t.strictSame(valuesOf(await seeing), jobs)
})

t.test('frames of an older writer wait for its schema', withPython, async (t) => {
  await using pull = await createPull({ schema: Later, bind: 'tcp://127.0.0.1:*' })
  const frames = [1, 2, 3].map((id) => ({ blocks: [[{ id, text: `job ${id}` }]], announce: id === 3 }))
  const sent = peer({ do: 'push', connect: pull.endpoint, schema: JSON.stringify(Former.json), frames })
  const expected = [1, 2, 3].map((id) => ({ id, text: `job ${id}`, owner: null }))
  t.strictSame(await taken(pull.messages, 3, sent), expected)
  await sent
})

t.test('what waits for a schema is bounded, and counted when it is lost', withPython, async (t) => {
  await using pull = await createPull({ schema: Later, bind: 'tcp://127.0.0.1:*' })
  const codes: string[] = []
  pull.errors.subscribe(({ code }) => codes.push(code))
  const frames = Array.from({ length: 70 }, (_, index) => ({
    blocks: [[{ id: index + 1, text: '' }]],
    announce: index === 69,
  }))
  const sent = peer({ do: 'push', connect: pull.endpoint, schema: JSON.stringify(Former.json), frames })
  t.strictSame(await taken(pull.messages, 1, sent), [{ id: 70, text: '', owner: null }])
  await sent
  t.match(pull.stats(), { received: 70, delivered: 1, pending: 0, dropped: { 'unknown-schema': 69 } })
  t.strictSame(codes, ['RIVULET_UNKNOWN_SCHEMA'])
})

t.test('what is no frame for this version is rejected, and the rest arrives', withPython, async (t) => {
  await using pull = await createPull({ schema: Former, bind: 'tcp://127.0.0.1:*' })
  const codes: string[] = []
  pull.errors.subscribe(({ code }: RivuletError) => codes.push(code))
  const one = (id: number) => [[{ id, text: '' }]]
  const frames = [
    ...['tombstone', 'will', 'mixed'].map((kind) => ({ blocks: one(0), kind })),
    { blocks: one(0), spoil: 0 },
    { blocks: one(0), spoil: 2 },
    { blocks: one(0), spoil: 4 },
    { blocks: one(0), spoil: 20 },
    { blocks: one(7) },
  ]
  const sent = peer({ do: 'push', connect: pull.endpoint, schema: JSON.stringify(Former.json), frames })
  t.strictSame(await taken(pull.messages, 1, sent), [{ id: 7, text: '' }])
  await sent
  t.strictSame(pull.stats().rejectedFrames, { 'bad-frame': 5, 'corrupt-frame': 2 })
  t.strictSame(codes, [...Array(5).fill('RIVULET_BAD_FRAME'), ...Array(2).fill('RIVULET_CORRUPT_FRAME')])
  t.equal(pull.stats().received, 1)
})

/** The first messages of a stream; rejects with the failure of the sender instead of waiting for ever. */
async function taken<T>(messages: AsyncIterable<T>, count: number, sent: Promise<unknown>): Promise<T[]> {
  const some: T[] = []
  const taking = (async () => {
    for await (const message of messages) if (some.push(message) === count) break
  })()
  await Promise.race([taking, sent.then(() => taking)])
  return some
}
