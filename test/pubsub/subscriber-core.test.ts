/**
 * The core of a subscriber alone, in virtual time: what it does with answers as its connections come and go.
 */
import t, { type Test } from 'tap'
import { HistoryOffers } from '../../patterns/pubsub/history-offers.js'
import { SubscriberCore } from '../../patterns/pubsub/subscriber-core.js'
import { inboxMark } from '../../patterns/pubsub/topic-name.js'
import { frameKind, readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

const inbox = Buffer.alloc(17, inboxMark)
const source = Buffer.alloc(8, 0xaa)

/** A core, the requests that it has sent, and the publishers that it knows. */
function subscriber(t: Test) {
  const clock = new VirtualClock()
  const asked: Buffer[] = []
  const changes: string[] = []
  const unexpected = (error: Error) => t.fail(error.message)
  const ports = { clock, name: () => 'subscriber', reject: unexpected, report: unexpected }
  const links = { connect: () => [], dial: () => {}, bind: () => undefined, ask: () => core.readiness.ask() }
  const history = new HistoryOffers(
    { maxMessageBytes: 1000, heldBytes: 1000, repairTimeoutMs: 1000 },
    { ...ports, ...links },
  )
  const core: SubscriberCore = new SubscriberCore({
    ...ports,
    maxMessageBytes: 1000,
    inbox,
    history,
    isOpen: () => true,
    connected: () => 1,
    sendUp: (frame) => {
      if (frame[0] !== 1) asked.push(readRecordFrame(TopicRequest, frame, frameKind.request, undefined).nonce)
    },
    changed: () => {},
    newSchema: () => {},
  })
  core.publishers.subscribe(({ kind }) => changes.push(kind))
  core.open()
  t.teardown(() => {
    core.readiness.close()
    core.close()
  })
  const answer = (nonce = asked.at(-1) as Buffer) => {
    const time = new Date(clock.wallNow())
    const bytes = writeRecordFrame(TopicAnswer, { nonce, source, position: 0, time }, frameKind.answer, inbox)
    core.onFrame([inbox, bytes])
  }
  return { clock, core, asked, changes, answer }
}

t.test(
  'an answer that is read behind the end of its connection does not show that its publisher is there',
  async (t) => {
    const { clock, core, asked, changes, answer } = subscriber(t)
    core.linked()
    await turn()
    answer()
    t.strictSame(changes, ['joined'])
    core.readiness.ask()
    await turn()
    const before = asked.at(-1)
    core.unlinked()
    answer(before)
    await turn()
    t.not(asked.at(-1), before, 'it is asked again')
    for (let seconds = 0; seconds < 7; seconds++) {
      clock.advance(1000)
      await turn()
    }
    t.strictSame(changes, ['joined', 'suspected', 'left'])
  },
)

t.test('an answer to a request from behind the end of a connection shows that its publisher is there', async (t) => {
  const { clock, core, changes, answer } = subscriber(t)
  core.linked()
  await turn()
  answer()
  core.unlinked()
  await turn()
  answer()
  for (let seconds = 0; seconds < 7; seconds++) {
    clock.advance(1000)
    await turn()
  }
  t.strictSame(changes, ['joined'])
})

t.test('an answer over a link counts if its peer may use the source', async (t) => {
  const { core, asked, changes } = subscriber(t)
  core.linked()
  await turn()
  const answer = { nonce: asked.at(-1) as Buffer, source, position: 0, time: new Date() }
  const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
  const sources: string[] = []
  const check = (isAllowed: boolean) => (given: string) => {
    sources.push(given)
    return isAllowed
  }
  core.answered(bytes, new Map(), check(false))
  t.strictSame(changes, [])
  core.answered(bytes, new Map(), check(true))
  t.strictSame([changes, sources], [['joined'], ['aa'.repeat(8), 'aa'.repeat(8)]])
})

t.test('a core that is closed sets no timer, also when its connections end behind that', async (t) => {
  const { clock, core, answer } = subscriber(t)
  core.linked()
  await turn()
  answer()
  core.readiness.close()
  core.close()
  const before = clock.timers
  core.unlinked()
  t.equal(clock.timers, before)
})
