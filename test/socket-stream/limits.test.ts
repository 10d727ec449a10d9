/** Limits of framings: what they refuse when they are made, and of messages and frames, before anything is kept. */
import t from 'tap'
import { delimited, type Framing, lengthPrefixed, lines } from '../../patterns/socket/index.js'
import { readAll, written } from './framed.js'

t.test('a sender and a receiver refuse what exceeds the limit, and take what does not', async (t) => {
  const mark = Buffer.of(0)
  const most: [Framing<never, unknown>, (bytes: number) => unknown, (bytes: number) => Buffer][] = [
    [
      lines({ maxLineBytes: 1000 }),
      (bytes) => 'ä'.repeat(bytes / 2),
      (bytes) => Buffer.concat([Buffer.alloc(bytes, 97), Buffer.from('\n')]),
    ],
    [
      delimited(mark, { maxFrameBytes: 1000 }),
      (bytes) => Buffer.alloc(bytes, 1),
      (bytes) => Buffer.concat([Buffer.alloc(bytes, 1), mark]),
    ],
    [
      lengthPrefixed({ maxFrameBytes: 1000 }),
      (bytes) => Buffer.alloc(bytes, 1),
      (bytes) => Buffer.concat([Buffer.of(0, 0, bytes >> 8, bytes & 255), Buffer.alloc(bytes, 1)]),
    ],
  ]
  for (const [framing, message, frame] of most) {
    const { name } = framing
    t.equal(written(framing, [message(1000) as never]).length > 1000, true, `${name} sends the largest`)
    t.throws(
      () => written(framing, [message(1002) as never]),
      { code: 'RIVULET_MESSAGE_TOO_LARGE' },
      `${name} sends no larger`,
    )
    t.match(
      readAll(framing, [frame(1000)]),
      { messages: { length: 1 }, failure: undefined },
      `${name} reads the largest`,
    )
    t.match(
      readAll(framing, [frame(1001)]),
      { messages: { length: 0 }, failure: 'RIVULET_FRAME_TOO_LARGE' },
      `${name} reads no larger`,
    )
  }
})

t.test('a declared length beyond the limit fails before a byte of its frame is kept', async (t) => {
  for (const width of [4, 8]) {
    const head = Buffer.alloc(width, 0xff)
    const framing = lengthPrefixed({ width, maxFrameBytes: 1000 })
    const { failure, buffered } = readAll(framing, [
      head.subarray(0, width - 1),
      head.subarray(width - 1),
      Buffer.alloc(900_000),
    ])
    t.equal(failure, 'RIVULET_FRAME_TOO_LARGE')
    t.ok(buffered <= 256, `${buffered} bytes`)
  }
  const negative = lengthPrefixed({ width: 1, adjustment: -4 })
  t.equal(readAll(negative, [Buffer.of(3)]).failure, 'RIVULET_BAD_FRAME')
})

t.test('a frame that grows without end is cut at its limit', async (t) => {
  const framings: Framing<never, unknown>[] = [
    lines({ maxLineBytes: 1000 }),
    delimited(Buffer.of(0), { maxFrameBytes: 1000 }),
  ]
  for (const framing of framings) {
    const pieces = Array.from({ length: 10_000 }, () => Buffer.of(97))
    const { failure, buffered } = readAll(framing, pieces)
    t.equal(failure, 'RIVULET_FRAME_TOO_LARGE')
    t.ok(buffered <= 2048, `${framing.name}: ${buffered} bytes`)
  }
})

t.test('a message that would arrive as another one is refused', async (t) => {
  const refused: [Framing<never, unknown>, unknown][] = [
    [lines(), 'two\nlines'],
    [lines(), 'a return\r'],
    [lines(), 'half a character: \ud800'],
    [lines({ encoding: 'latin1' }), '€'],
    [lines(), 5],
    [delimited(Buffer.of(0)), Buffer.of(1, 0, 2)],
    [delimited(Buffer.from('aa')), Buffer.from('ba')],
    [delimited(Buffer.of(0)), 'text'],
    [lengthPrefixed({ offset: 4 }), Buffer.of(1, 2, 3)],
    [lengthPrefixed({ adjustment: 4 }), Buffer.of(1, 2, 3)],
  ]
  for (const [framing, message] of refused) {
    t.throws(() => written(framing, [message as never]), { code: 'RIVULET_INVALID_MESSAGE' }, framing.name)
  }
})

t.test('a line that is no valid UTF-8 is dropped, and the next one is read', async (t) => {
  const { messages, failure } = readAll(lines(), [Buffer.from([97, 10, 0xc3, 10, 0xef, 0xbf, 0xbd, 10])])
  t.strictSame(messages, ['a', 'RIVULET_DECODE_FAILED', '\ufffd'])
  t.equal(failure, undefined)
})

t.test('the width of a field and the limit agree, or the framing is refused', async (t) => {
  const wrong: (() => unknown)[] = [
    () => lengthPrefixed({ width: 1, maxFrameBytes: 256 }),
    () => lengthPrefixed({ width: 2, maxFrameBytes: 65_536 }),
    () => lengthPrefixed({ width: 2, adjustment: -2, maxFrameBytes: 65_535 }),
    () => lengthPrefixed({ width: 1, adjustment: -300 }),
    () => lengthPrefixed({ offset: 10, maxFrameBytes: 5 }),
    () => lengthPrefixed({ width: 0 }),
    () => lengthPrefixed({ width: 9 }),
    () => lengthPrefixed({ endianness: 'middle' as 'big' }),
    () => delimited(Buffer.of()),
    () => delimited('x' as never),
    () => lines({ maxLineBytes: 0 }),
    () => lines({ maxLength: 5 } as never),
  ]
  for (const make of wrong) t.throws(make, { code: 'RIVULET_INVALID_OPTION' }, String(make))
  const byte = lengthPrefixed({ width: 1 })
  t.equal(written(byte, [Buffer.alloc(255)]).length, 256, 'the limit is what the field holds')
  t.throws(() => written(byte, [Buffer.alloc(256)]), { code: 'RIVULET_MESSAGE_TOO_LARGE' })
  t.equal(written(lengthPrefixed({ width: 2, adjustment: -2 }), [Buffer.alloc(65_533)]).length, 65_535)
})
