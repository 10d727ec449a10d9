/** Gathering items into link frames: what avsc reads is what was written, wherever buffers and frames end. */
import assert from 'node:assert/strict'
import avsc from 'avsc'
import fc from 'fast-check'
import t from 'tap'
import { bufferFull, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import {
  type BodyWriter,
  type CutItems,
  copyItems,
  Item,
  LinkHeader,
  LinkWriter,
  sealItems,
} from '../../src/wire/index.js'
import { checkWithSeeds } from '../avro/seeds.js'

const frameBytes = 65_536
const textOf = (schema: unknown): unknown => JSON.parse(codecOf(schema as Schema<never, unknown>).text)
const Header = avsc.Type.forSchema(textOf(LinkHeader) as avsc.Schema, { registry: Object.create(null) })
const Items = avsc.Type.forSchema({ type: 'array', items: textOf(Item) } as avsc.Schema)

interface Written {
  stream: number
  kind: number
  flags: number
  body: Buffer
}

/** A body that is there already. */
const bodyOf = (body: Buffer): BodyWriter => ({
  writeBody(bytes, _view, position, end) {
    if (position + body.length > end) throw bufferFull
    body.copy(bytes, position)
    return position + body.length
  },
})

const numbers = { connection: 3, sequence: 2 ** 40, acknowledged: 17, time: 2 ** 33 }

/** What avsc reads in the frame. */
function read(frame: Buffer): Written[] {
  const head = Header.decode(frame, 8) as { value: object; offset: number }
  assert.deepEqual({ ...head.value }, { ...numbers, extensions: {} })
  const items = Items.decode(frame, head.offset) as { value: Written[]; offset: number }
  assert.equal(items.offset, frame.length)
  return items.value.map((item) => ({ ...item }))
}

/** Writes items as a sender does: a frame ends where the next one does not fit, and where `cuts` says so. */
function frames(items: readonly Written[], cuts: ReadonlySet<number> = new Set()): CutItems[] {
  const writer = new LinkWriter(frameBytes)
  const done: CutItems[] = []
  for (const [index, { stream, kind, flags, body }] of items.entries()) {
    if (cuts.has(index) && writer.count > 0) done.push(writer.cut())
    const before = { count: writer.count, bytes: writer.bytes }
    try {
      assert.equal(writer.write(stream, kind, flags, bodyOf(body)), body.length)
    } catch (cause) {
      assert.equal(cause, bufferFull)
      assert.deepEqual({ count: writer.count, bytes: writer.bytes }, before)
      assert.ok(writer.count > 0, 'a frame takes any item of its size')
      done.push(writer.cut())
      assert.equal(writer.write(stream, kind, flags, bodyOf(body)), body.length)
    }
    assert.ok(writer.bytes <= frameBytes)
  }
  if (writer.count > 0) done.push(writer.cut())
  assert.deepEqual({ count: writer.count, bytes: writer.bytes }, { count: 0, bytes: 0 })
  return done
}

/** avsc reads no longer longs right. */
const beyondAvsc = 2 ** 50
/** The first sizes whose lengths take one byte more, and what fills buffers. */
const edges = [0, 63, 64, 8191, 8192, 1023, 4096 - 60, 4096 - 85, 4096, 16_384, 32_768, 65_536 - 25, 65_536 - 29]
const largest = frameBytes - 29
const size = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -8, max: 8 })).map(([at, by]) => at + by),
  },
  { weight: 1, arbitrary: fc.nat(largest) },
)
const item = fc
  .record({
    stream: fc.oneof(fc.integer({ min: -70, max: 70 }), fc.integer({ min: -beyondAvsc, max: beyondAvsc })),
    kind: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer()),
    flags: fc.oneof(fc.nat(7), fc.integer()),
    size,
    byte: fc.nat(255),
  })
  .map(({ size, byte, ...rest }) => ({ ...rest, body: Buffer.alloc(Math.min(largest, Math.max(0, size)), byte) }))

t.test('avsc reads what was written, at once and once more after a cut', async (t) => {
  let count = 0
  checkWithSeeds(
    fc.property(fc.array(item, { maxLength: 40 }), fc.array(fc.nat(39)), (items, cuts) => {
      const done = frames(items, new Set(cuts))
      const sealed = done.map((frame) => Buffer.from(sealItems(frame, numbers)))
      assert.deepEqual(sealed.flatMap(read), items)
      // what came later in the same memory has not touched it, and a copy is the same frame
      assert.deepEqual(
        done.map((frame) => copyItems(frame, numbers)),
        sealed,
      )
      count += items.length
    }),
    600,
  )
  t.ok(count > 1000, `${count} items`)
})

t.test('every size around those where a length takes one byte more', async (t) => {
  for (const edge of [0, 64, 8192, largest]) {
    for (let size = Math.max(0, edge - 3); size <= Math.min(largest, edge + 3); size++) {
      for (const before of [0, 1, 3, 60, 4000]) {
        const items = [before, size, 1].map((length) => ({
          stream: 1,
          kind: 16,
          flags: 0,
          body: Buffer.alloc(length, 7),
        }))
        assert.deepEqual(
          frames(items).flatMap((frame) => read(sealItems(frame, numbers))),
          items,
        )
      }
    }
  }
  t.pass()
})

t.test('an item that is too large for a frame by itself is refused, and leaves nothing behind', async (t) => {
  const writer = new LinkWriter(frameBytes)
  for (const size of [frameBytes - 4, frameBytes, 70_000, 1_000_000]) {
    t.throws(() => writer.write(1, 16, 0, bodyOf(Buffer.alloc(size))), bufferFull as unknown as Error)
    t.match(writer, { count: 0, bytes: 0 })
  }
  writer.write(1, 16, 0, bodyOf(Buffer.from('a')))
  t.throws(() => writer.write(1, 16, 0, bodyOf(Buffer.alloc(frameBytes))))
  writer.write(1, 16, 2, bodyOf(Buffer.from('b')))
  t.same(
    read(sealItems(writer.cut(), numbers)).map(({ body }) => body.toString()),
    ['a', 'b'],
  )
})

t.test('a body that throws leaves nothing behind', async (t) => {
  const writer = new LinkWriter(frameBytes)
  const wrong = new Error('no')
  const throwing: BodyWriter = {
    writeBody(bytes, _view, position) {
      bytes.fill(255, position, position + 20)
      throw wrong
    },
  }
  for (let round = 0; round < 3; round++) {
    t.throws(() => writer.write(1, 16, 0, throwing), wrong)
    writer.write(round, 16, 0, bodyOf(Buffer.from('x')))
  }
  t.same(
    read(sealItems(writer.cut(), numbers)).map(({ stream }) => stream),
    [0, 1, 2],
  )
})

t.test('memory follows what is written: lone items share a small buffer', async (t) => {
  const writer = new LinkWriter(frameBytes)
  const slabs = new Set<Buffer>()
  for (let count = 0; count < 200; count++) {
    writer.write(count, 16, 0, bodyOf(Buffer.alloc(20)))
    slabs.add(writer.cut().slab)
  }
  t.ok(slabs.size < 20, `${slabs.size} buffers`)
  t.ok([...slabs].every(({ length }) => length <= 4096))
})
