/** Packing messages for the host: sizes around every limit, refusals that leave no trace, checks that hold. */
import t from 'tap'
import { codecOf } from '../../src/avro/codec.js'
import { crc32 } from '../../src/checksum/index.js'
import { MessagePacker, type Packed } from '../../src/reliable-send/message-packer.js'
import { Tailed, tailed } from '../support/tailed.js'

const slab = 65_536

/** The messages of a batch, each held against its check. */
function messagesOf({ lengths, checks, bodies }: Packed) {
  let at = 0
  return lengths.map((length, index) => {
    const body = bodies.subarray(at, at + length)
    at += length
    if (crc32(body, 0, length) !== checks.readUInt32BE(4 * index)) throw new Error(`the check of message ${index}`)
    return Tailed.decode(body)
  })
}

t.test('messages up to the limit are packed, one beyond it is refused and leaves no trace', async (t) => {
  for (const max of [4000, slab - 10, slab, slab + 1, 4 * slab, 300_000]) {
    const packer = new MessagePacker(codecOf(Tailed), { maxMessageBytes: max, checks: true })
    const sizes = [4000, max - 64, max - 1, max, max].filter((size) => size >= 4000)
    let bytes = 0
    for (const size of sizes) {
      t.equal(packer.add(tailed(size)), size, `${size} of ${max}`)
      bytes += size
      for (const beyond of [max + 1, max + 63, max + 65, 5 * max]) {
        t.match(packer.add(tailed(beyond)), { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' })
      }
      t.match(packer.add({ ...tailed(4000), f: 0.5 }), { code: 'RIVULET_INVALID_MESSAGE' })
    }
    t.match(packer, { count: sizes.length, bytes })
    const packed = packer.cut()
    t.match(packer, { count: 0, bytes: 0 })
    packer.add(tailed(4001))
    t.same(messagesOf(packed), sizes.map(tailed), 'what comes later does not touch what was cut')
  }
})
