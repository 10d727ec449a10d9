/** Two versions of a schema talk both ways without configuration; what does not go together is told with the path. */
import { take, toArray } from 'rxjs'
import t from 'tap'
import * as zmq from 'zeromq'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { first, firstFew, turn, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

const Former = defineSchema({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'comment', type: 'string', default: 'none' },
  ],
})
const Wider = defineSchema({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'priority', type: 'int', default: 5 },
  ],
})

eachTransport(t, 'a newer worker reads an older producer', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Former, bind, runtime })
  const pull = await createPull({ schema: Wider, connect: push.endpoint, runtime })
  await push.sendAll([{ id: 1, comment: 'x' }, { id: 2 }])
  t.strictSame(await firstFew(pull.messages, 2), [
    { id: 1, priority: 5 },
    { id: 2, priority: 5 },
  ])
})

eachTransport(t, 'an older worker reads a newer producer', async (t, { runtime, bind }) => {
  const Newer = defineSchema({
    type: 'record',
    name: 'Order',
    namespace: 'shop',
    fields: [
      { name: 'tags', type: { type: 'array', items: 'string' } },
      { name: 'id', type: 'int' },
    ],
  })
  const push = await createPush({ schema: Newer, bind, runtime })
  const pull = await createPull({ schema: Former, connect: push.endpoint, runtime })
  await push.sendAll([
    { tags: ['a', 'b'], id: 1 },
    { tags: [], id: 2 },
  ])
  t.strictSame(await firstFew(pull.messages, 2), [
    { id: 1, comment: 'none' },
    { id: 2, comment: 'none' },
  ])
})

eachTransport(t, 'producers of several versions feed one worker', async (t, { runtime, bind }) => {
  const pull = await createPull({ schema: Wider, bind, runtime })
  const seen = first(pull.messages.pipe(take(400), toArray()))
  const former = await createPush({ schema: Former, connect: pull.endpoint, runtime })
  const latter = await createPush({ schema: Wider, connect: pull.endpoint, runtime })
  for (let round = 0; round < 200; round++) {
    await former.send({ id: round })
    await latter.send({ id: 1000 + round, priority: 1 })
  }
  const priorities = new Map<number, number[]>()
  for (const { id, priority } of await seen) {
    priorities.set(priority, [...(priorities.get(priority) ?? []), id])
  }
  t.strictSame(priorities.get(5), [...Array(200).keys()])
  t.strictSame(
    priorities.get(1),
    Array.from({ length: 200 }, (_, index) => 1000 + index),
  )
})

const pairs: Record<string, { writer: unknown; reader: unknown; value: unknown; path: RegExp }> = {
  'another type of a field': {
    writer: { type: 'record', name: 'A', fields: [{ name: 'size', type: 'string' }] },
    reader: { type: 'record', name: 'A', fields: [{ name: 'size', type: 'int' }] },
    value: { size: 'large' },
    path: /size/,
  },
  'a field without a default': {
    writer: { type: 'record', name: 'A', fields: [{ name: 'size', type: 'int' }] },
    reader: {
      type: 'record',
      name: 'A',
      fields: [
        { name: 'size', type: 'int' },
        {
          name: 'place',
          type: { type: 'record', name: 'Place', fields: [{ name: 'city', type: 'string' }] },
        },
      ],
    },
    value: { size: 1 },
    path: /place/,
  },
  'a deep field': {
    writer: {
      type: 'record',
      name: 'A',
      fields: [
        {
          name: 'lines',
          type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'price', type: 'string' }] } },
        },
      ],
    },
    reader: {
      type: 'record',
      name: 'A',
      fields: [
        {
          name: 'lines',
          type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'price', type: 'double' }] } },
        },
      ],
    },
    value: { lines: [{ price: '1' }] },
    path: /lines.*price/,
  },
  'microseconds for milliseconds': {
    writer: {
      type: 'record',
      name: 'A',
      fields: [{ name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } }],
    },
    reader: {
      type: 'record',
      name: 'A',
      fields: [{ name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } }],
    },
    value: undefined,
    path: /at/,
  },
}

for (const [what, { writer, reader, value, path }] of Object.entries(pairs)) {
  eachTransport(t, `${what} is refused at the first frame, with its path`, async (t, { runtime, bind }) => {
    const push = await createPush({ schema: defineSchema(writer as 'string'), bind, runtime, maxBatchMessages: 1 })
    const pull = await createPull({ schema: defineSchema(reader as 'string'), connect: push.endpoint, runtime })
    const errors: RivuletError[] = []
    pull.errors.subscribe((error) => errors.push(error))
    pull.messages.subscribe(() => t.fail('nothing can be read'))
    const values = value ?? { at: Number(1_700_000_000_000_000n) }
    for (let count = 0; count < 3; count++) await push.send(values as never)
    await until(() => pull.stats().received === 3)
    t.equal(errors.length, 1, 'once for each writer')
    t.equal(errors[0]?.code, 'RIVULET_INCOMPATIBLE_SCHEMA')
    t.match(errors[0]?.message, path)
    t.strictSame(pull.stats().dropped, { 'incompatible-schema': 3 })
    t.match(pull.stats(), { received: 3, delivered: 0, pending: 0 })
  })
}

eachTransport(t, 'a producer that cannot be read does not disturb one that can', async (t, { runtime, bind }) => {
  const pull = await createPull({ schema: Job, bind, runtime })
  const codes: string[] = []
  pull.errors.subscribe(({ code }) => codes.push(code))
  const seen: number[] = []
  pull.messages.subscribe(({ id }) => seen.push(id))
  const stranger = await createPush({ schema: Former, connect: pull.endpoint, runtime })
  const honest = await createPush({ schema: Job, connect: pull.endpoint, runtime })
  for (const { id } of jobs(50)) {
    await stranger.send({ id })
    await honest.send({ id })
  }
  await until(() => seen.length === 50 && pull.stats().received === 100)
  t.strictSame(
    seen,
    jobs(50).map(({ id }) => id),
  )
  t.strictSame(codes, ['RIVULET_INCOMPATIBLE_SCHEMA'])
})

eachTransport(
  t,
  'workers of another version read what is left when frames with the schema were dropped',
  async (t, place) => {
    const { runtime, bind } = place
    const options = { overflow: 'drop-oldest', outboxBytes: 50_000, maxBatchMessages: 10 } as const
    const push = await createPush({ schema: Former, bind, runtime, ...options })
    const open = () => createPull({ schema: Wider, connect: push.endpoint, runtime })
    const pulls = [await open(), await open()]
    const ids: number[] = []
    await until(() => push.connected === 2)
    for (let id = 0; id < 40; id++) push.next({ id, comment: 'x'.repeat(id < 20 ? 0 : 30_000) })
    await until(() => push.stats().pending === 0 || push.stats().dropped.overflow !== undefined)
    for (const pull of pulls) pull.messages.subscribe(({ id }) => ids.push(id))
    await until(() => push.stats().pending === 0)
    const { sent } = push.stats()
    const taken = () => pulls.reduce((sum, pull) => sum + pull.stats().received, 0)
    await until(() => taken() === sent)
    t.ok(sent < 40, 'some were dropped')
    t.equal(ids.length, sent)
    for (const pull of pulls) t.strictSame(pull.stats().dropped, {})
  },
)

t.test('what tells a worker that never reads the schema does not gather', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const options = { overflow: 'drop-oldest', outboxBytes: 40_000, maxBatchMessages: 1 } as const
  const push = await createPush({ schema: Former, bind, runtime, ...options })
  const worker = new zmq.Pull({ receiveHighWaterMark: 1 })
  t.teardown(() => worker.close())
  worker.connect(push.endpoint)
  await until(() => push.connected === 1)
  const large = { id: 0, comment: 'x'.repeat(30_000) }
  do push.next(large)
  while (!(await staysPending(push)))
  const waiting: number[] = []
  for (let second = 0; second < 100; second++) {
    for (let id = 0; id < 100; id++) push.next({ id, comment: 'x'.repeat(1000) })
    waiting.push(push.stats().pendingBytes)
    clock.advance(1000)
  }
  t.ok((push.stats().dropped.overflow ?? 0) > 9000, 'all frames with the schema were dropped')
  const growth = (waiting.at(-1) ?? 0) - (waiting[10] ?? 0)
  t.ok(Math.abs(growth) < 1000, `in 90 seconds, ${growth} bytes more came to wait`)
})

/** Whether a message is still pending after many turns: nobody takes it. */
async function staysPending(push: { stats(): { readonly pending: number } }): Promise<boolean> {
  for (let turns = 0; turns < 300; turns++) {
    if (push.stats().pending === 0) return false
    await turn()
  }
  return true
}
