/** Link frames without a session: the numbers of the header, and every item behind it. */
import { decodeFailure } from '../../../src/avro/codec.js'
import { LinkHeader, readItems, readLinkNumbers } from '../../../src/wire/index.js'
import { frameKind, openPrelude } from '../../../src/wire/prelude.js'
import type { Random } from '../../simulation/random.js'
import { edge, mutateFrame, sealed, varint } from '../mutate.js'
import { outcomeOf, type Target } from '../target.js'

/** An item as bytes. */
export function itemBytes(stream: number, kind: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([varint(stream), varint(kind), varint(flags), varint(body.length), body])
}

/** Items as the array behind a header, in one block or in blocks of one, with or without sizes. */
export function itemArray(random: Random, items: readonly Buffer[]): Buffer {
  if (items.length === 0) return varint(0)
  if (random.chance(0.7)) return Buffer.concat([varint(items.length), ...items, varint(0)])
  const blocks = items.map((item) =>
    random.chance(0.5) ? Buffer.concat([varint(1), item]) : Buffer.concat([varint(-1), varint(item.length), item]),
  )
  return Buffer.concat([...blocks, varint(0)])
}

const header = { connection: 1, sequence: 5, acknowledged: 2 ** 40, time: 77, extensions: { x: Buffer.from('y') } }

/** Frames with items of every size. */
const originals = (random: Random): Buffer[] =>
  [0, 1, 3, 9].map((count) => {
    const items = Array.from({ length: count }, (_, index) =>
      itemBytes(index - 3, random.below(30), random.below(8), random.bytes(index * 9)),
    )
    return sealed(Buffer.concat([LinkHeader.encode(header), itemArray(random, items)]), frameKind.link)
  })

/** Link frames. */
export const linkFrames: Target = {
  codes: ['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_DECODE_FAILED'],
  share: 200_000,
  begin: (random) => {
    const frames = originals(random)
    return () => {
      const frame = mutateFrame(random, random.pick(frames), frames)
      const most = Number(edge(random))
      return outcomeOf(() => readAll(frame, most))
    }
  },
}

/** Reads a frame to its end, a few items at a time. */
function readAll(frame: Buffer, atOnce: number): void {
  openPrelude(frame, undefined)
  try {
    const cursor = { position: 0, left: 0 }
    readLinkNumbers(frame, cursor, { connection: 0, sequence: 0, acknowledged: 0, time: 0 })
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
    let taken = 0
    const taker = {
      takeItem: (
        _stream: number,
        _kind: number,
        _flags: number,
        _b: Buffer,
        _v: DataView,
        start: number,
        end: number,
      ) => {
        if (start < 0 || end < start || end > frame.length) throw new Error('a body is beyond its frame')
        taken += 1
        return atOnce < 1 || taken % atOnce !== 0
      },
    }
    while (!readItems(frame, view, cursor, taker));
    if (taken > frame.length) throw new Error('there are more items than bytes')
  } catch (cause) {
    if (cause instanceof Error) throw cause
    throw decodeFailure(cause, 'a link frame')
  }
}
