/** What subscriptions cost, from what the library reports and counts. */
import t from 'tap'
import { SubscriptionCost } from '../../patterns/pubsub/subscription-cost.js'

/** A library that counts prefixes as libzmq 4.3.5 does, and its cost. */
function library() {
  const cost = new SubscriptionCost()
  let counted = 0
  return {
    cost,
    /** A peer subscribes to a prefix; `first` if nobody else has. */
    subscribe(prefix: Buffer, first = true): void {
      if (first) counted += 1
      cost.count(true, prefix)
    },
    /** A peer cancels its subscription; `last` if nobody else has it. */
    cancel(prefix: Buffer, last = true): void {
      if (last) counted -= 1
      cost.count(false, prefix)
    },
    /** A peer leaves, or one cancels what it has not subscribed: reported in the same way, and not counted off. */
    report: (prefix: Buffer) => cost.count(false, prefix),
    total: () => cost.total(counted),
    empty: () => cost.noSubscriber(counted),
  }
}

const prefix = (id: number, bytes = 17) => Buffer.from(String(id).padStart(bytes, '0'))

t.test('prefixes and their subscribers are added up, and taken off when they are cancelled', async (t) => {
  const { subscribe, cancel, total } = library()
  subscribe(prefix(1))
  subscribe(prefix(2, 100))
  t.equal(total(), 17 + 15 + 100 + 15)
  subscribe(prefix(1), false)
  t.equal(total(), 17 + 15 + 100 + 15 + 1)
  cancel(prefix(1), false)
  cancel(prefix(2, 100))
  t.equal(total(), 17 + 15)
  cancel(prefix(1))
  t.equal(total(), 0)
})

t.test('prefixes that differ in bytes which are no UTF-8 are different', async (t) => {
  const { subscribe, total } = library()
  subscribe(Buffer.of(0xfe))
  subscribe(Buffer.of(0xff))
  t.equal(total(), 2 * (1 + 15))
})

t.test('what another peer cancels, or one that has left had, counts until it is certain that it is gone', async (t) => {
  const { subscribe, report, total, empty } = library()
  for (let id = 0; id < 100; id++) subscribe(prefix(id, 497))
  for (let id = 0; id < 100; id++) report(prefix(id, 497))
  t.equal(total(), 100 * 512)
  // nobody can hide them behind small ones
  for (let id = 0; id < 100; id++) subscribe(prefix(id))
  t.equal(total(), 100 * 512 + 100 * 32)
  for (let id = 0; id < 100; id++) report(prefix(id))
  t.equal(total(), 100 * 512 + 100 * 32)
  empty()
  t.equal(total(), 0, 'nobody is connected: all are gone')
  subscribe(prefix(1))
  t.equal(total(), 32)
  // what nobody has is still reported
  empty()
  report(prefix(1))
  subscribe(prefix(2))
  t.equal(total(), 32)
})

t.test('prefixes that the library has taken in and not reported count as the others do', async (t) => {
  const cost = new SubscriptionCost()
  cost.count(true, prefix(1, 85))
  cost.count(true, prefix(2, 85))
  t.equal(cost.total(10), 10 * 100)
})

t.test('a report of what was never subscribed changes nothing', async (t) => {
  const { report, total } = library()
  report(prefix(1))
  t.equal(total(), 0)
})
