/** Reading link frames: as the schemas say, also from other writers, and never beyond the end of what came. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { Malformed } from '../../src/avro/read-primitives.js'
import {
  emptyLinkFrame,
  hasNoItems,
  Item,
  type ItemTaker,
  LinkHeader,
  type LinkNumbers,
  readItems,
  readLinkNumbers,
} from '../../src/wire/index.js'
import { checkWithSeeds } from '../avro/seeds.js'

const long = (value: number): Buffer => Buffer.from(defineSchema('long').encode(value))
const prelude = Buffer.alloc(8)

interface Taken {
  stream: number
  kind: number
  flags: number
  body: Buffer
}

const header = { connection: 1, sequence: 2, acknowledged: 3, time: 4, extensions: {} }

/** What our reader makes of a frame; throws what it throws. */
function read(
  frame: Buffer,
  most = Number.POSITIVE_INFINITY,
): { numbers: LinkNumbers; items: Taken[]; empty: boolean } {
  const numbers = { connection: 0, sequence: 0, acknowledged: 0, time: 0 }
  const cursor = { position: 0, left: 0 }
  const items: Taken[] = []
  readLinkNumbers(frame, cursor, numbers)
  const empty = hasNoItems(frame, cursor)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  readItems(frame, view, cursor, {
    takeItem(stream, kind, flags, bytes, _view, start, end) {
      items.push({ stream, kind, flags, body: Buffer.from(bytes.subarray(start, end)) })
      return items.length < most
    },
  })
  return { numbers, items, empty }
}

const frameOf = (...parts: Buffer[]): Buffer => Buffer.concat([prelude, ...parts])

const one = fc.record({
  stream: fc.oneof(fc.integer({ min: -70, max: 70 }), fc.maxSafeInteger()),
  kind: fc.oneof(fc.nat(40), fc.integer()),
  flags: fc.oneof(fc.nat(7), fc.integer()),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
})
const head = fc.record({
  connection: fc.integer(),
  sequence: fc.maxSafeNat(),
  acknowledged: fc.maxSafeNat(),
  time: fc.maxSafeInteger(),
  extensions: fc.dictionary(
    fc.string(),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    { maxKeys: 3 },
  ),
})

/** Items as blocks of an Avro array, some with their size. */
function blocks(items: readonly Taken[], sizes: readonly { count: number; sized: boolean }[]): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (const { count, sized } of [...sizes, { count: items.length, sized: false }]) {
    const block = items.slice(at, at + count)
    at += block.length
    if (block.length === 0) continue
    const bytes = Buffer.concat(block.map((item) => Buffer.from(Item.encode(item))))
    parts.push(long(sized ? -block.length : block.length), ...(sized ? [long(bytes.length)] : []), bytes)
  }
  return Buffer.concat([...parts, long(0)])
}

const arbitraryBlocks = fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), sized: fc.boolean() }), {
  maxLength: 6,
})

t.test('frames by the codecs of the schemas, in blocks of every kind', async () => {
  checkWithSeeds(
    fc.property(head, fc.array(one, { maxLength: 12 }), arbitraryBlocks, (header, items, sizes) => {
      const { numbers, items: taken, empty } = read(frameOf(LinkHeader.encode(header), blocks(items, sizes)))
      const { extensions, ...rest } = header
      assert.deepEqual(numbers, rest)
      assert.deepEqual(
        taken,
        items.map((item) => ({ ...item })),
      )
      assert.equal(empty, items.length === 0)
    }),
    800,
  )
})

t.test('an empty frame', async (t) => {
  const numbers = { connection: 2, sequence: 300, acknowledged: 5000, time: 123_456 }
  const frame = emptyLinkFrame(numbers)
  t.strictSame({ ...LinkHeader.decode(frame.subarray(8, -1)) }, { ...numbers, extensions: {} })
  t.equal(frame.at(-1), 0)
  t.strictSame(read(frame), { numbers, items: [], empty: true })
})

t.test('who has enough gets no more', async (t) => {
  const items = [1, 2, 3].map((stream) => ({ stream, kind: 16, flags: 0, body: Buffer.from('abc') }))
  t.strictSame(read(frameOf(LinkHeader.encode(header), blocks(items, [])), 2).items, items.slice(0, 2))
})

t.test('who has enough may take the rest later, in blocks of every kind', async () => {
  checkWithSeeds(
    fc.property(fc.array(one, { maxLength: 12 }), arbitraryBlocks, fc.func(fc.boolean()), (items, sizes, isEnough) => {
      const frame = frameOf(LinkHeader.encode(header), blocks(items, sizes))
      const cursor = { position: 0, left: 0 }
      readLinkNumbers(frame, cursor, { connection: 0, sequence: 0, acknowledged: 0, time: 0 })
      const taken: Taken[] = []
      const taker = {
        takeItem(...[stream, kind, flags, bytes, , start, end]: Parameters<ItemTaker['takeItem']>) {
          taken.push({ stream, kind, flags, body: Buffer.from(bytes.subarray(start, end)) })
          return !isEnough(taken.length)
        },
      }
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
      while (!readItems(frame, view, cursor, taker));
      assert.deepEqual(
        taken,
        items.map((item) => ({ ...item })),
      )
    }),
    400,
  )
})

const malformed: Record<string, Buffer> = {
  'a negative sequence': frameOf(LinkHeader.encode({ ...header, sequence: -1 }), long(0)),
  'a negative acknowledgement': frameOf(LinkHeader.encode({ ...header, acknowledged: -1 }), long(0)),
  'a connection beyond 32 bits': frameOf(long(2 ** 40), long(1), long(1), long(1), long(0), long(0)),
  'extensions that claim much': frameOf(long(1), long(1), long(1), long(1), long(2 ** 50), long(0)),
  'extensions of a size that cannot be': frameOf(long(1), long(1), long(1), long(1), long(-3), long(-1), long(0)),
  'a key beyond the end': frameOf(long(1), long(1), long(1), long(1), long(1), long(100), long(0)),
  'items without end': frameOf(LinkHeader.encode(header), long(2 ** 52)),
  'items of a negative size': frameOf(LinkHeader.encode(header), long(-1), long(-1), long(0)),
  'a body of negative length': frameOf(
    LinkHeader.encode(header),
    long(1),
    long(1),
    long(16),
    long(0),
    long(-1),
    long(0),
  ),
  'a body beyond the end': frameOf(LinkHeader.encode(header), long(1), long(1), long(16), long(0), long(2), long(0)),
  'a kind beyond 32 bits': frameOf(
    LinkHeader.encode(header),
    long(1),
    long(1),
    long(2 ** 33),
    long(0),
    long(0),
    long(0),
  ),
  'more behind the items': frameOf(LinkHeader.encode(header), long(0), Buffer.from([0])),
  'no end of the items': frameOf(
    LinkHeader.encode(header),
    blocks([{ stream: 1, kind: 16, flags: 0, body: Buffer.alloc(3) }], []).subarray(0, -1),
  ),
  'an endless varint': frameOf(Buffer.alloc(200, 0x80)),
}

t.test('what is malformed is refused at once', async (t) => {
  for (const [name, frame] of Object.entries(malformed)) {
    const before = process.cpuUsage()
    t.throws(() => read(frame), Malformed as unknown as Error, name)
    t.ok(process.cpuUsage(before).user < 1_000_000, `${name}: at once`)
  }
})

t.test('frames that somebody cut or changed: what is read is within them, or they are refused', async (t) => {
  const items = [5, 80, 200].map((size, index) => ({
    stream: index + 1,
    kind: 16,
    flags: 0,
    body: Buffer.alloc(size, 9),
  }))
  const good = frameOf(
    LinkHeader.encode({ ...header, extensions: { a: Buffer.from('b') } }),
    blocks(items, [{ count: 2, sized: true }]),
  )
  for (let length = 8; length < good.length; length++)
    t.throws(() => read(good.subarray(0, length)), Malformed as unknown as Error)
  let refused = 0
  checkWithSeeds(
    fc.property(
      fc.array(fc.record({ at: fc.nat(good.length - 9), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const frame = Buffer.from(good)
        for (const { at, byte } of changes) frame[8 + at] = byte
        try {
          for (const { body } of read(frame).items) assert.ok(body.length < frame.length)
        } catch (cause) {
          if (!(cause instanceof Malformed)) throw cause
          refused += 1
        }
      },
    ),
    4000,
  )
  t.ok(refused > 100, `${refused} refused`)
})
