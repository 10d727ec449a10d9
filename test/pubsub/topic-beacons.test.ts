/** When topics send beacons: after the last message of a burst, then rarer, then never; in pieces of bounded work. */
import t from 'tap'
import { type Beaconed, TopicBeacons, unused } from '../../patterns/pubsub/topic-beacons.js'
import { VirtualClock } from '../support/virtual-clock.js'

interface Named extends Beaconed {
  readonly name: string
}

function world() {
  const clock = new VirtualClock()
  const start = clock.now()
  const sent: { name: string; at: number }[] = []
  const turns: (() => void)[] = []
  const beacons = new TopicBeacons<Named>({
    clock,
    nextTurn: (callback) => void turns.push(callback),
    send: ({ name }) => void sent.push({ name, at: clock.now() - start }),
  })
  const topic = (name: string): Named => ({ name, usedIn: unused })
  const times = (name: string) => sent.filter((one) => one.name === name).map(({ at }) => at)
  /** Lets a turn pass. */
  const turn = () => {
    for (const callback of turns.splice(0)) callback()
  }
  return { clock, beacons, sent, topic, times, turn, turns }
}

t.test('a burst has one beacon within 500 ms, further ones with doubling pauses, and no end of traffic', async (t) => {
  const { clock, beacons, topic, times } = world()
  const one = topic('one')
  beacons.used(one)
  beacons.used(one)
  clock.advance(600_000)
  const [first = 0, ...rest] = times('one')
  t.ok(first > 0 && first <= 500)
  t.strictSame(
    rest.map((at, index) => at - ([first, ...rest][index] ?? 0)),
    [500, 1000, 2000, 4000, 8000, 16_000, 32_000],
  )
  t.equal(clock.timers, 0, 'nothing is left to do')
})

t.test('whenever a burst ends, its beacon leaves within 500 ms and not before 200', async (t) => {
  for (let offset = 0; offset < 400; offset += 23) {
    const { clock, beacons, topic, times } = world()
    const [one, other] = [topic('one'), topic('other')]
    beacons.used(other)
    clock.advance(offset)
    beacons.used(one)
    clock.advance(1000)
    const delay = (times('one')[0] ?? 0) - offset
    t.ok(delay >= 200 && delay <= 500, `${delay} ms`)
  }
})

t.test('a topic in use sends none', async (t) => {
  const { clock, beacons, topic, times } = world()
  const one = topic('one')
  for (let count = 0; count < 100; count++) {
    beacons.used(one)
    clock.advance(90)
  }
  t.strictSame(times('one'), [])
  clock.advance(500)
  t.equal(times('one').length, 1)
})

t.test('another burst begins again', async (t) => {
  const { clock, beacons, topic, times } = world()
  const one = topic('one')
  beacons.used(one)
  clock.advance(10_000)
  const before = times('one').length
  beacons.used(one)
  const begun = 10_000
  clock.advance(600_000)
  const after = times('one').slice(before)
  t.equal(after.length, 8)
  t.ok((after[0] ?? 0) - begun <= 500)
  t.equal((after[1] ?? 0) - (after[0] ?? 0), 500, 'the beacons of the burst before are given up')
})

t.test('thousands of topics: so many beacons a turn, and each topic has its own', async (t) => {
  const { clock, beacons, topic, sent, turn, turns } = world()
  const topics = Array.from({ length: 5000 }, (_, at) => topic(`${at}`))
  for (const one of topics) beacons.used(one)
  clock.advance(450)
  t.equal(sent.length, 64)
  for (let at = 0; turns.length > 0; at++) {
    const before = sent.length
    turn()
    t.ok(sent.length - before <= 64)
    if (at === 10) beacons.used(topics[4999] as Named)
  }
  t.equal(sent.length, 4999, 'one is in use again meanwhile')
  t.equal(new Set(sent.map(({ name }) => name)).size, 4999)
})

t.test('more topics than are remembered: each has its first beacon', async (t) => {
  const { clock, beacons, topic, sent, turn, turns } = world()
  for (let at = 0; at < 70_000; at++) beacons.used(topic(`${at}`))
  clock.advance(450)
  while (turns.length > 0) turn()
  t.equal(sent.length, 70_000)
  clock.advance(600)
  while (turns.length > 0) turn()
  t.equal(sent.length, 70_000 + 65_536)
})

t.test('closed beacons send nothing and leave no timer', async (t) => {
  const { clock, beacons, topic, sent, turn } = world()
  for (let at = 0; at < 100; at++) beacons.used(topic(`${at}`))
  clock.advance(450)
  t.equal(sent.length, 64)
  beacons.close()
  turn()
  beacons.used(topic('late'))
  clock.advance(600_000)
  t.equal(sent.length, 64)
  t.equal(clock.timers, 0)
})
