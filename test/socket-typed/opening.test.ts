/** What both sides of a typed stream send before the first message, and whom they refuse. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { array, defineSchema, record } from '../../src/avro/index.js'
import { dataFrame, sealed } from '../support/stranger.js'
import { agreed, Note, notes, TypedSide } from './typed-side.js'

const both = { outgoing: Note, incoming: Note } as const

/** A frame behind its length. */
const sized = (frame: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

const text = JSON.stringify(Note.json)

/** An opening as a stranger writes it. */
const opening = (claims: object = {}): Buffer => sized(dataFrame({ kind: 'beacon', schema: text, ...claims }))

t.test('the dialer opens at once, the acceptor when it can read the dialer', async (t) => {
  const dialer = new TypedSide('connect', both)
  const acceptor = new TypedSide('bind', both)
  acceptor.writer.write({ number: 0, text: 'before' })
  t.equal(acceptor.taken().length, 0, 'the acceptor is silent')
  t.notOk(acceptor.reader.isAgreed)
  acceptor.receive(dialer.write({ number: 1, text: 'behind the opening' }))
  t.ok(acceptor.reader.isAgreed)
  t.ok(acceptor.isAwake, 'it has something to say')
  t.same(acceptor.values, [{ number: 1, text: 'behind the opening' }])
  t.notOk(dialer.reader.isAgreed)
  dialer.receive(acceptor.taken())
  t.ok(dialer.reader.isAgreed)
  t.same(dialer.values, [{ number: 0, text: 'before' }])
})

t.test('a reader with another version resolves', async (t) => {
  const Newer = defineSchema(
    record('Note', { number: 'double', text: 'string', tag: { schema: 'string', default: '-' } }),
  )
  const dialer = new TypedSide('connect', both)
  const acceptor = new TypedSide('bind', { outgoing: Note, incoming: Newer })
  acceptor.receive(dialer.write({ number: 7, text: 'x' }))
  t.same(acceptor.values, [{ number: 7, text: 'x', tag: '-' }])
  t.equal(acceptor.code, undefined)
})

t.test('both directions have schemas of their own', async (t) => {
  const Reply = defineSchema(array('long'))
  const dialer = new TypedSide('connect', { outgoing: Note, incoming: Reply })
  const acceptor = new TypedSide('bind', { outgoing: Reply, incoming: Note })
  acceptor.receive(dialer.write(...notes(2)))
  dialer.receive(acceptor.write([1, 2], []))
  t.same(acceptor.values, notes(2))
  t.same(dialer.values, [[1, 2], []])
})

t.test('incompatible schemas end the connection on both sides, with the difference', async (t) => {
  const Other = defineSchema(record('Note', { number: 'long', text: 'string', price: 'double' }))
  const rows = [
    { title: 'the acceptor cannot read', dials: both, accepts: { outgoing: Note, incoming: Other } },
    { title: 'the dialer cannot read', dials: { outgoing: Note, incoming: Other }, accepts: both },
  ] as const
  for (const { title, dials, accepts } of rows) {
    const dialer = new TypedSide<Note, unknown>('connect', dials)
    const acceptor = new TypedSide<Note, unknown>('bind', accepts)
    acceptor.receive(dialer.taken())
    const isAcceptor = acceptor.reader.failure !== undefined
    if (!isAcceptor) dialer.receive(acceptor.taken())
    const [refusing, refused] = isAcceptor ? [acceptor, dialer] : [dialer, acceptor]
    t.equal(refusing.code, 'RIVULET_INCOMPATIBLE_SCHEMA', title)
    const failure = refusing.reader.failure as NonNullable<typeof refusing.reader.failure>
    const words = Buffer.concat(refusing.writer.refuse?.(failure) ?? [])
    t.ok(words.length > 0)
    refused.receive(words)
    t.equal(refused.code, 'RIVULET_INCOMPATIBLE_SCHEMA', title)
    t.same(refused.reader.failure?.issues, failure.issues)
    t.match(failure.issues, [{ path: 'price' }])
    t.match(refused.reader.failure?.message, /price/)
    t.strictSame(refused.writer.refuse?.(refused.reader.failure as never), [], 'a refusal is not answered')
  }
})

t.test('a peer that speaks something else is refused before it is read, and hears nothing', async (t) => {
  const hello = Buffer.from('1603010200010001fc0303', 'hex')
  const rows: readonly [Buffer, RegExp][] = [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), /speak HTTP/],
    [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /speak HTTP/],
    [hello, /speak TLS/],
    [Buffer.from('ff00000000000000017f03', 'hex'), /speak ZeroMQ/],
    [Buffer.from('{"a": 1}\n'), /speak JSON/],
    [Buffer.from('SSH-2.0-OpenSSH'), /speak SSH/],
    [Buffer.from('hello\n'), /speak text/],
    [Buffer.from('ffffffff', 'hex'), /begins with ffffffff/],
    [Buffer.from('00000000', 'hex'), /begins with 00000000/],
    [Buffer.from('00020001', 'hex'), /begins with 00020001/],
    [Buffer.from('0000001000000000', 'hex'), /no typed stream/],
  ]
  for (const [bytes, message] of rows) {
    for (const side of ['bind', 'connect'] as const) {
      const one = new TypedSide(side, both)
      one.receive(bytes, () => 1)
      t.equal(one.code, 'RIVULET_HANDSHAKE_FAILED', String(message))
      t.match(one.reader.failure?.message, message)
      t.equal(one.reader.buffered, 0)
      t.strictSame(one.writer.refuse?.(one.reader.failure as never), [])
      one.receive(opening())
      t.notOk(one.reader.isAgreed, 'nothing is read behind a failure')
    }
  }
})

t.test('random bytes are refused', async (t) => {
  for (let count = 0; count < 500; count++) {
    const one = new TypedSide('bind', both)
    const bytes = randomBytes(64)
    one.receive(bytes)
    t.equal(one.code, 'RIVULET_HANDSHAKE_FAILED', bytes.toString('hex'))
  }
})

t.test('a peer of another version of the protocol is refused, and learns it', async (t) => {
  const one = new TypedSide('bind', both)
  const other = sized(sealed(Buffer.alloc(60), { version: 2 }))
  one.receive(other.subarray(0, 7), () => 1)
  t.equal(one.code, 'RIVULET_INCOMPATIBLE_PROTOCOL')
  t.match(one.reader.failure?.message, /version 2/)
  const dialer = new TypedSide('connect', both)
  dialer.receive(Buffer.concat(one.writer.refuse?.(one.reader.failure as never) ?? []))
  t.equal(dialer.code, 'RIVULET_INCOMPATIBLE_PROTOCOL')
})

t.test('an opening is a beacon with the schema and nothing else', async (t) => {
  const long = JSON.stringify({ ...(Note.json as object), doc: 'x'.repeat(70_000) })
  const rows: readonly [title: string, bytes: Buffer, code: string][] = [
    ['data', sized(dataFrame({ kind: 'data', schema: text })), 'RIVULET_BAD_FRAME'],
    ['an end', sized(dataFrame({ kind: 'tombstone', schema: text })), 'RIVULET_BAD_FRAME'],
    ['messages', opening({ count: 1 }), 'RIVULET_BAD_FRAME'],
    ['no schema', opening({ schema: '"int"', writerSchema: null }), 'RIVULET_BAD_FRAME'],
    ['another schema than its id says', opening({ schema: '"long"', writerSchema: '"int"' }), 'RIVULET_BAD_FRAME'],
    ['a long text', opening({ schema: long }), 'RIVULET_BAD_FRAME'],
    ['no JSON', opening({ schema: '{' }), 'RIVULET_INVALID_SCHEMA'],
    ['no schema of Avro', opening({ schema: '"nothing"' }), 'RIVULET_INVALID_SCHEMA'],
    ['another frame', sized(sealed(Buffer.alloc(60), { kind: 2 })), 'RIVULET_BAD_FRAME'],
    ['too small a frame', sized(sealed(Buffer.alloc(0))), 'RIVULET_BAD_FRAME'],
    ['a broken refusal', sized(sealed(Buffer.alloc(1), { kind: 10 })), 'RIVULET_BAD_FRAME'],
  ]
  for (const [title, bytes, code] of rows) {
    const one = new TypedSide('bind', both)
    one.receive(bytes)
    t.equal(one.code, code, `${title}: ${one.reader.failure?.message}`)
    t.notOk(one.reader.isAgreed)
  }
  const one = new TypedSide('bind', both)
  one.receive(opening())
  t.ok(one.reader.isAgreed)
  const known = new TypedSide('bind', both)
  known.receive(opening({ writerSchema: null }))
  t.ok(known.reader.isAgreed, 'the text of the own schema is known')
})

t.test('an unknown code of a refusal is reported as unknown', async (t) => {
  const { dialer, acceptor } = agreed()
  const words = Buffer.concat(
    acceptor.writer.refuse?.({ code: 'NEXT_YEAR', message: 'why', issues: [] } as never) ?? [],
  )
  dialer.receive(words)
  t.equal(dialer.code, 'RIVULET_UNKNOWN_ERROR')
  t.match(dialer.reader.failure?.message, /NEXT_YEAR: why/)
})

t.test('a refusal is bounded, whatever it says', async (t) => {
  const { dialer, acceptor } = agreed()
  const wide = '\u{1F600}'.repeat(5000)
  const issues = Array.from({ length: 500 }, () => ({ path: wide, message: wide }))
  const words = Buffer.concat(
    acceptor.writer.refuse?.({ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: wide, issues } as never) ?? [],
  )
  t.ok(words.length < 65_536, `${words.length} bytes`)
  dialer.receive(words)
  t.equal(dialer.code, 'RIVULET_INCOMPATIBLE_SCHEMA')
  t.equal(dialer.reader.failure?.issues.length, 16)
})
