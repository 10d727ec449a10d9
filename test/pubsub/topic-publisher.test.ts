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

/** A topic with an outbox that has no transport yet, and what its history is asked. */
function heldTopic(overflow: 'drop-oldest' | 'block' = 'drop-oldest') {
  const clock = new VirtualClock()
  const outbox = new Outbox(1000)
  const asked: string[] = []
  const outgoing = new Outgoing({
    overflow,
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
    numbers: { sequence: 1, previous: 0, time: 0 },
    outgoing,
    outbox: () => outbox,
    maxBatchMessages: 1,
    maxMessageBytes: 1000,
    subscribed: () => true,
    used: () => {},
    checkOpen: () => {},
    history: {
      isKept: false,
      retain() {},
      keep: (_, __, { header }) => void asked.push(`${header.extensions ? 'retain' : 'keep'} ${header.sequence}`),
      clear: () => void asked.push('clear'),
    },
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
  return { clock, outbox, topic, flow, asked, sentFrames: () => frames }
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

t.test('a value that is retained and cleared in one turn is cleared, also one that waits for room', async (t) => {
  const { outbox, topic, flow, asked } = heldTopic('block')
  void topic.retain({ id: 1 })
  topic.clear()
  t.strictSame(asked.splice(0), ['retain 1', 'clear'])
  while (!outbox.isFull()) {
    void topic.send({ id: 0 })
    await turn()
  }
  asked.splice(0)
  const waiting = [topic.retain({ id: 2 }), topic.retain({ id: 3 })]
  topic.clear()
  waiting.push(topic.retain({ id: 4 }))
  t.strictSame(asked, [])
  let left = waiting.length
  for (const one of waiting) void one.then(() => left--)
  while (left > 0) await flow()
  t.strictSame(
    asked.map((text) => text.replace(/ \d+/, '')),
    ['retain', 'clear', 'retain', 'clear', 'retain'],
  )
})
