/** What messages of errors tell about values and schemas: what was expected, in words that lead to the mend. */
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'

const Order = defineSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'size', type: { type: 'enum', name: 'Size', symbols: ['S', 'M', 'L'] } },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 } },
    { name: 'notes', type: { type: 'map', values: 'string' } },
  ],
})

const good = { id: 1, size: 'M', price: '1.50', notes: {} }
const complaints = (value: unknown) => Order.check(value).map(({ path, message }) => `${path}: ${message}`)

t.test('numbers that are none', async (t) => {
  t.strictSame(complaints({ ...good, id: Number.NaN }), ['id: expected long, a safe integer, received NaN'])
  t.strictSame(complaints({ ...good, id: -1 / 0 }), ['id: expected long, a safe integer, received -Infinity'])
  t.strictSame(complaints({ ...good, id: 2 ** 60 }), [
    'id: expected long, a safe integer, received number beyond the safe integers',
  ])
  t.strictSame(complaints({ ...good, id: 1.5 }), ['id: expected long, a safe integer, received fraction'])
})

t.test('an enum lists its symbols, the first of many', async (t) => {
  t.strictSame(complaints({ ...good, size: 'XL' }), ['size: expected symbol of Size ("S", "M", "L"), received string'])
  const Many = defineSchema({ type: 'enum', name: 'Many', symbols: Array.from({ length: 30 }, (_, i) => `S${i}`) })
  t.match(Many.check('x' as never)[0]?.message, /\("S0", "S1", .*"S9" and 20 more\), received string$/)
})

t.test('a decimal is a string', async (t) => {
  t.strictSame(complaints({ ...good, price: 1.5 }), [
    'price: expected decimal as a string, of at most 6 digits, 2 of them after the point, received fraction',
  ])
})

t.test('collections where an object is expected', async (t) => {
  t.strictSame(complaints(new Map(Object.entries(good))), [': expected record Order, received Map, no plain object'])
  t.strictSame(complaints([1, 'M']), [': expected record Order, received array'])
  t.strictSame(complaints({ ...good, notes: new Map([['a', 'b']]) }), [
    'notes: expected map, a plain object, received Map, no plain object',
  ])
  t.strictSame(complaints({ ...good, notes: new Set() }), [
    'notes: expected map, a plain object, received Set, no plain object',
  ])
  // whatever has the fields is taken, as the writer does
  t.strictSame(complaints(Object.assign([], good)), [])
})

t.test('types that stand beside their field', async (t) => {
  const define = (field: object) => () =>
    defineSchema({ type: 'record', name: 'R', fields: [{ name: 'f', ...field }] } as never)
  t.throws(define({ type: 'enum', symbols: ['A'] }), {
    code: 'RIVULET_INVALID_SCHEMA',
    message: /f: unknown type "enum"; write the enum as an object of its own, type: \{ type: 'enum', … \}/,
  })
  t.throws(define({ type: 'array', items: 'int' }), { message: /write the array as an object of its own/ })
  t.throws(define({ type: 'long', logicalType: 'timestamp-millis' }), {
    code: 'RIVULET_INVALID_SCHEMA',
    message: /f: logicalType stands beside the type; write type: \{ type: 'long', logicalType: "timestamp-millis" \}/,
  })
})
