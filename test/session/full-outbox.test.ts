/** A full outbox refuses items at little cost: a peer that reads nothing can make a side refuse very many. */
import t from 'tap'
import { firstPatternKind } from '../../src/session/item.js'
import { Sender } from '../../src/session/sender.js'
import { bytesItem } from '../../src/session/session-items.js'

const limits = { itemBytes: 65_536, windowBytes: 65_536, streamWindowBytes: 65_536, assemblyBytes: 262_144 }

t.test('the refusals of a full outbox are one error', async (t) => {
  const sender = new Sender(-1, limits, 1000, { stamp() {}, transmit() {}, onWritable() {} })
  const refusals = new Set<unknown>()
  for (let stream = 1; stream <= 100; stream++) {
    try {
      sender.send(stream, firstPatternKind, 0, bytesItem(Buffer.alloc(100)))
    } catch (error) {
      refusals.add(error)
    }
  }
  t.equal(refusals.size, 1)
  t.match([...refusals], [{ code: 'RIVULET_OUTBOX_FULL', retryable: true }])
})
