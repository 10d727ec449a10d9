/** Framings are exact for every cut of the stream, down to single bytes, and their outcome does not depend on the cuts. */

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { bytes, delimited, lengthPrefixed, lines } from '../../patterns/socket/index.js'
import type { Framing } from '../../patterns/socket/stream/framing.js'
import { run } from '../child-process.js'
import { python, withPackages } from '../support/system-packages.js'
import { cutAt, readAll, singleBytes, written } from './framed.js'

const cuts = fc.array(fc.nat(), { maxLength: 20 })
const blobs = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((values) => Buffer.from(values)),
  { maxLength: 12 },
)

/** Asserts that a framing gives back what it is given, however its bytes are cut. */
function roundTrip<T>(t: Test, framing: Framing<T, unknown>, messages: fc.Arbitrary<T[]>): void {
  fc.assert(
    fc.property(messages, cuts, (messages, places) => {
      const stream = written(framing, messages)
      for (const pieces of [[stream], cutAt(stream, places), singleBytes(stream)]) {
        const outcome = readAll(framing, pieces)
        const expected = messages.map((message) => comparable(message))
        const got = outcome.messages.map((message) => comparable(message))
        if (JSON.stringify(got) !== JSON.stringify(expected) || outcome.failure !== undefined) return false
      }
      return true
    }),
    { numRuns: 150 },
  )
  t.pass(framing.name)
}

const comparable = (message: unknown) => (Buffer.isBuffer(message) ? message.toString('hex') : message)

/** Asserts that what a framing makes of any bytes does not depend on how they are cut. */
function sameForEveryCut(t: Test, framing: Framing<never, unknown>, streams: fc.Arbitrary<Buffer>, most: number): void {
  fc.assert(
    fc.property(streams, cuts, (stream, places) => {
      const { messages, failure } = readAll(framing, [stream])
      return [cutAt(stream, places), singleBytes(stream)].every((pieces) => {
        const outcome = readAll(framing, pieces)
        const isSame = outcome.failure === failure && JSON.stringify(outcome.messages) === JSON.stringify(messages)
        return isSame && outcome.buffered <= most
      })
    }),
    { numRuns: 300 },
  )
  t.pass(framing.name)
}

/** Bytes of a small alphabet, so that ends of frames are frequent. */
const bytesOf = (...values: number[]) =>
  fc.array(fc.constantFrom(...values), { maxLength: 60 }).map((list) => Buffer.from(list))

const text = fc
  .string({ unit: fc.constantFrom('a', 'ä', '€', '𝄞', '\r', '\u2028', '\ufffd', ' ') })
  .filter((line) => !line.endsWith('\r'))

t.test('lines arrive as they were sent, for every cut', async (t) => {
  roundTrip(t, lines(), fc.array(text, { maxLength: 12 }))
  const latin1 = fc.string({ unit: fc.constantFrom('a', 'ä', 'ÿ', '\0') })
  roundTrip(t, lines({ encoding: 'latin1' }), fc.array(latin1, { maxLength: 12 }))
})

t.test('delimited frames arrive as they were sent, for every cut', async (t) => {
  for (const delimiter of ['\0', '\r\n', 'aab', 'aa']) {
    const mark = Buffer.from(delimiter)
    const free = blobs.map((list) => list.filter((blob) => Buffer.concat([blob, mark]).indexOf(mark) === blob.length))
    roundTrip(t, delimited(mark), free)
    const few = fc.array(bytesOf(97, 98, 13), { maxLength: 8 })
    const fewFree = few.map((list) => list.filter((blob) => Buffer.concat([blob, mark]).indexOf(mark) === blob.length))
    roundTrip(t, delimited(mark), fewFree)
  }
})

t.test('frames with a length arrive as they were sent, for every layout and cut', async (t) => {
  for (const width of [1, 2, 3, 4, 8]) {
    for (const endianness of ['big', 'little'] as const) {
      roundTrip(t, lengthPrefixed({ width, endianness }), blobs)
      roundTrip(t, lengthPrefixed({ width, endianness, adjustment: -width }), blobs)
      const padded = blobs.map((list) => list.map((blob) => Buffer.concat([Buffer.alloc(5, 7), blob])))
      roundTrip(t, lengthPrefixed({ width, endianness, offset: 3, adjustment: 2 }), padded)
    }
  }
})

t.test('bytes keep their order, for every cut', async (t) => {
  const joined = (list: readonly unknown[]) => Buffer.concat(list as Buffer[]).toString('hex')
  fc.assert(
    fc.property(blobs, cuts, (list, places) => {
      const stream = written(bytes(), list)
      const { messages } = readAll(bytes(), cutAt(stream, places))
      return joined(messages) === joined(list) && stream.equals(Buffer.concat(list))
    }),
  )
  t.pass()
})

t.test('what comes of any bytes, and of frames beyond the limit, does not depend on the cuts', async (t) => {
  sameForEveryCut(t, lines({ maxLineBytes: 5 }), bytesOf(10, 13, 97, 98, 0xc3, 0xa4), 256)
  sameForEveryCut(t, delimited(Buffer.from('aab'), { maxFrameBytes: 6 }), bytesOf(97, 98), 256)
  sameForEveryCut(t, delimited(Buffer.from('aa'), { maxFrameBytes: 4 }), bytesOf(97, 98), 256)
  sameForEveryCut(t, lengthPrefixed({ width: 1, maxFrameBytes: 5 }), bytesOf(0, 1, 3, 5, 6), 256)
  sameForEveryCut(t, lengthPrefixed({ width: 2, adjustment: -2, maxFrameBytes: 5 }), bytesOf(0, 1, 4, 7, 9), 256)
  sameForEveryCut(t, lengthPrefixed({ width: 1, offset: 2, adjustment: 1, maxFrameBytes: 9 }), bytesOf(0, 2, 6), 256)
})

t.test('lines are those of readline', async (t) => {
  const content = fc.array(fc.constantFrom('a', 'ä', '€', '\n', '\r\n', '\n\n', ''), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(content, cuts, async (parts, places) => {
      const stream = Buffer.from(`${parts.join('')}\n`)
      const expected: string[] = []
      const input = Readable.from(cutAt(stream, places), { objectMode: false })
      for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) expected.push(line)
      const { messages } = readAll(lines(), cutAt(stream, places))
      t.strictSame(messages, expected)
    }),
    { numRuns: 60 },
  )
})

/** Packs, with `struct`, what is given; unpacks with it what was written here. */
const struct = `
import json, struct, sys
given = json.load(sys.stdin)
answer = []
for case in given:
    mark = ('>' if case['endianness'] == 'big' else '<') + {1: 'B', 2: 'H', 4: 'I', 8: 'Q'}[case['width']]
    packed = b''.join(
        m[:case['offset']] + struct.pack(mark, len(m) - case['offset'] - case['adjustment']) + m[case['offset']:]
        for m in map(bytes.fromhex, case['messages']))
    stream, at, found = bytes.fromhex(case['stream']), 0, []
    while at < len(stream):
        begin = at + case['offset']
        (length,) = struct.unpack_from(mark, stream, begin)
        end = begin + case['width'] + length + case['adjustment']
        found.append((stream[at:begin] + stream[begin + case['width']:end]).hex())
        at = end
    answer.append({'packed': packed.hex(), 'found': found})
json.dump(answer, sys.stdout)
`

t.test("frames are those of Python's struct", withPackages(['python3']), async (t) => {
  const layouts = fc.sample(
    fc.record({
      width: fc.constantFrom(1, 2, 4, 8),
      endianness: fc.constantFrom('big' as const, 'little' as const),
      offset: fc.constantFrom(0, 1, 4),
      adjustment: fc.constantFrom(0, 3, -1),
      messages: blobs,
    }),
    { numRuns: 100, seed: 15 },
  )
  const cases = layouts.map(({ messages, ...layout }) => {
    const whole = messages.map((message) => Buffer.concat([Buffer.alloc(7, 1), message]))
    const framing = lengthPrefixed(layout)
    const hex = whole.map((message) => message.toString('hex'))
    return { ...layout, framing, messages: hex, stream: written(framing, whole).toString('hex') }
  })
  const options = { cwd: process.cwd(), timeoutMs: 60_000, input: JSON.stringify(cases) }
  const { code, stdout, stderr } = await run(python, ['-c', struct], options)
  t.equal(code, 0, stderr)
  const answers: { packed: string; found: string[] }[] = JSON.parse(stdout)
  t.equal(answers.length, cases.length)
  for (const [at, { packed, found }] of answers.entries()) {
    const { framing, messages, stream } = cases[at] as (typeof cases)[number]
    t.equal(packed, stream, 'written as struct packs it')
    t.strictSame(found, messages, 'struct unpacks what was written')
    const read = readAll(framing, singleBytes(Buffer.from(packed, 'hex')))
    t.strictSame(read.messages.map(comparable), messages, 'and what it packs is read')
  }
})
