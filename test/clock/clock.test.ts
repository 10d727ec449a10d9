/** The clock of the machine, and the virtual one that the other tests trust. */

import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import { loader, moduleUrl, runModule } from '../child-process.js'
import { VirtualClock } from '../support/virtual-clock.js'

t.test('the system clock goes forward, knows the time of day, and fires its timers', async (t) => {
  const before = systemClock.now()
  await new Promise<void>((resolve) => {
    const keepAlive = setInterval(() => {}, 1000)
    systemClock.setTimer(() => {
      clearInterval(keepAlive)
      resolve()
    }, 2)
  })
  t.ok(systemClock.now() > before)
  t.ok(Math.abs(systemClock.wallNow() - Date.now()) < 1000)
  systemClock.setTimer(() => t.fail('it was taken back'), 0).cancel()
  await new Promise((resolve) => setTimeout(resolve, 2))
})

t.test('a waiting timer does not keep the process alive', async (t) => {
  const clock = moduleUrl('src/clock/clock.ts')
  const text = `const { systemClock } = await import(${JSON.stringify(clock)}); systemClock.setTimer(() => {}, 1e6)`
  t.match(await runModule(text, process.cwd(), ...loader), { code: 0, late: false })
})

t.test('virtual timers fire in order of time, then of setting, and never early', async (t) => {
  const clock = new VirtualClock()
  const fired: string[] = []
  clock.setTimer(() => fired.push('b'), 20)
  clock.setTimer(() => {
    fired.push('a')
    clock.setTimer(() => fired.push('a2'), 5)
  }, 10)
  clock.setTimer(() => fired.push('b2'), 20)
  clock.setTimer(() => fired.push('never'), 15).cancel()
  const start = clock.now()
  clock.advance(9)
  t.strictSame(fired, [])
  clock.advance(100)
  t.strictSame(fired, ['a', 'a2', 'b', 'b2'])
  t.equal(clock.now(), start + 109)
  t.equal(clock.timers, 0)
})
