/** One timer for all deadlines: it costs no queue, and is set anew only when it must be. */

import t from 'tap'
import { DeadlineSweep } from '../../src/clock/index.js'
import { sweepLate } from '../../src/lifecycle/index.js'
import { turn } from '../support/events.js'
import { burn } from '../support/turns.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** Deadlines under a sweep, and how often it looked and set its timer. */
class Swept {
  readonly clock = new VirtualClock()
  readonly open = new Set<number>()
  readonly ended: number[] = []
  sweeps = 0
  armed = 0
  readonly sweep: DeadlineSweep

  constructor() {
    const { clock } = this
    const counting = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (callback: () => void, delayMs: number) => {
        this.armed += 1
        return clock.setTimer(callback, delayMs)
      },
    }
    this.sweep = new DeadlineSweep(counting, (now) => {
      this.sweeps += 1
      for (const deadline of this.open) {
        if (deadline > now) continue
        this.open.delete(deadline)
        this.ended.push(deadline)
      }
      return Math.min(Number.POSITIVE_INFINITY, ...this.open)
    })
  }

  add(deadline: number): void {
    this.open.add(deadline)
    this.sweep.watch(deadline)
  }
}

t.test('each ends at its time', async (t) => {
  const swept = new Swept()
  const start = swept.clock.now()
  for (const delay of [500, 100, 300, 100.5]) swept.add(start + delay)
  t.equal(swept.clock.timers, 1)
  swept.clock.advance(99)
  t.strictSame(swept.ended, [])
  swept.clock.advance(1)
  t.strictSame(swept.ended, [start + 100])
  swept.clock.advance(1000)
  t.strictSame(
    swept.ended,
    [100, 100.5, 300, 500].map((delay) => start + delay),
  )
  t.equal(swept.clock.timers, 0, 'an idle sweep has no timer')
  swept.add(swept.clock.now() + 5)
  swept.clock.advance(5)
  t.equal(swept.ended.length, 5, 'and begins again')
})

t.test('hundreds of thousands of calls that are over long before cost two timers a period', async (t) => {
  const swept = new Swept()
  for (let ms = 0; ms < 60_000; ms++) {
    for (let i = 0; i < 10; i++) {
      const deadline = swept.clock.now() + 30_000 + i / 16
      swept.add(deadline)
      swept.open.delete(deadline)
    }
    swept.clock.advance(1)
  }
  t.ok(swept.armed <= 3, `${swept.armed} timers`)
  t.ok(swept.sweeps <= 2)
  t.ok(swept.clock.timers <= 1)
})

t.test('a deadline beyond what a timer can wait for', async (t) => {
  const swept = new Swept()
  const deadline = swept.clock.now() + 3_000_000_000
  swept.add(deadline)
  swept.clock.advance(2_900_000_000)
  t.strictSame(swept.ended, [])
  swept.clock.advance(100_000_000)
  t.strictSame(swept.ended, [deadline])
})

t.test('stopping takes the timer back', async (t) => {
  const swept = new Swept()
  swept.add(swept.clock.now() + 10)
  swept.sweep.stop()
  t.equal(swept.clock.timers, 0)
  swept.clock.advance(20)
  t.strictSame(swept.ended, [])
  swept.add(swept.clock.now() - 1)
  swept.clock.advance(0)
  t.equal(swept.ended.length, 2, 'what is late already ends at once')
})

t.test('the late ones end in the order of their deadlines, whatever the order in which they came', async (t) => {
  await turn()
  const ended: number[] = []
  const list = [40, 10, 70, 30, 20, 60].map((deadline) => ({ deadline }))
  t.equal(
    sweepLate(list, 40, ({ deadline }) => ended.push(deadline)),
    60,
  )
  t.strictSame(ended, [10, 20, 30, 40])
  t.equal(
    sweepLate(list.slice(0, 2), 40, () => {}),
    Number.POSITIVE_INFINITY,
  )
})

t.test('more than one turn takes: the rest is due at once', async (t) => {
  await turn()
  const ended: number[] = []
  let open = Array.from({ length: 200 }, (_, index) => ({ deadline: 200 - index }))
  const end = (one: { deadline: number }) => {
    burn(0.5)
    open = open.filter((other) => other !== one)
    ended.push(one.deadline)
  }
  let sweeps = 0
  for (let next = 0; next !== Number.POSITIVE_INFINITY; sweeps++) {
    next = sweepLate(open, 300, end)
    await turn()
  }
  t.ok(sweeps >= 2, `${sweeps} turns`)
  t.strictSame(
    ended,
    Array.from({ length: 200 }, (_, index) => index + 1),
  )
})
