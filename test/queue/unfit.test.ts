/** A message that its reader has no place for costs itself alone, in the middle of a frame. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { until } from '../support/events.js'
import { eachTransport } from '../support/transports.js'

const Narrow = defineSchema({
  type: 'record',
  name: 'Value',
  fields: [{ name: 'held', type: ['null', 'string'] }],
})
const Wide = defineSchema({
  type: 'record',
  name: 'Value',
  fields: [{ name: 'held', type: ['null', 'string', 'int'] }],
})

eachTransport(t, 'a branch of a union that the reader does not know', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Wide, bind, runtime })
  const pull = await createPull({ schema: Narrow, connect: push.endpoint, runtime })
  const errors: RivuletError[] = []
  pull.errors.subscribe((error) => errors.push(error))
  const seen: unknown[] = []
  pull.messages.subscribe(({ held }) => seen.push(held))
  for (const held of ['a', 1, null, 2, 'b']) push.next({ held })
  await until(() => seen.length === 3)
  t.strictSame(seen, ['a', null, 'b'])
  t.match(errors, [
    { code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: /held/ }], messages: 1 },
    { code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: /held/ }], messages: 1 },
  ])
  t.match(pull.stats(), { received: 5, delivered: 3, pending: 0 })
  t.strictSame(pull.stats().dropped, { undecodable: 2 })
})

const fields = [{ name: 'count', type: 'long' }] as const
const Exact = defineSchema({ type: 'record', name: 'Sum', fields: [...fields] }, { long: 'bigint' })
const Plain = defineSchema({ type: 'record', name: 'Sum', fields: [...fields] })

eachTransport(t, 'a long beyond what a number holds', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Exact, bind, runtime })
  const pull = await createPull({ schema: Plain, connect: push.endpoint, runtime })
  const errors: RivuletError[] = []
  pull.errors.subscribe((error) => errors.push(error))
  const seen: unknown[] = []
  pull.messages.subscribe(({ count }) => seen.push(count))
  const most = 2n ** 53n - 1n
  for (const count of [1n, most, most + 1n, -most, 2n ** 63n - 1n, 2n]) push.next({ count })
  await until(() => seen.at(-1) === 2)
  t.strictSame(seen, [1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2])
  t.strictSame(
    errors.map(({ code, messages }) => [code, messages]),
    Array(2).fill(['RIVULET_DECODE_FAILED', 1]),
  )
  t.strictSame(pull.stats().dropped, { undecodable: 2 })
})
