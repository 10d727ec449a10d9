/** What the compiler knows of a queue: the values of its schema, with defaults left out on the way in, and no others. */
import { of } from 'rxjs'
import t from 'tap'
import { createPull, createPush, type Pull, type Push } from '../../patterns/queue/index.js'
import { defineSchema, type Infer, type InferInput } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

t.test('values are inferred from the schema', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const push = await createPush({ schema: Job, bind, runtime })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  type Value = { id: number; note: string }
  t.ok(same<typeof push, Push<InferInput<typeof Job>>>(true))
  t.ok(same<typeof pull, Pull<Value>>(true))
  t.ok(same<typeof pull.messages, Stream<Value>>(true))
  t.ok(same<Infer<typeof Job>, Value>(true))
  const processed = pull.messages.process(({ id }) => of(`${id}`))
  t.ok(same<typeof processed, import('rxjs').Observable<string>>(true))
  const plain = pull.messages.process(async ({ id }) => id)
  t.ok(same<typeof plain, import('rxjs').Observable<number>>(true))
  const sent: Parameters<typeof push.next>[0] = { id: 1 }
  push.next(sent)
  await push.send({ id: 2, note: 'with a note' })
  t.strictSame(await push.sendAll([{ id: 3 }]), { sent: 1, dropped: 0 })
  t.strictSame(await push.sendAll(of({ id: 4 }, { id: 5 })), { sent: 2, dropped: 0 })
})

t.test('wrong values are refused, by the compiler first', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const push = await createPush({ schema: Job, bind, runtime })
  push.errors.subscribe()
  const invalid = { code: 'RIVULET_INVALID_MESSAGE' }
  // @ts-expect-error text where an int is due
  push.next({ id: 'one' })
  // @ts-expect-error a field is missing
  await t.rejects(push.send({ note: 'no id' }), invalid)
  // @ts-expect-error a value of another type
  await t.rejects(push.send('one'), invalid)
  // @ts-expect-error one of the values is wrong
  t.strictSame(await push.sendAll([{ id: 1 }, { id: null }]), { sent: 1, dropped: 1 })
  // @ts-expect-error a source of other values
  t.strictSame(await push.sendAll(of('one')), { sent: 0, dropped: 1 })
  t.equal(push.stats().refused.invalid, 5)
})

t.test('wrong options are refused, by the compiler first', async (t) => {
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  // @ts-expect-error an option that does not exist
  await t.rejects(createPush({ schema: Job, bind: 'inproc://a', maxBatchMesages: 1 }), invalid)
  // @ts-expect-error a policy that does not exist
  await t.rejects(createPush({ schema: Job, bind: 'inproc://a', overflow: 'drop' }), invalid)
  // @ts-expect-error a schema that was not defined
  await t.rejects(createPull({ schema: { type: 'string' }, bind: 'inproc://a' }), invalid)
  // @ts-expect-error no schema
  await t.rejects(createPull({ bind: 'inproc://a' }), invalid)
  // @ts-expect-error a number of milliseconds as text
  await t.rejects(createPush({ schema: Job, bind: 'inproc://a', socketBufferBytes: '4096' }), invalid)
})

t.test('schemas of one value have its type', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const Text = defineSchema('string')
  const push = await createPush({ schema: Text, bind, runtime })
  const pull = await createPull({ schema: Text, connect: push.endpoint, runtime })
  t.ok(same<typeof pull, Pull<string>>(true))
  t.ok(same<typeof push, Push<string>>(true))
})
