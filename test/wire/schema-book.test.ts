/** The book of writers' schemas: what waits for a schema, how much of it and how long, and what is never forgotten. */
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { Reception } from '../support/reception.js'
import { block, type Claims, dataFrame, ints, schemaIdOf } from '../support/stranger.js'

const Int = defineSchema('int')

/** A schema that reads as ints and has a text of its own. */
const text = (name: string) => JSON.stringify({ type: 'int', name })

/** A frame of a writer, with its schema or without. */
function frame(writer: string, announced: boolean, values: number[], more: Claims = {}): Buffer {
  const schema = text(writer)
  const claims = { schema, writerSchema: announced ? schema : null, count: values.length, ...more }
  return dataFrame(claims, ...(values.length > 0 ? [block(ints(...values))] : []))
}

t.test("a receiver's own schema needs no announcement", async (t) => {
  const reception = new Reception(Int)
  reception.receive(dataFrame({ schema: codecOf(Int).text, writerSchema: null, count: 1 }, block(ints(4))))
  t.strictSame(reception.values, [4])
})

t.test('what came before its schema is read when that comes, in order', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', false, [1, 2]))
  reception.receive(frame('A', false, [3]))
  reception.receive(frame('B', true, [100]))
  t.equal(reception.receiver.parkedMessages, 3)
  t.strictSame(reception.values, [100], 'another writer is not held up')
  reception.receive(frame('A', true, [4]))
  reception.receive(frame('A', false, [5]))
  t.strictSame(reception.values, [100, 1, 2, 3, 4, 5])
  t.equal(reception.receiver.parkedMessages, 0)
  t.equal(reception.clock.timers, 1, 'the patience runs on, and finds nothing')
  reception.clock.advance(3000)
  t.strictSame(reception.lost, [])
})

t.test('a beacon with the schema is enough', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', false, [1]))
  reception.receive(frame('A', true, [], { kind: 'beacon' }))
  t.strictSame(reception.values, [1])
})

t.test('beyond the bound the writer is given up, told once with the count, until it announces', async (t) => {
  const reception = new Reception(Int, undefined, 3)
  for (const values of [[1], [2, 3], [4], [5], [6, 7]]) reception.receive(frame('A', false, values))
  t.match(reception.lost, [
    [5, { code: 'RIVULET_UNKNOWN_SCHEMA', messages: 5 }],
    [2, undefined],
  ])
  t.equal(reception.receiver.parkedMessages, 0)
  reception.receive(frame('A', true, [8]))
  reception.receive(frame('A', false, [9]))
  t.strictSame(reception.values, [8, 9])
  t.equal(reception.lost.length, 2)
})

t.test('what waits is given up in time', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', false, [1]))
  reception.clock.advance(2000)
  reception.receive(frame('B', false, [2, 3]))
  reception.clock.advance(999)
  t.strictSame(reception.lost, [])
  reception.clock.advance(1)
  t.match(reception.lost, [[3, { code: 'RIVULET_UNKNOWN_SCHEMA', messages: 3 }]])
  reception.receive(frame('C', false, [4]))
  t.equal(reception.receiver.parkedMessages, 1, 'others may wait again')
})

t.test('closing gives up on what waits and leaves no timer', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', false, [1, 2]))
  t.equal(reception.receiver.close(), 2)
  t.match(reception.lost, [[2, { messages: 2 }]])
  t.equal(reception.clock.timers, 0)
})

t.test('frames that wait are bounded in bytes as well', async (t) => {
  const reception = new Reception(Int, 4 * 1_048_576, 64)
  const large = (first: number) => frame('A', false, [first], { extensions: { padding: Buffer.alloc(1_600_000) } })
  reception.receive(large(1))
  reception.receive(large(2))
  t.equal(reception.receiver.parkedMessages, 2)
  reception.receive(large(3))
  t.match(reception.lost, [[3, { code: 'RIVULET_UNKNOWN_SCHEMA' }]])
})

t.test('a schema that is not the one of its hash is rejected, and changes nothing for others', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', true, [1], { schemaId: schemaIdOf(text('B')) }))
  t.strictSame(reception.rejectedCodes, ['RIVULET_BAD_FRAME'])
  reception.receive(frame('B', true, [2]))
  reception.receive(frame('B', true, [3], { writerSchema: '"string"' }))
  t.strictSame(reception.values, [2, 3], 'once known, only the hash counts')
})

t.test('a thousand strangers cannot make it forget its own schema, nor grow without bound', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('honest', true, [1]))
  for (let count = 0; count < 1500; count++) reception.receive(frame(`stranger${count}`, true, []))
  reception.receive(dataFrame({ schema: codecOf(Int).text, writerSchema: null, count: 1 }, block(ints(7))))
  t.strictSame(reception.values, [1, 7])
  reception.receive(frame('honest', false, [2]))
  t.equal(reception.receiver.parkedMessages, 1, 'it has to announce itself again')
  reception.receive(frame('honest', true, [3]))
  t.strictSame(reception.values, [1, 7, 2, 3])
})

t.test('a writer that cannot be read is refused once, by the path of the field', async (t) => {
  const Order = defineSchema({ type: 'record', name: 'Order', fields: [{ name: 'price', type: 'double' }] })
  const reception = new Reception(Order)
  const schema = JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'price', type: 'string' }] })
  for (const writerSchema of [schema, null]) {
    reception.receive(dataFrame({ schema, writerSchema, count: 1 }, block([Buffer.from([2, 120])])))
  }
  t.match(reception.refused, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', issues: [{ path: 'price' }] }])
  t.equal(reception.refused.length, 1)
  t.strictSame(reception.values, [])
})

t.test('a text that is no schema, or is beyond the limits for schemas', async (t) => {
  const reception = new Reception(Int)
  const texts = ['{', '"no-such-type"', '[[]]', `"${'x'.repeat(100_000)}"`, `${'['.repeat(5000)}`]
  for (const schema of texts) reception.receive(dataFrame({ schema, count: 1 }, block(ints(1))))
  t.equal(reception.values.length, 0)
  t.equal(reception.rejected.length + reception.refused.length, texts.length)
})

t.test('a schema that is longer than schemas may be is not learned', async (t) => {
  const reception = new Reception(Int)
  const schema = JSON.stringify({ type: 'int', doc: 'x'.repeat(65_536) })
  reception.receive(dataFrame({ schema, writerSchema: schema, count: 1 }, block(ints(1))))
  t.strictSame(reception.values, [])
  t.strictSame(reception.rejectedCodes, ['RIVULET_BAD_FRAME'])
})

t.test('the schema of a writer that sends is not forgotten among many that are told once', async (t) => {
  const reception = new Reception(Int)
  reception.receive(frame('A', true, [0]))
  for (let flood = 0; flood < 3; flood++) {
    for (let other = 0; other < 1000; other++) reception.receive(frame(`${flood} ${other}`, true, []))
    reception.receive(frame('A', false, [1 + flood]))
  }
  t.strictSame(reception.values, [0, 1, 2, 3])
  t.equal(reception.receiver.parkedMessages, 0)
})
