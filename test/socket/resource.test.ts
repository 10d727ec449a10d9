/** What every resource with a socket has: endpoints, links, waiting for one, closing, signals. */
import { getEventListeners } from 'node:events'
import t, { type Test } from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { first, linkState, turn } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'

eachTransport(
  t,
  'endpoints are where it is bound, with wildcards resolved',
  async (t, { runtime, bind, transport }) => {
    const push = await createPush({ schema: Job, bind, runtime })
    t.notMatch(push.endpoint, '*')
    t.strictSame(push.endpoints, [push.endpoint])
    t.ok(push.endpoint.startsWith(`${transport}://`))
    const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
    t.equal(pull.endpoint, '')
    t.strictSame(pull.endpoints, [])
  },
)

eachTransport(t, 'links: the current ones first, then changes, then the end', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  t.equal(push.connected, 0)
  const one = await createPull({ schema: Job, connect: push.endpoint, runtime })
  await Promise.all([push.whenConnected(), one.whenConnected()])
  t.equal(push.connected, 1)
  const told: string[] = []
  const ended = new Promise<void>((resolve) => {
    push.links.subscribe({ next: (link) => told.push(`${link.state} ${link.connected}`), complete: resolve })
  })
  t.strictSame(told, ['connected 1'], 'the current link is told within subscribe')
  const second = first(push.links, ({ connected }) => connected === 2)
  const other = await createPull({ schema: Job, connect: push.endpoint, runtime })
  t.match(await second, {
    state: 'connected',
    side: 'bind',
    endpoint: push.endpoint,
    cause: undefined,
    peer: undefined,
  })
  t.match(await linkState(other, 'connected'), { side: 'connect', endpoint: push.endpoint, peer: push.endpoint })
  const gone = linkState(push, 'disconnected')
  await one.close()
  t.equal((await gone).connected, 1)
  await push.close()
  await ended
  t.strictSame(told, ['connected 1', 'connected 2', 'disconnected 1', 'disconnected 0'])
})

const strangers = async (t: Test, { runtime, bind }: Place) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const errors: string[] = []
  push.errors.subscribe(({ code }) => errors.push(code))
  const refused = linkState(push, 'refused')
  const wrong = await createPush({ schema: Job, connect: push.endpoint, runtime })
  wrong.errors.subscribe()
  t.match(await refused, { connected: 0, cause: { code: 'RIVULET_HANDSHAKE_FAILED' } })
  t.strictSame(errors.slice(0, 1), ['RIVULET_HANDSHAKE_FAILED'])
  t.equal(push.connected, 0)
}
eachTransport(t, 'a peer of a kind that does not fit is no link', strangers, ['ipc', 'tcp'])

t.test('whenConnected: the ways it ends', async (t) => {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  t.teardown(() => runtime.close({ drain: false }))
  const pull = await createPull({ schema: Job, connect: 'tcp://127.0.0.1:9', runtime })
  const late = pull.whenConnected({ timeoutMs: 50 })
  late.catch(() => {})
  clock.advance(50)
  await t.rejects(late, { code: 'RIVULET_TIMEOUT', message: 'pull tcp://127.0.0.1:9: whenConnected: not within 50 ms' })
  const controller = new AbortController()
  const aborted = pull.whenConnected({ signal: controller.signal })
  controller.abort()
  await t.rejects(aborted, { code: 'RIVULET_ABORTED' })
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
  const closed = pull.whenConnected()
  closed.catch(() => {})
  await pull.close()
  await t.rejects(closed, { code: 'RIVULET_CLOSED' })
  await t.rejects(pull.whenConnected(), { code: 'RIVULET_CLOSED' })
})

eachTransport(t, 'close is one for all callers, and what is closed stays readable', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  t.equal(push.status, 'open')
  const closings = [push.close(), push.close({ drain: false }), push[Symbol.asyncDispose]()]
  t.equal(push.status, 'closing')
  t.equal(closings[0], closings[1])
  await Promise.all(closings)
  await push.whenClosed
  t.match(push, { status: 'closed', closed: true, connected: 0 })
  t.equal(push.close(), closings[0])
  t.match(push.stats(), { accepted: 0, pending: 0 })
  t.equal(push.ref(), push)
  t.equal(push.unref(), push)
  const completed: string[] = []
  push.links.subscribe({ complete: () => completed.push('links') })
  push.errors.subscribe({ complete: () => completed.push('errors') })
  t.strictSame(completed, ['links', 'errors'])
})

t.test('close takes any time limit and never rejects', async (t) => {
  for (const timeoutMs of [0, -1, 1e12, Number.POSITIVE_INFINITY, Number.NaN]) {
    const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*' })
    t.strictSame(await push.close({ timeoutMs }), { undelivered: 0 }, String(timeoutMs))
    t.ok(push.closed)
  }
})

t.test('close waits for what cannot leave as long as it is told, and counts it', async (t) => {
  const clock = new VirtualClock()
  const runtime = createRuntime({ clock })
  const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', runtime })
  push.next({ id: 1 })
  push.next({ id: 2 })
  const closing = push.close({ timeoutMs: 300 })
  await clock.whenArmed()
  t.equal(push.status, 'closing')
  clock.advance(299)
  await turn()
  t.equal(push.status, 'closing')
  clock.advance(1)
  t.strictSame(await closing, { undelivered: 2 })
  t.match(push.stats(), { accepted: 2, sent: 0, pending: 0, pendingBytes: 0, dropped: { closed: 2 } })
  t.equal(clock.timers, 0)
})

t.test('a send that waits for room ends when the resource is closed', async (t) => {
  const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', outboxBytes: 1, maxBatchMessages: 1 })
  await push.send({ id: 1 })
  const waiting = push.send({ id: 2 })
  const all = push.sendAll([{ id: 3 }, { id: 4 }])
  for (const promise of [waiting, all]) promise.catch(() => {})
  await turn()
  t.strictSame(await push.close({ drain: false }), { undelivered: 1 })
  await t.rejects(waiting, { code: 'RIVULET_CLOSED' })
  await t.rejects(all, { code: 'RIVULET_CLOSED' })
  await t.rejects(push.send({ id: 5 }), { code: 'RIVULET_CLOSED' })
})

t.test('a signal rejects the factory before it is open', async (t) => {
  const runtime = createRuntime()
  t.teardown(() => runtime.close())
  const options = { schema: Job, bind: 'tcp://127.0.0.1:*', runtime }
  await t.rejects(createPush({ ...options, signal: AbortSignal.abort('why') }), {
    code: 'RIVULET_ABORTED',
    cause: 'why',
  })
  const controller = new AbortController()
  const opening = createPush({ ...options, signal: controller.signal })
  controller.abort()
  await t.rejects(opening, { code: 'RIVULET_ABORTED' })
  t.equal(runtime.size, 0)
})

t.test('a signal closes without draining once it is open, and is let go of at the end', async (t) => {
  const controller = new AbortController()
  const { signal } = controller
  const open = () => createPush({ schema: Job, bind: 'tcp://127.0.0.1:*', signal })
  const [push, other] = await Promise.all([open(), open()])
  await other.close()
  await turn()
  t.equal(getEventListeners(signal, 'abort').length, 1)
  push.next({ id: 1 })
  await turn()
  controller.abort()
  await push.whenClosed
  t.strictSame(await push.close(), { undelivered: 1 })
})

t.test('bind or connect, one of them', async (t) => {
  const message = /bind or connect/
  await t.rejects(createPush({ schema: Job }), { code: 'RIVULET_INVALID_OPTION', message })
  await t.rejects(createPull({ schema: Job, bind: 'inproc://a', connect: 'inproc://b' }), {
    code: 'RIVULET_INVALID_OPTION',
    message: /either bind or connect/,
  })
  await t.rejects(createPush({ bind: 'inproc://a' } as never), /schema must be a schema of defineSchema/)
  await t.rejects(createPush({ schema: Job, bnd: 'inproc://a' } as never), /did you mean 'bind'/)
})
