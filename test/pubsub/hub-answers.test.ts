/** What a hub answers for the sources above it, and that what it remembers of them is bounded, whatever they answer. */
import t from 'tap'
import { type AnsweringLink, HubAnswers } from '../../patterns/pubsub/hub-answers.js'
import { VirtualClock } from '../support/virtual-clock.js'

function linkOf(): AnsweringLink {
  return {
    isAwaited: true,
    isLinked: true,
    isCut: false,
    answered: new Map(),
    readiness: { subscribed: () => 1, wait: () => ({ promise: new Promise(() => {}), forget() {} }) },
    hasAnswered: () => false,
  }
}

t.test('of endless sources that answer, the last ones are remembered', async (t) => {
  const link = linkOf()
  const answers = new HubAnswers({ clock: new VirtualClock(), links: () => [link], answer() {}, kept: () => [] })
  for (let n = 0; n < 10_000; n++) answers.served(link, `${n}`, 0, 1, 'kept')
  t.equal(link.answered.size, 4096)
  t.ok(link.answered.has('9999'))
  t.notOk(link.answered.has('0'))
  answers.close()
})

t.test('a publisher that a hub above keeps, and that is there again, is answered for once more', async (t) => {
  const link = linkOf()
  const answered: string[] = []
  const answers = new HubAnswers({
    clock: new VirtualClock(),
    links: () => [link],
    answer: ({ role, position }) => answered.push(`${role} ${position}`),
    kept: () => [],
  })
  answers.requested(Buffer.from([0, 1]), Buffer.alloc(16, 1))
  answers.served(link, 'ab', 7, 1, 'kept')
  answers.served(link, 'ab', 7, 1, 'kept')
  answers.served(link, 'ab', 8, 1, 'behind')
  answers.served(link, 'ab', 8, 1, 'behind')
  answers.served(link, 'ab', 8, 1, 'kept')
  t.strictSame(answered, ['kept 7', 'publisher 8'])
  answers.close()
})

t.test(
  'a publisher that was taken for present when a subscriber asked, and has left, is answered for as kept',
  async (t) => {
    const link = {
      ...linkOf(),
      readiness: { subscribed: () => 1, wait: () => ({ promise: Promise.resolve(), forget() {} }) },
    }
    const answered: string[] = []
    const answers = new HubAnswers({
      clock: new VirtualClock(),
      links: () => [link],
      answer: ({ role, position }) => answered.push(`${role} ${position}`),
      kept: () => [{ source: 'ab', position: 7 }],
    })
    answers.served(link, 'ab', 7, 1, 'publisher')
    answers.requested(Buffer.from([0, 1]), Buffer.alloc(16, 1))
    await new Promise((resolve) => setImmediate(resolve))
    t.strictSame(answered, ['ready 0'])
    answers.lost('ab')
    t.strictSame(answered, ['ready 0', 'left 0', 'kept 7'])
    answers.close()
  },
)
