/** Gathering messages into frames: where frames are cut, how large they get, how they are numbered. */
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema } from '../../src/avro/index.js'
import { Job, jobs } from '../support/job.js'
import { Reception } from '../support/reception.js'
import { Tailed, tailed } from '../support/tailed.js'
import { Writing } from '../support/writing.js'

const Bytes = defineSchema('bytes')
const Null = defineSchema('null')

t.test('what was appended is one frame, read by avsc with the documents alone', async (t) => {
  const writing = new Writing(Job)
  writing.append({ id: 1 }, { id: -2, note: 'Grüße, 世界' }, { id: 3 })
  t.equal(writing.writer.count, 3)
  t.equal(writing.cut.length, 0, 'nothing leaves by itself')
  writing.writer.flush()
  const [frame] = writing.frames<Job>()
  t.strictSame(
    frame?.values.map((value) => ({ ...value })),
    [
      { id: 1, note: '' },
      { id: -2, note: 'Grüße, 世界' },
      { id: 3, note: '' },
    ],
  )
  t.match(frame?.header, { kind: 'data', count: 3, position: 1, sequence: 1, previous: 0 })
  t.equal(frame?.header.time, writing.clock.wallNow())
  t.strictSame(frame?.header.source, writing.origin.source)
  writing.writer.flush()
  t.equal(writing.cut.length, 1, 'nothing is cut twice')
})

t.test('frames are numbered without gaps, and share one memory without harm', async (t) => {
  const writing = new Writing(Job)
  for (const count of [1, 2, 30, 1, 400, 1, 1]) {
    const { sequence } = writing.frames<Job>().at(-1)?.header ?? { sequence: 1 }
    writing.append(...jobs(count, sequence))
    writing.writer.flush()
  }
  let [position, previous] = [1, 0]
  for (const { header, values } of writing.frames<Job>()) {
    t.match(header, { position, sequence: position, previous, count: values.length })
    position += values.length
    previous = position - 1
  }
  t.equal(position, 437)
})

t.test('writers of one origin share positions and keep their own sequence', async (t) => {
  const one = new Writing(Job)
  const numbers: number[][] = []
  for (let round = 0; round < 3; round++) {
    one.append(...jobs(2))
    one.writer.flush()
    one.origin.take(5) // another topic sends five
  }
  for (const { header } of one.frames()) numbers.push([header.position, header.sequence, header.previous])
  t.strictSame(numbers, [
    [1, 1, 0],
    [8, 3, 2],
    [15, 5, 9],
  ])
})

t.test('no frame of several messages goes beyond the limit', async (t) => {
  for (const size of [1, 7, 100, 1000, 5000, 33_000]) {
    const writing = new Writing(Bytes)
    const count = Math.ceil(300_000 / size)
    for (let index = 0; index < count; index++) writing.append(Buffer.alloc(size, index))
    writing.writer.flush()
    const frames = writing.frames<Buffer>()
    t.equal(
      frames.reduce((sum, { values }) => sum + values.length, 0),
      count,
      `${count} messages of ${size} bytes`,
    )
    for (const { bytes, values } of frames) if (values.length > 1) t.ok(bytes.length <= 65_536, `${bytes.length} bytes`)
    const largest = Math.max(...frames.map(({ bytes }) => bytes.length))
    if (size <= 1000) t.ok(largest > 60_000, `frames are filled: ${largest}`)
  }
})

t.test('a frame with a long schema stays within the limit', async (t) => {
  const fields = Array.from({ length: 100 }, (_, index) => ({
    name: `field${index}`,
    type: 'int' as const,
    default: 1,
  }))
  const Wide = defineSchema({ type: 'record', name: 'Wide', fields })
  const writing = new Writing(Wide)
  for (let count = 0; count < 3000; count++) writing.append({})
  writing.writer.flush()
  t.ok(writing.cut.length > 3)
  for (const { bytes } of writing.cut) t.ok(bytes.length <= 65_536, `${bytes.length} bytes`)
})

t.test('messages around every limit arrive whole', async (t) => {
  const max = 200_000
  const writing = new Writing(Bytes, { maxMessageBytes: max })
  const edges = [65_536, 65_536 - 160, 65_536 - 161, 65_536 - 160 - 256, 1024, 1024 - 161, 4096, 16_384, max - 3]
  const sizes = edges.flatMap((edge) => [-5, -4, -3, -2, -1, 0, 1, 2].map((delta) => edge + delta)).concat(0, 1, 2, 63)
  const fitting = sizes.filter((size) => size + 3 <= max)
  for (const size of fitting) {
    writing.append(Buffer.alloc(size, size & 255))
    if (size % 3 === 0) writing.writer.flush()
  }
  writing.writer.flush()
  const values = writing.frames<Buffer>().flatMap(({ values }) => values)
  t.strictSame(
    values.map((value) => value.length),
    fitting,
  )
  t.ok(values.every((value) => value.every((byte) => byte === (value.length & 255))))
})

t.test('a message may take its whole limit, though its writer asks for more room', async (t) => {
  for (const max of [4000, 65_536 - 161, 65_536, 100_000, 262_144]) {
    const writing = new Writing(Tailed, { maxMessageBytes: max })
    t.match(writing.writer.append(tailed(max + 1)), { code: 'RIVULET_MESSAGE_TOO_LARGE' }, `${max + 1} bytes`)
    writing.append(tailed(max), tailed(max - 1), tailed(max))
    writing.writer.flush()
    const values = writing.frames<ReturnType<typeof tailed>>().flatMap((frame) => frame.values)
    t.same(values, [max, max - 1, max].map(tailed))
  }
})

t.test('a message beyond the limit is refused, and the ones around it are not', async (t) => {
  const writing = new Writing(Bytes, { maxMessageBytes: 1000 })
  writing.append(Buffer.alloc(998))
  for (const size of [999, 1001, 5000, 70_000, 2_000_000]) {
    t.match(writing.writer.append(Buffer.alloc(size)), { code: 'RIVULET_MESSAGE_TOO_LARGE' }, `${size} bytes`)
    writing.append(Buffer.from('x'))
  }
  writing.writer.flush()
  const sizes = writing.frames<Buffer>().flatMap(({ values }) => values.map((value) => value.length))
  t.strictSame(sizes, [998, 1, 1, 1, 1, 1])
})

t.test('a message that does not fit its schema is explained, and leaves no trace', async (t) => {
  const writing = new Writing(Job)
  writing.append({ id: 1 })
  t.match(writing.writer.append({ id: 1.5 }), { code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: 'id' }] })
  t.match(writing.writer.append(undefined as never), { code: 'RIVULET_INVALID_MESSAGE' })
  writing.append({ id: 2 })
  writing.writer.flush()
  t.strictSame(
    writing.frames<Job>().flatMap(({ values }) => values.map(({ id }) => id)),
    [1, 2],
  )
})

t.test('a bound on messages cuts at once', async (t) => {
  const writing = new Writing(Job, { maxBatchMessages: 3 })
  writing.append(...jobs(7))
  t.strictSame(writing.counts, [3, 3])
  writing.writer.flush()
  t.strictSame(writing.counts, [3, 3, 1])
  const single = new Writing(Job, { maxBatchMessages: 1 })
  single.append(...jobs(2))
  t.strictSame(single.counts, [1, 1])
})

t.test('a frame never holds more messages than a receiver allows', async (t) => {
  const writing = new Writing(Null, { maxBatchMessages: 65_536 })
  for (let count = 0; count < 65_537; count++) writing.append(null)
  writing.writer.flush()
  t.strictSame(writing.counts, [65_536, 1])
  const reception = new Reception(Null)
  for (const { bytes } of writing.cut) reception.receive(bytes)
  t.equal(reception.values.length, 65_537)
})

t.test('a flush is spread evenly over as many frames as there are receivers', async (t) => {
  const cases: [number, number, number[]][] = [
    [100, 4, [25, 25, 25, 25]],
    [10, 4, [2, 3, 2, 3]],
    [3, 4, [1, 1, 1]],
    [1, 4, [1]],
    [5, 0, [5]],
  ]
  for (const [count, spread, counts] of cases) {
    const writing = new Writing(Job)
    writing.spread = spread
    writing.append(...jobs(count))
    writing.writer.flush()
    t.strictSame(writing.counts, counts)
    const ids = writing.frames<Job>().flatMap(({ values }) => values.map(({ id }) => id))
    t.strictSame(ids, [...Array(count).keys()], 'in order')
  }
})

t.test('a getter that sends on the same sink is refused, and the message around it is not', async (t) => {
  const writing = new Writing(Job)
  let inner: unknown
  writing.append({
    get id() {
      inner = writing.writer.append({ id: 99 })
      writing.writer.flush()
      return 1
    },
  })
  t.match(inner, { code: 'RIVULET_INVALID_MESSAGE', message: /getter/ })
  writing.append({ id: 2 })
  writing.writer.flush()
  t.strictSame(
    writing.frames<Job>().flatMap(({ values }) => values.map(({ id }) => id)),
    [1, 2],
  )
})

t.test('a getter that throws spoils nothing', async (t) => {
  const writing = new Writing(Job)
  writing.append({ id: 1 })
  const hostile = {
    get id(): number {
      throw new Error('no')
    },
  }
  t.match(writing.writer.append(hostile), { code: 'RIVULET_INVALID_MESSAGE' })
  writing.append({ id: 2 })
  writing.writer.flush()
  t.equal(writing.frames<Job>()[0]?.values.length, 2)
})

t.test('the count of what is gathered', async (t) => {
  const writing = new Writing(Bytes)
  t.match(writing.writer, { count: 0, bytes: 0 })
  writing.append(Buffer.alloc(10), Buffer.alloc(20))
  t.match(writing.writer, { count: 2, bytes: 32 })
  writing.writer.flush()
  t.match(writing.writer, { count: 0, bytes: 0 })
})

t.test('a message alone in its frame has extensions, and the others have none', async (t) => {
  for (const maxBatchMessages of [1, 100]) {
    const writing = new Writing(Job, { maxBatchMessages })
    const alone = { mark: Buffer.from('x') }
    writing.append({ id: 1 })
    t.equal(writing.writer.appendAlone({ id: 2 }, alone), undefined)
    t.equal(writing.writer.count, 0, 'it leaves at once')
    writing.append({ id: 3 })
    writing.writer.flush()
    t.strictSame(
      writing.cut.map(({ messages, header }) => [messages, header.sequence, header.extensions]),
      [
        [1, 1, undefined],
        [1, 2, alone],
        [1, 3, undefined],
      ],
    )
    const read = writing.frames<Job>().map(({ header, values }) => [header, values[0]?.id] as const)
    t.match(read, [
      [{ sequence: 1, previous: 0 }, 1],
      [{ sequence: 2, previous: 1 }, 2],
      [{ sequence: 3, previous: 2 }, 3],
    ])
    t.match(
      read.map(([header]) => Object.keys((header as unknown as { extensions: object }).extensions)),
      [[], ['mark'], []],
    )
  }
})

t.test('one that does not fit is refused, and its extensions go with it', async (t) => {
  const writing = new Writing(Job, { maxMessageBytes: 100 })
  t.match(writing.writer.appendAlone({ id: 'x' } as never, { mark: Buffer.alloc(0) }), {
    code: 'RIVULET_INVALID_MESSAGE',
  })
  t.match(writing.writer.appendAlone({ id: 1, note: 'x'.repeat(200) }, { mark: Buffer.alloc(0) }), {
    code: 'RIVULET_MESSAGE_TOO_LARGE',
  })
  writing.append({ id: 1 })
  writing.writer.flush()
  t.equal(writing.cut.length, 1)
  t.equal(writing.cut[0]?.header.extensions, undefined)
})

t.test('what stands for a dropped frame has none of its extensions', async (t) => {
  const writing = new Writing(Job, { topic: Buffer.from('a.') })
  writing.writer.appendAlone({ id: 1 }, { mark: Buffer.alloc(0) })
  const reception = new Reception(Job)
  reception.receive(writing.cut[0]?.announcement?.() as Buffer, Buffer.from('a.'))
  t.match(reception.frames[0]?.header, { kind: 'beacon', sequence: 2, previous: 1 })
  t.strictSame(reception.frames[0]?.header.extensions, {})
})

t.test('a tombstone on a topic says where its numbers stand, with the schema', async (t) => {
  const topic = Buffer.from('a.')
  const writing = new Writing(Job, { topic })
  writing.append(...jobs(5))
  writing.writer.flush()
  writing.writer.clear()
  const reception = new Reception(Job)
  for (const { bytes } of writing.cut) reception.receive(bytes, topic)
  const text = codecOf(Job).text
  t.match(
    reception.frames.map(({ header }) => header),
    [
      { kind: 'data', count: 5 },
      { kind: 'tombstone', position: 6, sequence: 6, previous: 5, count: 0, writerSchema: text },
    ],
  )
  t.strictSame(reception.rejectedCodes, [])
})
