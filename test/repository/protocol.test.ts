/** The wire against its description: the schemas in docs/protocol, and the bytes that docs/reference/protocol shows. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import avsc from 'avsc'
import t from 'tap'
import { DirectoryService } from '../../patterns/directory/wire.js'
import { MessagingService } from '../../patterns/messaging/wire.js'
import { HubPath, TopicHub } from '../../patterns/pubsub/hub-wire.js'
import { TopicFollow, TopicLinks, TopicsService } from '../../patterns/pubsub/topics-wire.js'
import { QueueService } from '../../patterns/queue/durable/wire.js'
import * as datagramSchemas from '../../patterns/socket/datagram/schemas.js'
import { type Codec, codecOf, decodeFailure } from '../../src/avro/codec.js'
import { defineSchema, type Schema } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import * as callSchemas from '../../src/call/schemas.js'
import { systemClock } from '../../src/clock/index.js'
import {
  Batch,
  BatchWriter,
  CompatibleReader,
  type DataFrame,
  DataHeader,
  FrameReceiver,
  frameKind,
  Origin,
  readRecordFrame,
  StreamRefusal,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'
import * as linkSchemas from '../../src/wire/link-schemas.js'
import { root } from '../../tools/build.js'
import { guideText } from './sources.js'

const page = guideText('docs/reference/protocol')
const describe = (name: string): unknown => JSON.parse(readFileSync(join(root, 'docs/protocol', name), 'utf8'))

/** The file of a record: `DataHeader` is in `data-header.avsc`. */
const fileOf = (record: string): string => `${record.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase()}.avsc`

/** The type of a schema for avsc, with nothing of any other schema. */
const typeOf = (schema: unknown): avsc.Type =>
  avsc.Type.forSchema(schema as avsc.Schema, { registry: Object.create(null) })

const Prelude = typeOf(describe('frame-prelude.avsc'))
const Header = typeOf(describe('data-header.avsc'))
const Request = typeOf(describe('topic-request.avsc'))
const Answer = typeOf(describe('topic-answer.avsc'))

const Tick = defineSchema({
  type: 'record',
  name: 'Tick',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
  ],
})
const tick = codecOf(Tick) as Codec<{ symbol: string; price: number }, { symbol: string; price: number }>
const Ticks = typeOf({ type: 'array', items: Tick.json })
const two = [
  { symbol: 'ACME', price: 41.5 },
  { symbol: 'Ägir', price: -1 },
]

const topic = Buffer.from('ticks.acme.')
const source = Buffer.from('0123456789abcdef', 'hex')
const inbox = Buffer.from('00a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex')
const nonce = Buffer.from('b0b1b2b3b4b5b6b7b8b9babbbcbdbebf', 'hex')
const clock = { now: () => 0, wallNow: () => Date.UTC(2026, 10, 22, 12) }

/** The frames of messages that were written one flush after the other. */
function written(flushes: readonly (typeof two)[], part: Buffer | undefined): Buffer[] {
  const frames: Buffer[] = []
  const writer = new BatchWriter({
    codec: tick,
    origin: Object.assign(new Origin(clock, 1000), { source }),
    topic: part,
    frameBytes: 65_536,
    maxBatchMessages: 65_536,
    maxMessageBytes: 65_536,
    spread: () => 1,
    cut: ({ bytes }) => frames.push(bytes),
  })
  for (const messages of flushes) {
    for (const message of messages) assert.equal(writer.append(message), undefined)
    writer.flush()
  }
  writer.introduce(1)
  return frames
}

/** Reads one value after another, as a program with a stock library does; every byte must be used. */
function parse(frame: Buffer, types: readonly avsc.Type[]): Record<string, unknown>[] {
  let offset = 0
  const values = types.map((type) => {
    const { value, offset: next } = type.decode(frame, offset) as { value: Record<string, unknown>; offset: number }
    offset = next
    return value
  })
  assert.equal(offset, frame.length)
  return values
}

const checkOf = (frame: Buffer, part: Buffer = Buffer.alloc(0)): Buffer => {
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(frame.subarray(8), crc32(frame.subarray(0, 4), crc32(part))))
  return check
}

/** A frame by avsc alone. */
function framed(kind: number, body: Buffer, part: Buffer | undefined, version = 1): Buffer {
  const prelude = { magic: Buffer.from('Rv'), version, kind, check: Buffer.alloc(4) }
  const check = checkOf(Buffer.concat([Prelude.toBuffer(prelude), body]), part)
  return Buffer.concat([Prelude.toBuffer({ ...prelude, check }), body])
}

const headerFields = {
  kind: 'data',
  fingerprint: tick.fingerprint,
  schemaId: createHash('sha256').update(tick.text).digest().subarray(0, 16),
  writerSchema: tick.text,
  source,
  position: 2 ** 40,
  sequence: 2 ** 40 - 1,
  previous: 2 ** 40 - 7,
  time: clock.wallNow(),
  count: two.length,
  annotations: [{ index: 1, headers: { trace: Buffer.from('x') } }],
  extensions: { later: Buffer.from([1, 2, 3]) },
}

/** What our reader makes of a frame. */
function received(
  bytes: Buffer,
  part: Buffer | undefined,
): { frames: DataFrame[]; values: unknown[]; codes: string[] } {
  const frames: DataFrame[] = []
  const values: unknown[] = []
  const codes: string[] = []
  const reader = new CompatibleReader<unknown>(tick as Codec<never, unknown>, ({ code }) => codes.push(code))
  const options = { maxMessageBytes: 65_536, parkedFrames: 4, parkedMs: 5000, clock: systemClock }
  new FrameReceiver(options, {
    newSchema() {},
    accept(frame, text) {
      frames.push(frame)
      const read = reader.readerFor(text)
      assert(read)
      const batch = new Batch(frame, read)
      try {
        while (batch.remaining > 0) values.push(batch.take())
        const wrong = batch.trailing()
        if (wrong) codes.push(wrong.code)
      } catch (cause) {
        codes.push(decodeFailure(cause, 'a message').code)
      }
    },
    reject: ({ code }) => codes.push(code),
    lose: () => codes.push('lost'),
  }).receive(bytes, part)
  return { frames, values, codes }
}

t.test('the schemas in docs/protocol are those of the code, and all are on the page', async (t) => {
  const { LinkLimits: _, ...handshake } = linkSchemas // limits are a part of others
  const oneWay = { DataHeader, StreamRefusal, TopicRequest, TopicAnswer, TopicFollow, TopicLinks, TopicHub, HubPath }
  const records = { ...oneWay, ...handshake, ...callSchemas, ...datagramSchemas }
  const files = new Map(Object.entries(records).map(([name, schema]) => [fileOf(name), schema]))
  for (const [file, schema] of files) {
    t.strictSame(describe(file), JSON.parse(codecOf(schema as Schema<never, unknown>).text), file)
  }
  const fileNamed = ({ name }: { readonly name: string }) => `${name.split('.')[1]}.avpr`
  const served = [DirectoryService, MessagingService, QueueService, TopicsService]
  const services = new Map(served.map((one) => [fileNamed(one), one]))
  for (const [file, one] of services) t.strictSame(describe(file), JSON.parse(serviceOf(one).text), file)
  const present = readdirSync(join(root, 'docs/protocol')).sort()
  t.strictSame(present, [...files.keys(), 'frame-prelude.avsc', ...services.keys()].sort())
  for (const file of present) t.match(page, `[${file}](../../protocol/${file})`, file)
})

t.test('avsc reads our frames by these schemas', async (t) => {
  const { fingerprint, schemaId, time } = headerFields
  for (const part of [topic, undefined]) {
    const frames = written([two, two.slice(1)], part)
    const expected = [
      { kind: 'data', writerSchema: tick.text, position: 1, previous: 0, messages: two },
      { kind: 'data', writerSchema: null, position: 3, previous: 2, messages: two.slice(1) },
      { kind: 'beacon', writerSchema: tick.text, position: 4, previous: 3, messages: [] },
    ]
    t.equal(frames.length, expected.length)
    for (const [index, frame] of frames.entries()) {
      const { messages, ...rest } = expected[index] as (typeof expected)[number]
      const lists = { annotations: [], extensions: {} }
      const numbers = { sequence: rest.position, count: messages.length }
      t.same(parse(frame, [Prelude, Header, Ticks]), [
        { magic: Buffer.from('Rv'), version: 1, kind: 1, check: checkOf(frame, part) },
        { ...rest, ...numbers, ...lists, fingerprint, schemaId, source, time },
        messages,
      ])
    }
  }
})

t.test('our reader reads frames of avsc', async (t) => {
  for (const part of [topic, undefined]) {
    const body = Buffer.concat([Header.toBuffer(headerFields), Ticks.toBuffer(two)])
    const { frames, values, codes } = received(framed(1, body, part), part)
    t.strictSame(codes, [])
    t.strictSame(values, two)
    t.strictSame(frames[0]?.header, headerFields)
  }
})

t.test('our reader reads blocks of every kind', async (t) => {
  const long = typeOf('long')
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = two.map((value) => typeOf(Tick.json).toBuffer(value))
  const blocks: Record<string, Buffer[]> = {
    'two blocks': [long.toBuffer(1), first, long.toBuffer(1), second, long.toBuffer(0)],
    'a negative count': [
      long.toBuffer(-2),
      long.toBuffer(first.length + second.length),
      first,
      second,
      long.toBuffer(0),
    ],
  }
  for (const [name, parts] of Object.entries(blocks)) {
    const body = Buffer.concat([Header.toBuffer(headerFields), ...parts])
    const { values, codes } = received(framed(1, body, topic), topic)
    t.strictSame(codes, [], name)
    t.strictSame(values, two, name)
  }
  for (const count of [1, 3]) {
    const body = Buffer.concat([Header.toBuffer({ ...headerFields, count }), ...(blocks['two blocks'] as Buffer[])])
    t.strictSame(
      received(framed(1, body, topic), topic).codes,
      ['RIVULET_DECODE_FAILED'],
      `2 where ${count} are claimed`,
    )
  }
})

t.test('our reader refuses what the page says it refuses', async (t) => {
  const codesOf = (frame: Buffer, part: Buffer | undefined = topic): string[] => received(frame, part).codes
  const bodyOf = (header: object): Buffer =>
    Buffer.concat([Header.toBuffer({ ...headerFields, ...header }), Ticks.toBuffer(two)])
  const good = framed(1, bodyOf({}), topic)
  const bad = ['RIVULET_BAD_FRAME']
  t.strictSame(codesOf(good), [])
  t.strictSame(codesOf(framed(1, bodyOf({}), topic, 2)), bad, 'another version')
  t.strictSame(codesOf(framed(4, bodyOf({}), topic)), bad, 'another kind of frame')
  t.strictSame(
    codesOf(framed(-2, bodyOf({}), topic)),
    bad,
    'a negative kind of frame, whose byte is beside that of data',
  )
  t.strictSame(codesOf(framed(1, bodyOf({ count: 65_537 }), topic)), bad, 'too many messages')
  t.strictSame(codesOf(framed(1, bodyOf({ sequence: -1 }), topic)), bad, 'a negative number')
  t.strictSame(codesOf(framed(1, bodyOf({ schemaId: Buffer.alloc(16) }), topic)), bad, 'a schema that is another')
  t.strictSame(codesOf(good.subarray(0, 7)), bad, 'no prelude')
  t.strictSame(codesOf(Buffer.concat([good, Buffer.alloc(1)])), ['RIVULET_CORRUPT_FRAME'], 'a byte more')
  t.strictSame(codesOf(good, Buffer.from('ticks.other.')), ['RIVULET_CORRUPT_FRAME'], 'under another topic')
  t.strictSame(codesOf(framed(1, bodyOf({ fingerprint: Buffer.alloc(8) }), topic)), [], 'no fingerprint')
  const large = framed(1, Buffer.concat([bodyOf({}), Buffer.alloc(65_536 + 131_072)]), topic)
  t.strictSame(codesOf(large), ['RIVULET_FRAME_TOO_LARGE'], 'a large frame')
})

const request = { kind: 'ready', inbox, nonce } as const
const answer = { nonce, source, position: 2, time: new Date(clock.wallNow()) }

t.test('requests and answers', async (t) => {
  const ask = writeRecordFrame(TopicRequest, request, frameKind.request, undefined)
  const head = { magic: Buffer.from('Rv'), version: 1 }
  t.same(parse(ask, [Prelude, Request]), [
    { ...head, kind: 2, check: checkOf(ask) },
    { ...request, extensions: {} },
  ])
  const reply = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
  const told = { nonce, source, position: 2, time: clock.wallNow(), extensions: {} }
  t.same(parse(reply, [Prelude, Answer]), [{ ...head, kind: 3, check: checkOf(reply, inbox) }, told])

  const theirs = { ...request, extensions: { later: Buffer.alloc(1) } }
  t.strictSame(readRecordFrame(TopicRequest, framed(2, Request.toBuffer(theirs), undefined), 2, undefined), theirs)
  const { time, ...rest } = told
  const read = readRecordFrame(TopicAnswer, framed(3, Answer.toBuffer(told), inbox), 3, inbox)
  t.strictSame(read, { ...rest, time: new Date(time) })
})

/** Bytes as rows of sixteen, the first with what they are. */
function rows(fields: readonly (readonly [string, Buffer])[]): string {
  let offset = 0
  const lines = fields.flatMap(([name, bytes]) => {
    const parts = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, row) =>
      bytes.subarray(16 * row, 16 * row + 16),
    )
    return parts.map((part, row) => {
      const at = offset.toString().padStart(4)
      offset += part.length
      const hex = (part.toString('hex').match(/../g) ?? []).join(' ')
      return `${at}  ${row === 0 ? `${hex.padEnd(47)}  ${name}` : hex}`
    })
  })
  return lines.join('\n')
}

/** A frame taken apart by the schemas, its fields encoded one by one; together they must be the frame. */
function dump(frame: Buffer, part: Buffer | undefined, schema: unknown, notes: Record<string, string>): string {
  const hasArray = notes.array !== undefined
  const [prelude = {}, head = {}] = parse(frame, [Prelude, typeOf(schema), ...(hasArray ? [Ticks] : [])])
  const encode = (record: unknown, value: Record<string, unknown>): [string, Buffer][] =>
    (typeOf(record) as avsc.types.RecordType).fields.map(({ name, type }) => {
      const known = value[name]
      const note = typeof known === 'number' || typeof known === 'string' ? String(known) : undefined
      return [[name, notes[name] ?? note].filter(Boolean).join(': '), type.toBuffer(known)]
    })
  const fields = [...encode(describe('frame-prelude.avsc'), prelude), ...encode(schema, head)]
  if (hasArray) fields.push([`array: ${notes.array}`, Ticks.toBuffer(two)])
  assert.deepEqual(Buffer.concat(fields.map(([, bytes]) => bytes)), frame)
  const shown = rows(fields)
  return part === undefined ? shown : `topic part\n${rows([[notes.topic ?? '', part]])}\n\nframe\n${shown}`
}

t.test('the bytes in docs/reference/protocol are those of the code', async (t) => {
  const block = (name: string): string | undefined =>
    new RegExp(`^\`\`\`text ${name}\n([\\s\\S]*?)\n\`\`\`$`, 'm').exec(page)?.[1]
  const prelude = { magic: 'Rv', check: 'CRC-32' }
  const header = {
    ...prelude,
    topic: 'ticks.acme.',
    fingerprint: 'least significant byte first',
    schemaId: 'SHA-256 of the text below, its first half',
    writerSchema: `branch 1, length ${tick.text.length}, text`,
    time: '2026-11-22T12:00:00Z',
    array: 'a block of 2 items, the items, and the end',
    annotations: 'none',
    extensions: 'none',
  }
  const [data = Buffer.alloc(0)] = written([two], topic)
  t.match(page, tick.text, 'the schema of the example')
  t.equal(block('data'), dump(data, topic, describe('data-header.avsc'), header))
  const ask = writeRecordFrame(TopicRequest, request, frameKind.request, undefined)
  const asked = { ...prelude, inbox: 'length 17, bytes', extensions: 'none' }
  t.equal(block('request'), dump(ask, undefined, describe('topic-request.avsc'), asked))
  const reply = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
  const replied = { ...prelude, topic: 'the inbox', time: '2026-11-22T12:00:00Z', extensions: 'none' }
  t.equal(block('answer'), dump(reply, inbox, describe('topic-answer.avsc'), replied))
})
