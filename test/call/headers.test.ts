/** Headers that come again are read and written once, and nothing of one call shows in another. */
import fc from 'fast-check'
import t from 'tap'
import { type CallHeaders, prepareHeaders, prepareOften, readHeaders, writeHeaders } from '../../src/call/headers.js'

function written(headers: CallHeaders): Buffer {
  const bytes = Buffer.alloc(20_000)
  return bytes.subarray(0, writeHeaders(bytes, 0, bytes.length, headers))
}

const read = (bytes: Buffer, from = 0) => {
  const cursor = { position: from }
  const headers = readHeaders(bytes, cursor, bytes.length)
  return { headers, behind: cursor.position }
}

const prepared = (given: Record<string, string>) => prepareHeaders('test', given) as CallHeaders

t.test('headers that were prepared for many calls come to the same bytes', async (t) => {
  const given = { 'rivulet-from': 'f'.repeat(32), trace: 'ü' }
  const often = prepareOften('test', given) as CallHeaders
  t.strictSame(written(often), written(prepared(given)))
  t.equal(prepareOften('test', {}), undefined)
  const short = Buffer.alloc(60)
  t.throws(() => writeHeaders(short, 30, 60, often), 'without room nothing is written')
  t.ok(short.equals(Buffer.alloc(60)))
})

t.test('equal bytes are read once, and the result cannot be changed', async (t) => {
  const bytes = written(prepared({ from: '0123456789abcdef0123456789abcdef' }))
  const [one, two] = [read(bytes), read(Buffer.concat([Buffer.from([7, 7]), bytes, Buffer.from([1, 2])]), 2)]
  t.equal(one.headers, two.headers)
  t.strictSame([one.behind, two.behind], [bytes.length, bytes.length + 2])
  t.throws(() => Object.assign(one.headers, { other: 'x' }))
  const changed = Buffer.from(bytes)
  changed[bytes.length - 2] = 0x67
  t.strictSame({ ...read(changed).headers }, { from: '0123456789abcdef0123456789abcdeg' })
  t.strictSame({ ...read(bytes).headers }, { from: '0123456789abcdef0123456789abcdef' })
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => read(bytes.subarray(0, length)), `${length} bytes`)
})

t.test('any headers, in any order, are read as they were written', async (t) => {
  const one = fc.dictionary(
    fc.string({ maxLength: 12 }).filter((name) => name !== '__proto__'),
    fc.string({ maxLength: 200 }),
    { minKeys: 1, maxKeys: 4 },
  )
  const property = fc.property(
    fc.array(one, { minLength: 1, maxLength: 6 }),
    fc.array(fc.nat(5), { maxLength: 30 }),
    (all, order) => {
      for (const index of order) {
        const given = all[index % all.length] as Record<string, string>
        const { headers, behind } = read(Buffer.concat([written(prepared(given)), Buffer.alloc(3, 0xff)]))
        if (JSON.stringify({ ...headers }) !== JSON.stringify({ ...given })) return false
        if (behind !== written(prepared(given)).length) return false
      }
      return true
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
})
