/** What a hub remembers of answers is bounded, whatever those above it answer. */
import t from 'tap'
import { type AnsweringLink, HubAnswers } from '../../patterns/pubsub/hub-answers.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'

function aLink(): AnsweringLink {
  return {
    isAwaited: true,
    isLinked: true,
    isCut: false,
    answered: new Map(),
    present: new Set(),
    readiness: { subscribed: () => 1, wait: () => ({ promise: new Promise(() => {}), forget() {} }) },
    hasAnswered: () => false,
  }
}

t.test('of endless sources that answer, the last ones are remembered', async (t) => {
  const link = aLink()
  const answers = new HubAnswers({ clock: new VirtualClock(), links: () => [link], answer() {}, kept: () => [] })
  for (let n = 0; n < 10_000; n++) answers.served(link, `${n}`, 0, 1, 'kept')
  t.equal(link.answered.size, 4096)
  t.ok(link.answered.has('9999'))
  t.notOk(link.answered.has('0'))
  t.equal(link.present.size, 4096)
  answers.close()
})

t.test('who answers again after a connection has ended is not new, who does not is lost', async (t) => {
  const link = aLink()
  const given: string[] = []
  const kept = [{ source: 'kept', position: 7 }]
  const answers = new HubAnswers({
    clock: new VirtualClock(),
    links: () => [link],
    answer: ({ inbox, source, role }) => void given.push(`${inbox} ${source} ${role}`),
    kept: () => kept,
  })
  answers.requested(Buffer.from('one'), Buffer.from('nonce'))
  await turn()
  for (const source of ['stays', 'kept']) answers.served(link, source, 5, 1, 'publisher')
  t.strictSame(given.splice(0), ['one stays publisher', 'one kept publisher'])
  link.present.clear() // as at the end of a connection
  answers.served(link, 'stays', 5, 1, 'publisher')
  t.strictSame(given, [])
  answers.lost('kept')
  t.strictSame(given.splice(0), ['one kept left'])
  answers.served(link, 'kept', 9, 1, 'publisher')
  t.strictSame(given.splice(0), ['one kept publisher'], 'it is back')
  answers.close()
})
