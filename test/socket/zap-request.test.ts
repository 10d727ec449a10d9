/** Requests of ZAP: what is read of a good one, what is refused, and the answer, which has the form of RFC 27. */
import fc from 'fast-check'
import t from 'tap'
import { readZapRequest, zapAnswer } from '../../src/socket/zap-request.js'

const key = Buffer.alloc(32, 7)

/** The frames of a request, with some of them replaced. */
function frames(changes: Record<number, Buffer> = {}, credentials: Buffer[] = [key]): Buffer[] {
  const texts = ['peer', '', '1.0', '1', 'rivulet.secured.0', '127.0.0.1', '', 'CURVE']
  return [...texts.map((text, at) => changes[at] ?? Buffer.from(text)), ...credentials]
}

t.test('a request of a CURVE server, and one of a socket without security', async (t) => {
  t.strictSame(readZapRequest(frames()), {
    domain: 'rivulet.secured.0',
    address: '127.0.0.1',
    mechanism: 'CURVE',
    publicKey: key,
  })
  const plain = readZapRequest(frames({ 7: Buffer.from('NULL') }, []))
  t.strictSame([plain?.mechanism, plain?.publicKey], ['NULL', undefined])
})

t.test('what is malformed, or has another mechanism, is none', async (t) => {
  const bad: [string, Buffer[]][] = [
    ['nothing', []],
    ['too few frames', frames().slice(0, 7)],
    ['no credentials', frames({}, [])],
    ['two credentials', frames({}, [key, key])],
    ['a short key', frames({}, [key.subarray(1)])],
    ['a long key', frames({}, [Buffer.alloc(33)])],
    ['a key as text', frames({}, [Buffer.alloc(40, 'a')])],
    ['NULL with credentials', frames({ 7: Buffer.from('NULL') })],
    ['PLAIN', frames({ 7: Buffer.from('PLAIN') }, [Buffer.from('user'), Buffer.from('password')])],
    ['GSSAPI', frames({ 7: Buffer.from('GSSAPI') }, [key])],
    ['a mechanism that begins alike', frames({ 7: Buffer.from('CURVE\0') })],
    ['no peer', frames({ 0: Buffer.alloc(0) })],
    ['no delimiter', frames({ 1: Buffer.from('x') })],
    ['another version', frames({ 2: Buffer.from('1.1') })],
    ['no request id', frames({ 3: Buffer.alloc(0) })],
    ['a long request id', frames({ 3: Buffer.alloc(256) })],
    ['no domain', frames({ 4: Buffer.alloc(0) })],
    ['a long domain', frames({ 4: Buffer.alloc(256) })],
    ['a long address', frames({ 5: Buffer.alloc(256) })],
    ['a long identity', frames({ 6: Buffer.alloc(256) })],
  ]
  for (const [name, parts] of bad) t.equal(readZapRequest(parts), undefined, name)
})

t.test('any frames have an answer of eight frames, and are read without an exception', async (t) => {
  const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 })
  fc.assert(
    fc.property(parts, fc.constantFrom<200 | 400 | 500>(200, 400, 500), (input, status) => {
      const buffers = input.map((part) => Buffer.from(part))
      const request = readZapRequest(buffers)
      const answer = zapAnswer(buffers, status, 'why')
      return (
        (request === undefined || buffers.length >= 8) &&
        answer.length === 8 &&
        answer[1]?.length === 0 &&
        answer[2]?.toString() === '1.0' &&
        answer[4]?.toString() === String(status)
      )
    }),
    { seed: 27, numRuns: 2000 },
  )
  t.pass()
})
