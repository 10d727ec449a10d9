/** Headers of frames that follow one another: the short way comes to what the codec writes and reads. */
import fc from 'fast-check'
import t from 'tap'
import { type Header, type HeaderInput, readHeader, writeHeader, written } from '../../src/wire/data-header.js'
import { DataHeader } from '../../src/wire/schemas.js'

const writers = [1, 2].map((byte) => ({
  fingerprint: Buffer.alloc(8, byte),
  schemaId: Buffer.alloc(16, byte),
  source: Buffer.alloc(8, byte),
}))

const number = fc.maxSafeNat()

const input: fc.Arbitrary<HeaderInput> = fc
  .record({
    writer: fc.constantFrom(...writers),
    kind: fc.constantFrom('data' as const, 'beacon' as const),
    writerSchema: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, fc.string()),
    position: number,
    sequence: number,
    previous: number,
    time: fc.date({ noInvalidDate: true }).map((date) => date.getTime()),
    count: fc.nat(65_536),
    more: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      fc.constant({ annotations: [{ index: 0, headers: { a: Buffer.from('b') } }] }),
      fc.constant({ extensions: { c: Buffer.from('d') } }),
    ),
  })
  .map(({ writer, more, ...fields }) => ({ ...writer, ...fields, ...more }))

/** What the codec reads, with the time as a number. */
function decode(bytes: Buffer): Header {
  const header = DataHeader.decode(bytes)
  return { ...header, time: header.time.getTime() }
}

t.test('headers in any order have the bytes and the values that the codec gives them', async (t) => {
  fc.assert(
    fc.property(fc.array(input, { minLength: 1, maxLength: 12 }), (inputs) => {
      for (const one of inputs) {
        const expected = DataHeader.encode({ ...one, time: new Date(one.time) })
        const bytes = Buffer.concat([
          Buffer.from('before'),
          written.subarray(0, writeHeader(one)),
          Buffer.from('after'),
        ])
        if (!bytes.subarray(6, -5).equals(expected)) return false
        const cursor = { position: 6 }
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
        t.strictSame(readHeader(bytes, view, cursor), decode(expected))
        if (cursor.position !== bytes.length - 5) return false
      }
      return true
    }),
    { numRuns: 50 },
  )
})

t.test('a header that ends too soon, or has a date that is none, is refused either way', async (t) => {
  const one: HeaderInput = {
    ...(writers[0] as (typeof writers)[number]),
    kind: 'data',
    writerSchema: null,
    position: 1,
    sequence: 1,
    previous: 0,
    time: 1_700_000_000_000,
    count: 1,
  }
  const whole = DataHeader.encode({ ...one, time: new Date(one.time) })
  const read = (bytes: Buffer) =>
    readHeader(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), { position: 0 })
  t.strictSame(read(whole), decode(whole))
  for (let size = 0; size < whole.length; size++) t.throws(() => read(whole.subarray(0, size)))
  const timeAt = whole.length - 9
  const late = Buffer.concat([whole.subarray(0, timeAt), Buffer.from('feffffffffffff1f', 'hex'), whole.subarray(-3)])
  t.throws(() => read(late))
})
