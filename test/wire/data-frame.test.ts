/** Headers as bytes: ours and avsc's are the same for any header, and a frame reads back as it was written. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { RivuletError } from '../../src/errors/index.js'
import {
  headerRoom,
  maxFrameMessages,
  openDataFrame,
  readRecordFrame,
  writeDataFrame,
  writeIntroduction,
  writeRecordFrame,
} from '../../src/wire/data-frame.js'
import { frameKind } from '../../src/wire/prelude.js'
import { DataHeader, TopicAnswer, TopicRequest } from '../../src/wire/schemas.js'
import { checkWithSeeds } from '../avro/seeds.js'
import { Header } from '../support/stranger.js'

const bytesOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array))
const map = fc.dictionary(fc.string({ maxLength: 8 }), bytesOf(5), { maxKeys: 3, noNullPrototype: true })
/** Beyond this avsc writes longs wrong. */
const long = fc.maxSafeNat().map((value) => value % 2 ** 52)

const headers = fc.record({
  kind: fc.constantFrom('data' as const, 'beacon' as const, 'tombstone' as const, 'will' as const, 'mixed' as const),
  fingerprint: bytesOf(8),
  schemaId: bytesOf(16),
  writerSchema: fc.option(fc.string({ unit: 'grapheme', maxLength: 300 })),
  source: bytesOf(8),
  position: long,
  sequence: long,
  previous: long,
  time: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  count: fc.nat({ max: maxFrameMessages }),
})
const withMaps = fc.record({
  header: headers,
  annotations: fc.array(fc.record({ index: fc.nat({ max: 1000 }), headers: map }, { noNullPrototype: true }), {
    maxLength: 3,
  }),
  extensions: map,
})

const codec = codecOf(DataHeader) as Codec<unknown, DataHeader>

t.test('any header has the bytes that avsc gives it', async () => {
  checkWithSeeds(
    fc.property(withMaps, ({ header, annotations, extensions }) => {
      const whole = { ...header, time: new Date(header.time), annotations, extensions }
      const expected = Header.toBuffer({ ...whole, time: header.time })
      const bytes = Buffer.alloc(expected.length + 4096)
      const end = codec.write(whole, bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
      assert.deepEqual(bytes.subarray(0, end), expected)
    }),
    600,
  )
})

t.test('a frame reads back, its items stand where the header says, and avsc finds both', async () => {
  checkWithSeeds(
    fc.property(
      headers,
      fc.uint8Array({ maxLength: 400 }),
      fc.option(bytesOf(4), { nil: undefined }),
      (header, items, topic) => {
        const slab = Buffer.alloc(headerRoom + items.length + 1, 0xaa)
        slab.set(items, headerRoom)
        const frame = Buffer.from(writeDataFrame(header, slab, headerRoom, headerRoom + items.length, topic))
        const opened = openDataFrame(frame, topic, 10_000)
        assert.deepEqual({ ...opened.header }, { ...header, annotations: [], extensions: {} })
        const read = Header.decode(frame, 8)
        assert.equal(read.value.count, header.count)
        assert.equal(read.offset, opened.start)
        assert.deepEqual(frame.subarray(frame.length - 1 - items.length, -1), Buffer.from(items))
      },
    ),
    600,
  )
})

t.test('a header with annotations and extensions reads back, and a beacon is the frame of its header', async () => {
  checkWithSeeds(
    fc.property(withMaps, fc.option(bytesOf(4), { nil: undefined }), ({ header, annotations, extensions }, topic) => {
      const whole = { ...header, annotations, extensions }
      const frame = writeDataFrame(whole, Buffer.alloc(headerRoom + 1), headerRoom, headerRoom, topic)
      assert.deepEqual({ ...openDataFrame(frame, topic, 10_000).header }, whole)
      const beacon = { ...header, kind: 'beacon' as const, count: 0 }
      const expected = writeDataFrame(beacon, Buffer.alloc(headerRoom + 1), headerRoom, headerRoom, topic)
      assert.deepEqual(writeIntroduction(header, topic), expected)
    }),
    300,
  )
})

t.test('small records: what is written is read, and nothing else is', async (t) => {
  const nonce = Buffer.alloc(16, 7)
  const request = { kind: 'ready' as const, inbox: Buffer.from('inbox'), nonce }
  const frame = writeRecordFrame(TopicRequest, request, frameKind.request, undefined)
  t.match(readRecordFrame(TopicRequest, frame, frameKind.request, undefined), request)
  const answer = { nonce, source: Buffer.alloc(8, 1), position: 5, time: new Date(0) }
  const answered = writeRecordFrame(TopicAnswer, answer, frameKind.answer, Buffer.from('t'))
  t.match(readRecordFrame(TopicAnswer, answered, frameKind.answer, Buffer.from('t')), answer)
  t.throws(() => readRecordFrame(TopicRequest, frame, frameKind.answer, undefined), { code: 'RIVULET_BAD_FRAME' })
  t.throws(() => readRecordFrame(TopicAnswer, answered, frameKind.answer, undefined), { code: 'RIVULET_CORRUPT_FRAME' })
  t.throws(() => readRecordFrame(TopicRequest, frame.subarray(0, -1), frameKind.request, undefined), RivuletError)
  const short = writeRecordFrame(TopicAnswer, answer, frameKind.request, undefined)
  t.throws(() => readRecordFrame(TopicRequest, short, frameKind.request, undefined), { code: 'RIVULET_BAD_FRAME' })
})
