/** Ten thousand frames that somebody changed: nothing throws, every message is accounted for, the next good one reads. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { checkWithSeeds } from '../avro/seeds.js'
import { Job } from '../support/job.js'
import { Reception } from '../support/reception.js'
import { block, type Claims, dataFrame, sealed } from '../support/stranger.js'
import { Writing } from '../support/writing.js'

const Older = defineSchema({
  type: 'record',
  name: 'Job',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'weight', type: 'double' },
  ],
})

/** Valid frames: with our schema and another, with the schema and without. */
const originals = (() => {
  const ours = new Writing(Job)
  const theirs = new Writing(Older)
  for (let round = 0; round < 2; round++) {
    ours.append({ id: 1, note: 'one' }, { id: -5, note: 'x'.repeat(70) }, { id: 300 })
    ours.writer.flush()
    theirs.append({ id: 2, weight: 0.5 }, { id: 3, weight: 1e300 })
    theirs.writer.flush()
  }
  return [...ours.cut, ...theirs.cut].map(({ bytes }) => Buffer.from(bytes))
})()

const change = fc.record({
  at: fc.nat({ max: 400 }),
  operation: fc.constantFrom('flip', 'set', 'insert', 'remove', 'cut', 'repeat', 'join'),
  byte: fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0x55),
  length: fc.integer({ min: 1, max: 12 }),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function mutate(frame: Buffer, { at, operation, byte, length }: Change): Buffer {
  const place = Math.min(at, Math.max(0, frame.length - 1))
  const [before, after] = [frame.subarray(0, place), frame.subarray(place)]
  switch (operation) {
    case 'flip':
      return Buffer.from(frame.map((old, index) => (index === place ? old ^ (1 << (length % 8)) : old)))
    case 'set':
      return Buffer.from(frame.map((old, index) => (index === place ? byte : old)))
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length, byte), after])
    case 'remove':
      return Buffer.concat([before, after.subarray(length)])
    case 'cut':
      return Buffer.from(before)
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, length), after])
    default:
      return Buffer.concat([frame, before])
  }
}

t.test('ten thousand changed frames, half of them with a check that is right', async (t) => {
  const reception = new Reception(Job)
  let frames = 0
  checkWithSeeds(
    fc.property(
      fc.constantFrom(...originals),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (original, changes, resealed) => {
        const changed = changes.reduce(mutate, original)
        const frame = resealed ? sealed(changed.subarray(8)) : changed
        frames += 1
        reception.receive(frame)
        assert.ok(reception.receiver.parkedMessages <= 8 * 65_536)
        assert.equal(reception.claimed, reception.values.length + reception.undecodable)
        for (const value of reception.values.slice(-4)) assert.deepEqual(Job.check(value), [])
      },
    ),
    10_000,
  )
  t.equal(frames, 10_000)
  t.ok(reception.rejected.length > 4000, `${reception.rejected.length} rejected`)
  t.ok(reception.values.length > 500, `${reception.values.length} messages of changed frames read`)
  const before = reception.values.length
  reception.receive(originals[0] as Buffer)
  t.strictSame(
    reception.values.slice(before).map(({ id }) => id),
    [1, -5, 300],
    'the next good frame is read',
  )
})

t.test('claims of every size with blocks of every size', async () => {
  const item = Buffer.from([2, 0])
  checkWithSeeds(
    fc.property(
      fc.integer({ min: -2, max: 12 }),
      fc.array(fc.record({ items: fc.nat({ max: 5 }), sized: fc.boolean() }), { maxLength: 4 }),
      (count, blocks) => {
        const claims: Claims = { schema: JSON.stringify(Job.json), count }
        const reception = new Reception(Job)
        const parts = blocks.filter(({ items }) => items > 0)
        reception.receive(dataFrame(claims, ...parts.map(({ items, sized }) => block(Array(items).fill(item), sized))))
        const real = parts.reduce((sum, { items }) => sum + items, 0)
        const whole = count === real
        if (count < 0) assert.deepEqual(reception.rejectedCodes, ['RIVULET_BAD_FRAME'])
        else assert.equal(reception.values.length + reception.undecodable, count)
        if (whole) assert.equal(reception.values.length, real)
        assert.equal(reception.broken.length + reception.undecodable + reception.rejected.length === 0, whole)
      },
    ),
    1000,
  )
})

t.test('random bytes with a right check', async () => {
  const reception = new Reception(Job)
  checkWithSeeds(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      reception.receive(sealed(Buffer.from(bytes)))
      assert.equal(reception.claimed, reception.values.length + reception.undecodable)
    }),
    2000,
  )
})
