/** Replays share what they take of each turn: bounded, fair between links, repairs first, and nobody waits for one that sleeps. */
import t from 'tap'
import { ReplayTurns } from '../../patterns/pubsub/replay-turns.js'
import { VirtualClock } from '../support/virtual-clock.js'

const bounds = { turnBytes: 100, partBytes: 50, most: 2, mostOfLink: 1, idleMs: 500 }

/** Turns of an event loop that a test lets pass, and replays that take whenever they may. */
class Loop {
  readonly clock = new VirtualClock()
  readonly turns: ReplayTurns
  readonly taken: string[] = []
  #next: (() => void)[] = []

  constructor(changes: Partial<typeof bounds> = {}) {
    this.turns = new ReplayTurns(
      { clock: this.clock, nextTurn: (callback) => void this.#next.push(callback) },
      { ...bounds, ...changes },
    )
  }

  /** Lets a turn pass; returns who took something in it. */
  pass(): string {
    const next = this.#next
    this.#next = []
    for (const callback of next) callback()
    return this.taken.splice(0).join(' ')
  }

  /** Adds a replay of so many parts, which takes as long as it is awake. */
  add(name: string, link: string, { isShort = false, parts = 1000 } = {}) {
    let left = parts
    const replay = { isAsleep: false, wake: () => {} }
    const take = () => {
      while (!replay.isAsleep) {
        const bytes = turn.ask()
        if (bytes === 0) return
        if (left === 0) {
          turn.leave()
          return
        }
        left -= 1
        this.taken.push(name)
        turn.took(bytes)
      }
    }
    const turn = this.turns.add(link, isShort, take)
    replay.wake = () => {
      replay.isAsleep = false
      take()
    }
    take()
    return replay
  }
}

t.test('a lone replay begins at once, and takes so much of each turn', async (t) => {
  const loop = new Loop()
  loop.add('a', 'A', { parts: 5 })
  t.strictSame(loop.taken.splice(0), ['a', 'a'])
  t.equal(loop.pass(), 'a a')
  t.equal(loop.pass(), 'a')
  t.equal(loop.turns.placed, 0)
  t.equal(loop.pass(), '')
})

t.test('links take turns, and so many replays are served at a time', async (t) => {
  const loop = new Loop()
  loop.add('a', 'A', { parts: 6 })
  loop.add('b', 'B', { parts: 6 })
  loop.add('c', 'C', { parts: 2 })
  t.strictSame([loop.turns.placed, loop.turns.waiting], [2, 1])
  t.strictSame(loop.taken.splice(0), ['a', 'a'])
  t.equal(loop.pass(), 'a b')
  for (let turn = 0; turn < 4; turn++) t.match(loop.pass(), /^(a b|b a|b)$/)
  let rest = ''
  for (let turn = 0; turn < 6; turn++) rest += loop.pass()
  t.equal(rest.replaceAll(/[ab ]/g, ''), 'cc')
  t.equal(loop.turns.placed + loop.turns.waiting, 0)
})

t.test('a link has so many places', async (t) => {
  const loop = new Loop()
  loop.add('a1', 'A')
  loop.add('a2', 'A')
  loop.add('b', 'B')
  t.strictSame([loop.turns.placed, loop.turns.waiting], [2, 1])
  loop.pass()
  t.equal(loop.pass().includes('b'), true, 'another link does not wait for it')
})

t.test('repairs go before late subscribers, which still have their part', async (t) => {
  const loop = new Loop({ turnBytes: 400 })
  loop.add('long', 'A')
  loop.pass()
  loop.add('short', 'B', { isShort: true })
  const taken = loop.pass().split(' ')
  t.equal(taken[0], 'short')
  t.ok(taken.includes('long'))
  t.ok(taken.filter((one) => one === 'short').length > taken.filter((one) => one === 'long').length)
})

t.test('a replay whose link takes nothing gives its place to one that waits, and gets one again', async (t) => {
  const loop = new Loop({ most: 1 })
  const sleeping = loop.add('a', 'A')
  loop.pass()
  sleeping.isAsleep = true
  loop.pass()
  loop.add('b', 'B', { parts: 1 })
  t.equal(loop.pass(), '')
  loop.clock.advance(499)
  t.equal(loop.pass(), '', 'it keeps its place for a while')
  loop.clock.advance(1000)
  t.match(loop.pass(), /b/)
  sleeping.wake()
  t.equal(loop.turns.placed + loop.turns.waiting, 1)
  t.match(loop.pass() + loop.pass(), /a/)
  loop.turns.close()
})

t.test('a turn that sleeps with bytes that it was granted loses them with its place', async (t) => {
  const loop = new Loop({ most: 1 })
  const sleeping = loop.add('a', 'A')
  sleeping.isAsleep = true
  loop.pass() // it is granted a part, and takes none
  loop.clock.advance(600)
  loop.add('b', 'B')
  t.match(loop.pass(), /b/)
  sleeping.wake()
  t.strictSame([loop.turns.placed, loop.turns.waiting], [1, 1])
})
