/** One topic of a publisher while nothing leaves: what tells its schema does not gather. */
import t from 'tap'
import { topicPart } from '../../patterns/pubsub/topic-name.js'
import { PublishedTopic } from '../../patterns/pubsub/topic-publisher.js'
import { codecOf } from '../../src/avro/codec.js'
import { Outbox } from '../../src/socket/index.js'
import { Outgoing } from '../../src/stream/index.js'
import { Origin } from '../../src/wire/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { New } from './schemas.js'

const announceMs = 1000

/** A topic with an outbox that has no transport yet. */
function heldTopic() {
  const clock = new VirtualClock()
  const outbox = new Outbox(1000)
  const outgoing = new Outgoing({
    overflow: 'drop-oldest',
    queue: () => outbox,
    name: () => 'a publisher',
    isOpen: () => true,
    onClosing: () => () => {},
    report: () => {},
  })
  const topic = new PublishedTopic({
    name: 'a',
    part: topicPart('a'),
    codec: codecOf(New),
    origin: new Origin(clock, announceMs),
    numbers: { sequence: 1, previous: 0 },
    outgoing,
    outbox: () => outbox,
    maxBatchMessages: 1,
    maxMessageBytes: 1000,
    subscribed: () => true,
    used: () => {},
    checkOpen: () => {},
    history: { isKept: false, retain() {}, keep: () => undefined, clear: () => undefined },
  })
  let frames = 0
  const flow = async () => {
    const send = async () => {
      frames += 1
      return undefined
    }
    outbox.attach({ send, failed: (error) => t.fail(error.message) })
    await outbox.whenEmpty()
    outbox.attach(undefined)
  }
  return { clock, outbox, topic, flow, sentFrames: () => frames }
}

t.test('new subscribers share the frame that tells them the schema', async (t) => {
  const { outbox, topic, flow, sentFrames } = heldTopic()
  topic.next({ id: 1 })
  topic.next({ id: 2 })
  await turn()
  t.equal(outbox.waiting, 2)
  for (let count = 0; count < 100; count++) topic.introduce()
  t.equal(outbox.waiting, 3)
  await flow()
  t.equal(sentFrames(), 3)
  topic.introduce()
  t.equal(outbox.waiting, 1, 'what has left is made again')
})

t.test('frames with the schema that are dropped leave one in their place', async (t) => {
  const { clock, outbox, topic, flow, sentFrames } = heldTopic()
  for (let second = 0; second < 100; second++) {
    for (let id = 0; id < 20; id++) topic.next({ id })
    clock.advance(announceMs)
  }
  t.equal(outbox.introductions, 1)
  const { waiting } = outbox
  await flow()
  t.equal(sentFrames(), waiting)
  for (let id = 0; id < 40; id++) topic.next({ id })
  t.equal(outbox.introductions, 1, 'what has left is made again')
})
