/** Messages larger than a frame: each has a frame to itself, and takes no buffer of several times its size. */
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { Writing } from '../support/writing.js'

const Bytes = defineSchema('bytes')

t.test('large messages that follow one another share buffers', async (t) => {
  for (const size of [65_536, 200_000, 1_000_000]) {
    const writing = new Writing(Bytes)
    for (let count = 0; count < 5; count++) writing.append(Buffer.alloc(size, count))
    writing.writer.flush()
    t.strictSame(writing.counts, [1, 1, 1, 1, 1])
    const buffers = new Set(writing.cut.map(({ bytes }) => bytes.buffer))
    const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
    t.ok(held < 2 * 5 * size, `${held} bytes are held for 5 of ${size}`)
    t.ok(writing.frames<Buffer>().every(({ values: [value] }, index) => value?.equals(Buffer.alloc(size, index))))
  }
})

t.test('small messages behind large ones share frames of the usual size', async (t) => {
  const writing = new Writing(Bytes)
  for (let count = 0; count < 3; count++) writing.append(Buffer.alloc(300_000, count))
  for (let count = 0; count < 3000; count++) writing.append(Buffer.alloc(100, count))
  writing.append(Buffer.alloc(300_000, 9), Buffer.alloc(10, 1))
  writing.writer.flush()
  const frames = writing.frames<Buffer>()
  for (const { bytes, values } of frames) if (values.length > 1) t.ok(bytes.length <= 65_536, `${bytes.length} bytes`)
  const values = frames.flatMap((frame) => frame.values)
  t.equal(values.length, 3 + 3000 + 2)
  t.ok(frames.length < 16)
  t.equal(values[3003]?.length, 300_000)
})
