/** Logical types: exact both ways, and every invalid value refused. */
import fc from 'fast-check'
import t from 'tap'
import { type AvroSchema, defineSchema } from '../../src/avro/index.js'
import { checkWithSeeds } from './seeds.js'

const Timestamp = defineSchema({ type: 'long', logicalType: 'timestamp-millis' })
const Day = defineSchema({ type: 'int', logicalType: 'date' })
const Uuid = defineSchema({ type: 'string', logicalType: 'uuid' })
const UuidFixed = defineSchema({ type: 'fixed', name: 'Id', size: 16, logicalType: 'uuid' })
const Money = defineSchema({ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 })
const MoneyFixed = defineSchema({ type: 'fixed', name: 'M', size: 4, logicalType: 'decimal', precision: 9, scale: 2 })
const invalid = { code: 'RIVULET_INVALID_MESSAGE' }
const malformed = { code: 'RIVULET_DECODE_FAILED' }

t.test('timestamp-millis is a Date', async (t) => {
  for (const ms of [0, 1, -1, 1_700_000_000_123, 8.64e15, -8.64e15]) {
    t.same(Timestamp.encode(new Date(ms)), defineSchema('long').encode(ms))
    t.same(Timestamp.decode(Timestamp.encode(new Date(ms))), new Date(ms))
  }
  for (const value of [5, '2024-01-01', null, new Date(Number.NaN), {}]) {
    t.throws(() => Timestamp.encode(value as Date), invalid)
    t.equal(Timestamp.check(value).length, 1)
  }
  t.throws(() => Timestamp.decode(defineSchema('long').encode(8.64e15 + 1)), malformed)
  const big = defineSchema({ type: 'long', logicalType: 'timestamp-millis' }, { long: 'bigint' })
  t.same(big.decode(big.encode(new Date(7))), new Date(7), 'also where longs are bigint')
})

t.test('date is YYYY-MM-DD', async (t) => {
  const days: [string, number][] = [
    ['1970-01-01', 0],
    ['1969-12-31', -1],
    ['2024-02-29', 19_782],
    ['0000-01-01', -719_528],
    ['9999-12-31', 2_932_896],
  ]
  for (const [day, number] of days) {
    t.same(Day.encode(day), defineSchema('int').encode(number))
    t.equal(Day.decode(Day.encode(day)), day)
  }
  for (const value of [
    '2023-02-29',
    '2024-13-01',
    '2024-1-1',
    '2024-01-01T00:00:00Z',
    '',
    '10000-01-01',
    5,
    new Date(),
  ]) {
    t.throws(() => Day.encode(value as string), invalid)
    t.equal(Day.check(value).length, 1)
  }
  for (const day of [-719_529, 2_932_897]) t.throws(() => Day.decode(defineSchema('int').encode(day)), malformed)
  checkWithSeeds(
    fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (day) => {
      const bytes = defineSchema('int').encode(day)
      return Day.encode(Day.decode(bytes)).equals(bytes)
    }),
    100,
  )
})

t.test('uuid is a string', async (t) => {
  const id = '01234567-89ab-CDEF-0123-456789abcdef'
  t.equal(Uuid.decode(Uuid.encode(id)), id, 'as text it stays as written')
  t.equal(UuidFixed.decode(UuidFixed.encode(id)), id.toLowerCase())
  t.equal(UuidFixed.encode(id).length, 16)
  for (const value of ['', 'x', id.slice(1), `${id}0`, id.replace('-', '0'), id.replace('0', 'g'), 5]) {
    for (const schema of [Uuid, UuidFixed]) {
      t.throws(() => schema.encode(value as string), invalid)
      t.equal(schema.check(value).length, 1)
    }
  }
  t.throws(() => Uuid.decode(defineSchema('string').encode('no uuid')), malformed)
})

t.test('decimal is an exact string', async (t) => {
  const values: [string, string, string][] = [
    ['0', '00', '0.00'],
    ['1', '64', '1.00'],
    ['-1.28', '80', '-1.28'],
    ['1.28', '0080', '1.28'],
    ['-1.29', 'ff7f', '-1.29'],
    ['0001.5', '0096', '1.50'],
    ['1.5000', '0096', '1.50'],
    ['-0', '00', '0.00'],
    ['-0.01', 'ff', '-0.01'],
    ['9999999.99', '3b9ac9ff', '9999999.99'],
    ['-9999999.99', 'c4653601', '-9999999.99'],
  ]
  for (const [value, hex, read] of values) {
    t.equal(Money.encode(value).subarray(1).toString('hex'), hex, value)
    t.equal(Money.decode(Money.encode(value)), read)
    t.equal(MoneyFixed.encode(value).length, 4)
    t.equal(MoneyFixed.decode(MoneyFixed.encode(value)), read)
  }
  for (const value of [
    '',
    '.',
    '1.',
    '.5',
    '1.234',
    '10000000',
    '1e3',
    ' 1',
    '1 ',
    '+1',
    '0x1',
    'NaN',
    1.5,
    1n,
    null,
  ]) {
    for (const schema of [Money, MoneyFixed]) {
      t.throws(() => schema.encode(value as string), invalid, String(value))
      t.equal(schema.check(value).length, 1)
    }
  }
  const bytes = (hex: string) => defineSchema('bytes').encode(Buffer.from(hex, 'hex'))
  t.equal(Money.decode(bytes('')), '0.00', 'no bytes stand for zero, as in Java')
  t.equal(Money.decode(bytes('000000000000000064')), '1.00', 'leading bytes of sign')
  t.equal(Money.decode(bytes('ffffffffffffffff80')), '-1.28')
  t.throws(() => Money.decode(bytes('3b9aca00')), malformed, 'more digits than the precision')
  const Whole = defineSchema({ type: 'bytes', logicalType: 'decimal', precision: 1000 })
  const digits = '9'.repeat(1000)
  t.equal(Whole.decode(Whole.encode(digits)), digits)
  t.throws(() => Whole.encode(`${digits}9`), invalid)
  checkWithSeeds(
    fc.property(fc.bigInt({ min: -999_999_999n, max: 999_999_999n }), (cents) => {
      const sign = cents < 0n ? '-' : ''
      const text = String(cents < 0n ? -cents : cents).padStart(3, '0')
      const value = `${sign}${text.slice(0, -2)}.${text.slice(-2)}`
      const decoded = [Money.decode(Money.encode(value)), MoneyFixed.decode(MoneyFixed.encode(value))]
      return decoded.every((one) => one === value)
    }),
    1_000,
  )
})

t.test('a logical type on the wrong type is refused', async (t) => {
  const wrong: AvroSchema[] = [
    { type: 'int', logicalType: 'timestamp-millis' },
    { type: 'long', logicalType: 'date' },
    { type: 'bytes', logicalType: 'uuid' },
    { type: 'fixed', name: 'F', size: 15, logicalType: 'uuid' },
    { type: 'string', logicalType: 'decimal', precision: 4 },
    { type: 'bytes', logicalType: 'decimal' },
    { type: 'bytes', logicalType: 'decimal', precision: 0 },
    { type: 'bytes', logicalType: 'decimal', precision: 2, scale: 3 },
    { type: 'bytes', logicalType: 'decimal', precision: 1001 },
    { type: 'fixed', name: 'F', size: 2, logicalType: 'decimal', precision: 5 },
  ]
  for (const schema of wrong) {
    t.throws(() => defineSchema(schema), { code: 'RIVULET_INVALID_SCHEMA' })
    // a writer's is ignored, as the specification says
    const base = (schema as { type: string }).type
    if (base !== 'fixed') t.doesNotThrow(() => defineSchema(base).decode(Buffer.from([0]), { writer: schema }))
  }
})

t.test('one that is not converted leaves its values as they are', async (t) => {
  const Duration = defineSchema({ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' })
  t.same(Duration.decode(Duration.encode(Buffer.alloc(12, 1))), Buffer.alloc(12, 1))
  const Micros = defineSchema({ type: 'long', logicalType: 'timestamp-micros' })
  t.equal(Micros.decode(Micros.encode(5)), 5)
})
