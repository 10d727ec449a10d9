/** Waiting: every way a wait can end, and that it leaves neither timers nor listeners. */

import { getEventListeners } from 'node:events'
import t from 'tap'
import { systemClock } from '../../src/clock/index.js'
import { deferred, onAbort, waitFor } from '../../src/lifecycle/index.js'
import { VirtualClock } from '../support/virtual-clock.js'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

t.test('a promise that settles in time ends the wait as it does', async (t) => {
  const clock = new VirtualClock()
  const { signal } = new AbortController()
  t.equal(await waitFor('x', Promise.resolve(5), clock, { timeoutMs: 10, signal }), 5)
  const cause = new Error('no')
  await t.rejects(waitFor('x', Promise.reject(cause), clock, { timeoutMs: 10, signal }), cause)
  t.equal(clock.timers, 0)
  t.equal(listeners(signal), 0)
})

t.test('the time limit', async (t) => {
  const clock = new VirtualClock()
  const { signal } = new AbortController()
  const wait = waitFor('the subject', new Promise(() => {}), clock, { timeoutMs: 250, signal })
  wait.catch(() => {})
  clock.advance(249)
  t.equal(clock.timers, 1)
  clock.advance(1)
  await t.rejects(wait, { code: 'RIVULET_TIMEOUT', message: 'the subject: not within 250 ms' })
  t.equal(clock.timers, 0)
  t.equal(listeners(signal), 0)
})

t.test('the signal, before and while waiting', async (t) => {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const { signal } = controller
  const wait = waitFor('x', new Promise(() => {}), clock, { timeoutMs: 250, signal })
  controller.abort('enough')
  await t.rejects(wait, { code: 'RIVULET_ABORTED', cause: 'enough' })
  await t.rejects(waitFor('x', new Promise(() => {}), clock, { timeoutMs: 1, signal }), { code: 'RIVULET_ABORTED' })
  t.equal(clock.timers, 0)
  t.equal(listeners(signal), 0)
})

t.test('no limit, an endless one and one beyond what timers can take are for ever', async (t) => {
  const clock = new VirtualClock()
  for (const timeoutMs of [undefined, Number.POSITIVE_INFINITY, 3e9]) {
    const { promise, resolve } = deferred()
    const wait = waitFor('x', promise, clock, timeoutMs === undefined ? {} : { timeoutMs })
    t.equal(clock.timers, 0, 'no timer is set')
    resolve()
    await wait
  }
  const { promise, resolve } = deferred()
  const wait = waitFor('x', promise, systemClock, { timeoutMs: 2_147_483_647 })
  setTimeout(resolve, 5)
  await wait
})

t.test('onAbort calls once, at once if it is late, and can be taken back', async (t) => {
  let calls = 0
  const count = () => calls++
  const controller = new AbortController()
  onAbort(controller.signal, count)
  const forget = onAbort(controller.signal, () => calls++)
  forget()
  controller.abort()
  t.equal(calls, 1)
  onAbort(controller.signal, count)
  t.equal(calls, 2)
  onAbort(undefined, count)()
  t.equal(calls, 2)
})

t.test('a signal has one listener for all that wait, and none when they have left', async (t) => {
  const controller = new AbortController()
  const { signal } = controller
  const called: number[] = []
  const forget = Array.from({ length: 20 }, (_, index) => onAbort(signal, () => called.push(index)))
  t.equal(listeners(signal), 1)
  for (const index of [0, 7, 19]) forget[index]?.()
  controller.abort()
  t.equal(called.length, 17)
  t.strictSame(
    called,
    called.toSorted((one, other) => one - other),
  )
  for (const one of forget) one()
  t.equal(listeners(signal), 0)
  const another = new AbortController()
  onAbort(another.signal, () => {})()
  t.equal(listeners(another.signal), 0)
})

t.test('a deferred rejection that nobody waits for is not an error of the process', async (t) => {
  const { promise, reject } = deferred()
  reject(new Error('unseen'))
  await new Promise(setImmediate)
  await t.rejects(promise, { message: 'unseen' })
})
