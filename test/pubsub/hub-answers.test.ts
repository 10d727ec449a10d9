/** What a hub remembers of answers is bounded, whatever those above it answer. */
import t from 'tap'
import { type AnsweringLink, HubAnswers } from '../../patterns/pubsub/hub-answers.js'
import { VirtualClock } from '../support/virtual-clock.js'

t.test('of endless sources that answer, the last ones are remembered', async (t) => {
  const link: AnsweringLink = {
    isAwaited: true,
    isLinked: true,
    isCut: false,
    answered: new Map(),
    readiness: { subscribed: () => 1, wait: () => ({ promise: new Promise(() => {}), forget() {} }) },
    hasAnswered: () => false,
  }
  const answers = new HubAnswers({ clock: new VirtualClock(), links: () => [link], answer() {}, kept: () => [] })
  for (let n = 0; n < 10_000; n++) answers.served(link, `${n}`, 0, 1, 'kept')
  t.equal(link.answered.size, 4096)
  t.ok(link.answered.has('9999'))
  t.notOk(link.answered.has('0'))
  answers.close()
})
