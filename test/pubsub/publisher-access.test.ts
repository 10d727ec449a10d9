/** What publishers under a policy may bring, and which peers of a socket are none that can be followed: the machines alone. */
import t from 'tap'
import { PlainPublishers } from '../../patterns/pubsub/plain-publishers.js'
import { PublisherAccesses } from '../../patterns/pubsub/publisher-access.js'
import type { PeerInfo } from '../../src/session/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** The peer of a link, with a key of a name. */
const peer = (name: string, key = name): PeerInfo => ({
  id: `${name}${key}`,
  identity: { name, publicKey: key },
  dialed: undefined,
})

function accesses() {
  const events: string[] = []
  const all = new PublisherAccesses(() => ({
    permits: (identity, action, target) => {
      const isAllowed = target.startsWith('ticks')
      if (!isAllowed) events.push(`${identity?.name} ${action} ${target}`)
      return isAllowed
    },
    allows: () => true,
    note: ({ identity, reason, target }) => void events.push(`${identity?.name} ${reason} ${target}`),
  }))
  return { all, events }
}

t.test('a topic is asked for once if it is allowed, and each time if not', async (t) => {
  const { all, events } = accesses()
  const alice = all.open(peer('alice'))
  t.strictSame([alice.isAdmitted, alice.admits('news'), alice.isAdmitted], [false, false, false])
  t.notOk(alice.admits('news'))
  t.strictSame([alice.admits('ticks.a'), alice.isAdmitted], [true, true])
  t.strictSame(events, ['alice publish news', 'alice publish news'])
})

t.test('a source is that of the identity that brought it, until its last link ends', async (t) => {
  const { all, events } = accesses()
  const alice = all.open(peer('alice'))
  const again = all.open(peer('alice', 'another key'))
  const bob = all.open(peer('bob'))
  t.ok(bob.owns('a') && alice.brings('a', 'ticks.a'))
  t.ok(again.claims('a') && again.owns('a'), 'one name may have several keys')
  t.strictSame([bob.owns('a'), bob.claims('a'), bob.brings('a', 'ticks.a')], [false, false, false])
  t.strictSame(events, ['bob publish ticks.a'])
  alice.close()
  alice.close()
  t.notOk(bob.claims('a'))
  again.close()
  t.ok(bob.claims('a'))
  const third = all.open(peer('alice'))
  t.notOk(third.claims('a'))
})

t.test('one identity has so many sources', async (t) => {
  const { all } = accesses()
  const [alice, bob] = [all.open(peer('alice')), all.open(peer('bob'))]
  for (let source = 0; source < 16_384; source++) alice.claims(`${source}`)
  t.strictSame([alice.claims('more'), alice.claims('0'), bob.claims('more')], [false, true, true])
})

t.test('without links that know a policy, nobody may publish', async (t) => {
  const alice = new PublisherAccesses(() => undefined).open(peer('alice'))
  t.strictSame([alice.admits('ticks'), alice.brings('a', 'ticks')], [false, true])
})

t.test('connections without a publisher that can be followed', async (t) => {
  const clock = new VirtualClock()
  const reports: string[] = []
  let accepted = 0
  let isReading = true
  const plain = new PlainPublishers({
    clock,
    accepted: () => accepted,
    isReading: () => isReading,
    denied: (count, topic) => reports.push(`${count} ${topic ?? ''}`),
  })
  const connections = (count: number) => {
    const ended = count < accepted
    accepted = count
    plain.changed(ended)
  }
  const expect = (expected: string[], text: string, ms = 1500) => {
    clock.advance(ms)
    t.strictSame(reports.splice(0), expected, text)
  }
  connections(2)
  plain.answered('a', 1)
  plain.answered('a', 2)
  plain.answered('a', 1)
  expect([], 'one publisher over both')
  connections(3)
  expect([], 'it may still answer', 1499)
  connections(4)
  expect([], 'others come meanwhile', 1499)
  expect(['2 '], 'it has not', 1)
  connections(5)
  plain.answered('b', 1)
  expect([], 'what was reported is not reported again')
  isReading = false
  connections(4)
  expect([], 'nothing is read', 10_000)
  isReading = true
  plain.answered('a', 2)
  plain.answered('b', 1)
  expect([], 'those that are left have answered again')
  connections(5)
  expect(['1 '], 'another one')
  plain.frame(Buffer.from('ticks.'))
  expect(['1 ticks.'], 'a frame')
  connections(6)
  plain.close()
  expect([], 'closed')
})
