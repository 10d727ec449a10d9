/** Frames with their length before them, as they follow one another in a stream of bytes. */
import t from 'tap'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import { BatchWriter, type CutFrame, matchPrelude, Origin, openDataFrame } from '../../src/wire/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

const Note = defineSchema(record('Note', { text: 'string' }))
/** A schema whose text finds no room before the messages. */
const Wide = defineSchema({ ...record('Wide', { text: 'string' }), doc: 'x'.repeat(500) })

/** Writes messages, and with them what `work` asks for. */
function cutBy<In>(schema: Schema<In>, isPrefixed: boolean, work: (writer: BatchWriter<In>) => void): CutFrame[] {
  const cut: CutFrame[] = []
  const origin = Object.assign(new Origin(new VirtualClock(), Number.POSITIVE_INFINITY), { source: Buffer.alloc(8, 7) })
  const writer = new BatchWriter<In>({
    codec: codecOf(schema) as Codec<In, unknown>,
    origin,
    topic: undefined,
    isPrefixed,
    frameBytes: 65_536,
    maxBatchMessages: 65_536,
    maxMessageBytes: 1_048_576,
    spread: () => 1,
    cut: (frame) => cut.push(frame),
  })
  work(writer)
  return cut
}

t.test('a length, and the frame that would leave without it', async (t) => {
  for (const schema of [Note, Wide] as Schema<{ text: string }>[]) {
    const work = (writer: BatchWriter<{ text: string }>): void => {
      writer.announce()
      for (const size of [1, 1000, 200_000]) {
        for (let count = 0; count < 3; count++) writer.append({ text: 'y'.repeat(size) })
        writer.flush()
      }
      writer.end()
    }
    const [plain, prefixed] = [cutBy(schema, false, work), cutBy(schema, true, work)]
    t.ok(plain.length >= 5)
    t.equal(prefixed.length, plain.length)
    for (const [index, { bytes, messages }] of prefixed.entries()) {
      t.equal(bytes.readUInt32BE(), bytes.length - 4)
      t.ok(bytes.subarray(4).equals((plain[index] as CutFrame).bytes), `frame ${index}`)
      t.equal(messages, (plain[index] as CutFrame).messages)
      t.equal(matchPrelude(bytes, 4), 'ours')
    }
  }
})

t.test('an announcement comes behind what was written, an end last', async (t) => {
  const cut = cutBy(Note, true, (writer) => {
    writer.announce()
    writer.append({ text: 'a' })
    writer.announce()
    writer.append({ text: 'b' })
    writer.end()
  })
  const headers = cut.map(({ bytes }) => openDataFrame(bytes.subarray(4), undefined, 1000).header)
  t.strictSame(
    headers.map(({ kind, count, position, writerSchema }) => [kind, count, position, writerSchema !== null]),
    [
      ['beacon', 0, 1, true],
      ['data', 1, 1, false],
      ['beacon', 0, 2, true],
      ['data', 1, 2, false],
      ['tombstone', 0, 3, false],
    ],
  )
})

t.test('the first bytes tell whose frame it is', async (t) => {
  t.equal(matchPrelude(Buffer.from('Rv\x02'), 0), 'ours')
  t.equal(matchPrelude(Buffer.from('..Rv\x04'), 2), 'other-version')
  for (const text of ['GET', 'Rw\x02', 'rv\x02']) t.equal(matchPrelude(Buffer.from(text), 0), 'foreign', text)
})
