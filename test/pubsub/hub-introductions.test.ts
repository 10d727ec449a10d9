/** A hub announces schemas to new subscribers, with numbers that are those of the publisher. */
import t from 'tap'
import { HubInterest } from '../../patterns/pubsub/hub-interest.js'
import { HubIntroductions } from '../../patterns/pubsub/hub-introductions.js'
import { openDataFrame, writeIntroduction } from '../../src/wire/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

const part = Buffer.from('a.b.')
const prefix = Buffer.from('a.')

t.test('what was forwarded before a topic was left is not announced', async (t) => {
  const interest = new HubInterest()
  const sent: number[] = []
  const introductions = new HubIntroductions({
    clock: new VirtualClock(),
    announceMs: 1000,
    isWanted: (...topic) => interest.isWanted(...topic),
    send: (topic, frame) => sent.push(openDataFrame(frame, topic, 1_000_000).header.sequence),
  })
  const header = { fingerprint: Buffer.alloc(8, 1), schemaId: Buffer.alloc(16, 2), source: Buffer.alloc(8, 3), time: 0 }
  const bytes = writeIntroduction({ ...header, writerSchema: '"long"', sequence: 5, position: 9, previous: 8 }, part)
  const frame = openDataFrame(bytes, part, 1_000_000)
  const subscribe = async (subscribed: boolean) => {
    interest.change(subscribed, prefix)
    if (subscribed) introductions.subscribed(prefix)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await subscribe(true)
  introductions.forwarded('one', frame, '"long"', interest.changes)
  await subscribe(true)
  t.strictSame(sent, [5], 'a second subscriber')
  await subscribe(false)
  await subscribe(false)
  await subscribe(true)
  t.strictSame(sent, [5], 'more may have left since, which its publisher announces')
  introductions.forwarded('one', frame, '"long"', interest.changes)
  await subscribe(true)
  t.strictSame(sent, [5, 5])
  introductions.close()
})
