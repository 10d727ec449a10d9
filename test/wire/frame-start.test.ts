/** The start of frames that begin alike: the same bytes and the same checksum as of any other frame, worked out in parts. */
import t from 'tap'
import { FrameStart } from '../../src/wire/frame-start.js'
import { frameKind, openPrelude, preludeBytes, sealFrame } from '../../src/wire/prelude.js'

const constants = Buffer.from('0123456789abcdef0011223344556677', 'hex')
const start = new FrameStart(frameKind.datagram, constants)

/** A frame of this start with so many bytes behind it, at a place within its buffer. */
function frameOf(bytes: number, from = 3): Buffer {
  const first = from + preludeBytes + constants.length
  const buffer = Buffer.from(Array.from({ length: first + bytes + 5 }, (_, at) => (at * 151 + bytes) & 0xff))
  start.write(buffer, new DataView(buffer.buffer, buffer.byteOffset), from, first + bytes)
  return buffer.subarray(from, first + bytes)
}

t.test('a frame is the one that is sealed as a whole, of any size', async (t) => {
  for (let bytes = 0; bytes < 600; bytes++) {
    const frame = frameOf(bytes, bytes % 9)
    const sealed = Buffer.concat([
      Buffer.alloc(preludeBytes),
      constants,
      frame.subarray(preludeBytes + constants.length),
    ])
    sealFrame(sealed, frameKind.datagram, undefined)
    if (!frame.equals(sealed)) t.fail(`${bytes} bytes`)
    if (openPrelude(frame, undefined) !== frameKind.datagram) t.fail(`the kind of ${bytes} bytes`)
    if (!start.begins(sealed) || !start.matches(sealed)) t.fail(`${bytes} bytes are not opened`)
  }
})

t.test('any other first byte is another start, and any other byte behind it another checksum', async (t) => {
  const frame = frameOf(40)
  for (let at = 0; at < frame.length; at++) {
    const changed = Buffer.from(frame)
    changed[at] = (changed[at] as number) ^ 1
    const isCheck = at >= 4 && at < preludeBytes
    t.equal(start.begins(changed), isCheck || at >= preludeBytes + constants.length, `byte ${at} begins`)
    if (start.begins(changed)) t.equal(start.matches(changed), false, `byte ${at} matches`)
  }
  const short = frame.subarray(0, preludeBytes + constants.length - 1)
  t.equal(start.begins(short), false, 'one that ends within')
})
