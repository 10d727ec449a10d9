/** The first eight bytes: what is no frame of ours, and what was changed on its way. */
import { crc32 } from 'node:zlib'
import t from 'tap'
import { defineSchema } from '../../src/avro/index.js'
import { frameKind, openPrelude, preludeBytes, sealFrame } from '../../src/wire/prelude.js'
import { Reception } from '../support/reception.js'
import { block, dataFrame, headerBytes, ints, sealed } from '../support/stranger.js'

const Int = defineSchema('int')
const good = dataFrame({ count: 3 }, block(ints(1, -2, 300)))

const codes = (frame: Buffer, maxMessageBytes?: number, topic?: Buffer) => {
  const reception = new Reception(Int, maxMessageBytes)
  reception.receive(frame, topic)
  return reception.rejectedCodes
}

t.test('a good frame of a stranger is read', async (t) => {
  const reception = new Reception(Int)
  reception.receive(good)
  t.strictSame(reception.values, [1, -2, 300])
})

t.test('what is no frame', async (t) => {
  const frames = [
    Buffer.alloc(0),
    Buffer.from('R'),
    Buffer.from('Rv'),
    good.subarray(0, 7),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(1000),
    Buffer.concat([Buffer.from('Rw'), good.subarray(2)]),
  ]
  for (const frame of frames) t.strictSame(codes(frame), ['RIVULET_BAD_FRAME'], frame.toString('hex', 0, 20))
})

t.test('another version and other kinds of frames', async (t) => {
  for (const head of [{ version: 2 }, { version: 0 }, { kind: 2 }, { kind: 3 }, { kind: 0 }, { kind: -1 }]) {
    t.strictSame(codes(sealed(headerBytes({}), head)), ['RIVULET_BAD_FRAME'], JSON.stringify(head))
  }
})

t.test('kinds of data frames that do not belong on this side', async (t) => {
  for (const kind of ['tombstone', 'will', 'mixed']) t.strictSame(codes(dataFrame({ kind })), ['RIVULET_BAD_FRAME'])
  const topic = Buffer.from('a.')
  const onTopic = (kind: string, count: number) => {
    const messages = count > 0 ? [block(ints(1))] : []
    return codes(
      sealed(Buffer.concat([headerBytes({ kind, count }), ...messages, Buffer.of(0)]), { topic }),
      100,
      topic,
    )
  }
  t.strictSame(onTopic('tombstone', 0), [])
  for (const kind of ['will', 'mixed']) t.strictSame(onTopic(kind, 0), ['RIVULET_BAD_FRAME'])
  t.strictSame(onTopic('tombstone', 1), ['RIVULET_BAD_FRAME'], 'a tombstone has no messages')
})

t.test('a header that ends too soon', async (t) => {
  const header = headerBytes({})
  for (let length = 0; length < header.length; length++) {
    t.strictSame(codes(sealed(header.subarray(0, length))), ['RIVULET_BAD_FRAME'], `${length} bytes`)
  }
})

t.test('every change of one bit is seen', async (t) => {
  const seen = new Map<string, number>()
  for (let bit = 0; bit < good.length * 8; bit++) {
    const frame = Buffer.from(good)
    frame[bit >> 3] = (frame[bit >> 3] as number) ^ (1 << (bit & 7))
    const reception = new Reception(Int)
    reception.receive(frame)
    t.strictSame(reception.values, [], `bit ${bit}`)
    t.equal(reception.rejected.length, 1)
    const code = reception.rejectedCodes[0] as string
    seen.set(code, (seen.get(code) ?? 0) + 1)
  }
  t.equal(seen.get('RIVULET_BAD_FRAME'), 24, 'magic and version are judged before the check')
})

t.test('every frame that was cut off is seen', async (t) => {
  for (let length = 0; length < good.length; length++) {
    const code = length < 8 ? 'RIVULET_BAD_FRAME' : 'RIVULET_CORRUPT_FRAME'
    t.strictSame(codes(good.subarray(0, length)), [code], `${length} bytes`)
  }
})

t.test('a check covers the topic', async (t) => {
  const frame = sealed(Buffer.concat([headerBytes({ count: 1 }), block(ints(1)), Buffer.from([0])]), {
    topic: Buffer.from('a.'),
  })
  t.strictSame(codes(frame, undefined, Buffer.from('a.')), [])
  t.strictSame(codes(frame, undefined, Buffer.from('b.')), ['RIVULET_CORRUPT_FRAME'])
  t.strictSame(codes(frame), ['RIVULET_CORRUPT_FRAME'])
})

t.test('a frame beyond the limit is told as such', async (t) => {
  const items = ints(...Array.from({ length: 5000 }, () => 0))
  const body = dataFrame({ count: 5000, extensions: { padding: Buffer.alloc(131_072) } }, block(items))
  t.strictSame(codes(body, 4000), ['RIVULET_FRAME_TOO_LARGE'])
  t.strictSame(codes(body, 6000), [])
})

t.test('the checksum of frames of any size is that of zlib', async (t) => {
  for (let size = preludeBytes; size < 600; size++) {
    const frame = Buffer.from(Array.from({ length: size }, (_, at) => (at * 151 + size) & 0xff))
    sealFrame(frame, frameKind.data, undefined)
    const summed = crc32(frame.subarray(preludeBytes), crc32(frame.subarray(0, 4)))
    if (frame.readUInt32BE(4) !== summed) t.fail(`${size} bytes`)
    if (size === preludeBytes) continue
    frame[size - 1] = (frame[size - 1] as number) ^ 1
    t.throws(() => openPrelude(frame, undefined), { code: 'RIVULET_CORRUPT_FRAME' })
  }
})
