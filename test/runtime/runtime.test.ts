/** Runtimes: what they hold, how they close, and the default one. */

import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { isClock, systemClock } from '../../src/clock/index.js'
import type { Closable, CloseOptions } from '../../src/lifecycle/index.js'
import { createRuntime, defaultRuntime, isRuntime } from '../../src/runtime/index.js'
import { Job } from '../support/job.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A child that closes when the test says so. */
function child() {
  const calls: (CloseOptions | undefined)[] = []
  let end = () => {}
  const resource = {
    close(options?: CloseOptions) {
      calls.push(options)
      return new Promise((resolve) => {
        end = () => resolve({ undelivered: 2 })
      })
    },
  } as unknown as Closable
  return { resource, calls, end: () => end() }
}

t.test('children are closed side by side, with the options, and their counts are added', async (t) => {
  const runtime = createRuntime()
  const children = [child(), child(), child()]
  for (const { resource } of children) runtime.adopt(resource)
  t.equal(runtime.size, 3)
  const closing = runtime.close({ drain: false })
  t.equal(runtime.status, 'closing')
  t.strictSame(
    children.map(({ calls }) => calls),
    [[{ drain: false }], [{ drain: false }], [{ drain: false }]],
    'all have begun before one has ended',
  )
  for (const { end } of children) end()
  t.strictSame(await closing, { undelivered: 6 })
  t.ok(runtime.closed)
  await runtime.whenClosed
})

t.test('a runtime that is closing or closed takes nobody in', async (t) => {
  const runtime = createRuntime()
  const slow = child()
  runtime.adopt(slow.resource)
  const closing = runtime.close()
  t.throws(() => runtime.adopt(child().resource), { code: 'RIVULET_CLOSED' })
  slow.end()
  await closing
  t.throws(() => runtime.adopt(child().resource), { code: 'RIVULET_CLOSED' })
  await t.rejects(createPush({ schema: Job, bind: 'inproc://x', runtime }), { code: 'RIVULET_CLOSED' })
})

t.test('a resource leaves when it is closed', async (t) => {
  const runtime = createRuntime()
  const push = await createPush({ schema: Job, bind: 'inproc://x', runtime })
  const pull = await createPull({ schema: Job, connect: 'inproc://x', runtime })
  t.equal(runtime.size, 2)
  await push.close()
  t.equal(runtime.size, 1)
  await runtime.close()
  t.ok(pull.closed)
  t.equal(runtime.size, 0)
})

t.test('a factory that fails leaves nothing behind', async (t) => {
  const runtime = createRuntime()
  t.teardown(() => runtime.close())
  for (const bind of ['tcp://192.0.2.1:*', 'tcp://0.0.0.0:*', 'nonsense']) {
    await t.rejects(createPush({ schema: Job, bind, runtime, insecure: bind.includes('192') }))
  }
  t.equal(runtime.size, 0)
})

t.test('a runtime that closes while a resource opens', async (t) => {
  const runtime = createRuntime()
  const opening = createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime })
  const closing = runtime.close()
  await t.rejects(opening, { code: 'RIVULET_CLOSED' })
  await closing
  t.equal(runtime.size, 0)
})

t.test('inproc names are within a runtime', async (t) => {
  const [one, other] = [createRuntime(), createRuntime()]
  t.teardown(() => Promise.all([one.close(), other.close()]))
  await createPush({ schema: Job, bind: 'inproc://same', runtime: one })
  await createPush({ schema: Job, bind: 'inproc://same', runtime: other })
  await t.rejects(createPush({ schema: Job, bind: 'inproc://same', runtime: one }), { code: 'RIVULET_BIND_FAILED' })
})

t.test('the default runtime is one, and another after it was closed', async (t) => {
  const first = defaultRuntime()
  t.equal(defaultRuntime(), first)
  const closing = first.close()
  const second = defaultRuntime()
  t.not(second, first)
  t.equal(second.status, 'open')
  await closing
  await second.close()
})

t.test('disposing closes', async (t) => {
  const runtime = createRuntime()
  await runtime[Symbol.asyncDispose]()
  t.ok(runtime.closed)
})

t.test('options', async (t) => {
  t.match(createRuntime(), { ioThreads: 1, maxSockets: 1023, clock: systemClock })
  const clock = new VirtualClock()
  t.equal(createRuntime({ clock }).clock, clock)
  const wrong = [
    { ioThreads: 0 },
    { ioThreads: 65 },
    { maxSockets: 7 },
    { maxSockets: 65_536 },
    { clock: {} },
    { clok: clock },
  ]
  for (const options of wrong) t.throws(() => createRuntime(options as object), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('what a runtime and a clock are', async (t) => {
  t.ok(isRuntime(createRuntime()))
  t.ok(isRuntime({ [Symbol.for('rivulet.runtime')]: true }), 'also one of another copy of the package')
  for (const value of [undefined, null, {}, 'runtime']) t.notOk(isRuntime(value))
  t.ok(isClock(systemClock))
  t.ok(isClock(new VirtualClock()))
  for (const value of [undefined, null, {}, { now() {}, wallNow() {} }, { now: 1, wallNow: 1, setTimer: 1 }]) {
    t.notOk(isClock(value))
  }
})
