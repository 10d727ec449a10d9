/** Headers are read as they were written, and nothing of one call shows in another. */
import fc from 'fast-check'
import t from 'tap'
import { type CallHeaders, prepareHeaders, readHeaders, writeHeaders } from '../../src/call/headers.js'

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
