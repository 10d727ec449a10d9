/** The records of calls: what stands in docs/protocol, what a stock Avro library makes of them, and the hand-made ways. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import avsc from 'avsc'
import fc from 'fast-check'
import t from 'tap'
import { bufferFull, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { writeBigLong, writeLong } from '../../src/avro/write-primitives.js'
import { failureBody } from '../../src/call/failure.js'
import { type CallHeaders, maxHeaders, prepareHeaders } from '../../src/call/headers.js'
import { RequestHeader, writeRequestHeader } from '../../src/call/request-header.js'
import * as schemas from '../../src/call/schemas.js'
import { root } from '../../tools/build.js'

const describe = (name: string): avsc.Schema => JSON.parse(readFileSync(join(root, 'docs/protocol', name), 'utf8'))
const Request = avsc.Type.forSchema(describe('call-request.avsc'), { registry: Object.create(null) })

const written = (write: (bytes: Buffer, view: DataView) => number, size = 40_000): Buffer => {
  const bytes = Buffer.alloc(size)
  return bytes.subarray(0, write(bytes, new DataView(bytes.buffer, bytes.byteOffset, size)))
}

/** What the hand-made reader makes of bytes, all of which it must take. */
const read = (bytes: Buffer) => {
  const header = new RequestHeader()
  const cursor = { position: 0 }
  header.read(bytes, cursor, bytes.length)
  if (cursor.position !== bytes.length) throw new Error('not read to the end')
  return { method: header.method, deadline: header.deadline, headers: { ...header.headers } }
}

t.test('the schemas in docs/protocol are those of the code', async (t) => {
  const all = Object.entries(schemas as Record<string, unknown>)
  t.equal(all.length, 8)
  for (const [name, schema] of all) {
    const file = `${name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase()}.avsc`
    t.strictSame(describe(file), JSON.parse(codecOf(schema as Schema<never, unknown>).text), file)
  }
})

t.test('the head of a request is what its schema says', async (t) => {
  const headers = fc.option(
    fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 80 }).filter((name) => name !== '__proto__'),
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      {
        maxKeys: 8,
      },
    ),
    { nil: undefined },
  )
  // beyond these the stock library reads another deadline than was written
  const property = fc.property(
    fc.nat(65_535),
    fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    headers,
    (method, deadline, given) => {
      const prepared = prepareHeaders('call', given)
      const bytes = written((b) => writeRequestHeader(b, 0, b.length, method, deadline, prepared))
      const expected = { method, deadline, headers: { ...given } }
      t.same(Request.fromBuffer(bytes), { ...expected, extensions: {} })
      t.same(read(bytes), expected)
      for (let size = bytes.length - 1; size >= 0; size -= 7) {
        t.throws(() => read(bytes.subarray(0, size)))
      }
    },
  )
  fc.assert(property, { numRuns: 40 })
})

t.test('there is a signal for a buffer without room', async (t) => {
  for (let room = 0; room < 60; room++) {
    const bytes = Buffer.alloc(60, 0xee)
    let position = 0
    try {
      position = writeRequestHeader(bytes, 0, room, 3, 1e12, { name: 'value', other: 'ä'.repeat(8) })
    } catch (cause) {
      t.equal(cause, bufferFull)
    }
    t.ok(position <= room)
    t.ok(
      bytes.subarray(room).every((byte) => byte === 0xee),
      'nothing is written beyond the end',
    )
  }
})

t.test('what others may write', async (t) => {
  const fields = { method: 1, deadline: 2, headers: { a: 'b' }, extensions: { later: Buffer.from('xyz') } }
  t.same(read(Request.toBuffer(fields)), { method: 1, deadline: 2, headers: { a: 'b' } })
  // a block of a map with its size before it
  const sized = Buffer.from([2, 4, 1, 8, 2, 0x61, 2, 0x62, 0, 1, 8, 2, 0x61, 2, 0x62, 0])
  t.same(Request.fromBuffer(sized).headers, { a: 'b' })
  t.same(read(sized).headers, { a: 'b' })
  const proto = Request.toBuffer({ ...fields, headers: Object.fromEntries([['__proto__', 'x']]) })
  const header = new RequestHeader()
  header.read(proto, { position: 0 }, proto.length)
  t.strictSame(Object.entries(header.headers), [['__proto__', 'x']])
  t.equal(header.headers.toString, undefined)
})

t.test('headers are bounded', async (t) => {
  const many = Object.fromEntries(Array.from({ length: maxHeaders + 1 }, (_, i) => [`h${i}`, '']))
  const long = { long: 'x'.repeat(16_384) }
  for (const headers of [many, long]) {
    t.throws(() => prepareHeaders('call', headers), { code: 'RIVULET_INVALID_OPTION' })
    const bytes = Request.toBuffer({ method: 1, deadline: 0, headers, extensions: {} })
    t.throws(() => read(bytes))
  }
  for (const wrong of [null, [], 'x', { a: 1 }, { a: '\ud800' }, { '\udc00': '' }]) {
    t.throws(() => prepareHeaders('call', wrong), { code: 'RIVULET_INVALID_OPTION' })
  }
  t.equal(prepareHeaders('call', {}), undefined)
  t.equal(prepareHeaders('call', undefined), undefined)
  const given: Record<string, string> = { a: 'b' }
  const prepared = prepareHeaders('call', given) as CallHeaders
  given.a = 'c'
  t.equal(prepared.a, 'b')
  t.ok(Object.isFrozen(prepared))
})

t.test('a message of any length and form can be told', async (t) => {
  const Failure = avsc.Type.forSchema(describe('call-failure.avsc'), { registry: Object.create(null) })
  for (const message of ['', 'x'.repeat(5000), '\ud800', `${'x'.repeat(999)}\ud83d\ude00`]) {
    const body = failureBody('RIVULET_OVERLOADED', message, 'no')
    const told = Failure.fromBuffer(written((bytes, view) => body.writeBody(bytes, view, 0, bytes.length)))
    t.match(told, { code: 'RIVULET_OVERLOADED', executed: 'no' })
    t.ok(told.message.length <= 1001)
  }
})

t.test('a deadline beyond the exact numbers is bounded, not refused', async (t) => {
  const cases: [bigint, number][] = [
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
    [2n ** 53n, 0],
    [2n ** 63n - 1n, 0],
    [-(2n ** 53n) + 1n, Number.MIN_SAFE_INTEGER],
    [-(2n ** 53n) - 1n, -1],
    [-(2n ** 63n), -1],
  ]
  for (const [deadline, expected] of cases) {
    const bytes = written((b) => {
      let p = writeLong(b, 0, 7)
      p = writeBigLong(b, p, deadline)
      b[p++] = 0
      b[p++] = 0
      return p
    })
    t.strictSame(read(bytes), { method: 7, deadline: expected, headers: {} }, `${deadline}`)
  }
})
