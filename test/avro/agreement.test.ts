/** Our bytes are avsc's bytes, and each reads the other's, for generated schemas and values. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { samples } from './arbitraries.js'
import { avscType, withAvsc } from './oracle.js'
import { checkWithSeeds } from './seeds.js'

/** Gives avsc's records, which are instances of classes, the prototype of plain objects. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

t.test('the same bytes as avsc, and each reads the other', withAvsc, async () => {
  checkWithSeeds(
    fc.property(samples, ({ schema, values }) => {
      const ours = defineSchema(schema)
      const theirs = avscType(schema)
      for (const value of values) {
        const bytes = ours.encode(value)
        assert.deepEqual(bytes, theirs.toBuffer(value))
        assert.deepEqual(ours.decode(bytes), value)
        assert.deepEqual(plain(theirs.fromBuffer(bytes)), value)
        assert.deepEqual(ours.check(value), [])
      }
    }),
    3_000,
  )
})

t.test('longs agree with bigint arithmetic up to the safe integers', async () => {
  const Long = defineSchema('long')
  const Big = defineSchema('long', { long: 'bigint' })
  const varint = (value: bigint) => {
    let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    const bytes: number[] = []
    for (; zigzag > 127n; zigzag >>= 7n) bytes.push(Number(zigzag & 127n) | 128)
    return Buffer.from([...bytes, Number(zigzag)])
  }
  const edges = [0, 1, -1, 2 ** 30, -(2 ** 30), 2 ** 31, -(2 ** 31), 2 ** 52, -(2 ** 52), -(2 ** 52) - 1]
  const near = edges.flatMap((edge) => [edge - 1, edge, edge + 1])
  const check = (value: number) => {
    const bytes = varint(BigInt(value))
    assert.deepEqual(Long.encode(value), bytes)
    assert.equal(Long.decode(bytes), value === 0 ? 0 : value)
    assert.equal(Big.decode(bytes), BigInt(value))
  }
  for (const value of [...near, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) check(value)
  checkWithSeeds(fc.property(fc.maxSafeInteger(), check), 2_000)
  checkWithSeeds(fc.property(fc.integer({ min: -(2 ** 53) + 1, max: -(2 ** 52) }), check), 1_000)
  checkWithSeeds(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      assert.deepEqual(Big.encode(value), varint(value))
      assert.equal(Big.decode(varint(value)), value)
    }),
    2_000,
  )
})
