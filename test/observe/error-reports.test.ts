/** Error reports: to observers, on the diagnostics channels, or else as warnings at a bounded rate. */
import { channel } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { DropMessage, ErrorMessage, LinkMessage } from '../../src/observe/index.js'
import { ErrorReports, publishDrop, publishError, publishLink, Tally } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'
import { untouchables } from '../support/untouchable.js'
import { VirtualClock } from '../support/virtual-clock.js'

const reportsOf = (name: string, clock = new VirtualClock()) => new ErrorReports(() => name, clock)

/** A warning of the process as it is told. */
type Warning = Error & { code?: string; detail?: string }

/** Collects the warnings of the process while the test lasts. */
function warnings(t: Test): Warning[] {
  const seen: Warning[] = []
  const listener = (warning: Error) => void seen.push(warning)
  process.on('warning', listener)
  t.teardown(async () => {
    await turn() // they come a moment later
    process.off('warning', listener)
  })
  return seen
}

/** Collects what a channel carries while the test lasts. */
function listen<T>(t: Test, name: string): T[] {
  const seen: T[] = []
  const listener = (message: unknown) => void seen.push(message as T)
  channel(name).subscribe(listener)
  t.teardown(() => channel(name).unsubscribe(listener))
  return seen
}

const error = (code: ErrorCode = 'RIVULET_BAD_FRAME') => new RivuletError(code, `about ${code}`)

t.test('an observed error goes to every observer and is no warning', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('thing')
  const [one, other]: [RivuletError[], RivuletError[]] = [[], []]
  reports.observable.subscribe((error) => one.push(error))
  reports.observable.subscribe((error) => other.push(error))
  const first = error()
  reports.report(first)
  t.equal(one[0], first)
  t.equal(other[0], first)
  await turn()
  t.strictSame(seen, [])
})

t.test('what peers can cause without end is reported at a bounded rate, of each code and each resource', async (t) => {
  const clock = new VirtualClock()
  const reports = reportsOf('pull', clock)
  const seen: RivuletError[] = []
  reports.observable.subscribe((error) => seen.push(error))
  const logged = listen<ErrorMessage>(t, 'rivulet:error')
  for (let count = 0; count < 1000; count++) reports.report(error())
  reports.report(error('RIVULET_CORRUPT_FRAME'))
  t.strictSame(
    seen.map(({ code }) => code),
    [...Array(32).fill('RIVULET_BAD_FRAME'), 'RIVULET_CORRUPT_FRAME'],
  )
  t.equal(logged.length, seen.length)
  clock.advance(9_999)
  reports.report(error())
  t.equal(seen.length, 33)
  clock.advance(1)
  const last = error()
  reports.report(last)
  t.equal(seen.at(-1)?.message, 'about RIVULET_BAD_FRAME (and 969 others since the last report)')
  t.equal(seen.at(-1)?.cause, last)
  reports.report(error())
  t.equal(seen.at(-1)?.message, 'about RIVULET_BAD_FRAME', 'and so are the next')
  t.equal(seen.length, 35)
  t.equal(clock.timers, 0)
})

t.test('failures of handlers and of deliveries are reported each', async (t) => {
  const reports = reportsOf('consumer')
  let seen = 0
  reports.observable.subscribe(() => seen++)
  const delivery = { queue: 'jobs', position: 1, attempt: 1, id: undefined, consumer: undefined }
  for (let count = 0; count < 100; count++) {
    reports.report(failed(boom(count)))
    reports.report(new RivuletError('RIVULET_DECODE_FAILED', 'unreadable', { delivery }))
  }
  t.equal(seen, 200)
})

t.test('unobserved errors of one kind warn once, for each resource', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('push tcp://127.0.0.1:5000')
  for (let count = 0; count < 3; count++) reports.report(error())
  reports.report(error('RIVULET_CORRUPT_FRAME'))
  reportsOf('another').report(error())
  await turn()
  t.strictSame(
    seen.map(({ name, code }) => [name, code]),
    [
      ['RivuletWarning', 'RIVULET_BAD_FRAME'],
      ['RivuletWarning', 'RIVULET_CORRUPT_FRAME'],
      ['RivuletWarning', 'RIVULET_BAD_FRAME'],
    ],
  )
  t.match(seen[0]?.message, /^push tcp:\/\/127\.0\.0\.1:5000: about RIVULET_BAD_FRAME \(subscribe to `errors`/)
})

t.test('a warning names its resource once', async (t) => {
  const seen = warnings(t)
  reportsOf('push inproc://a').report(new RivuletError('RIVULET_CLOSED', 'push inproc://a: closed'))
  await turn()
  t.equal(seen[0]?.message, 'push inproc://a: closed (subscribe to `errors` to handle these)')
})

const failed = (cause: unknown) => new RivuletError('RIVULET_HANDLER_FAILED', 'a handler failed', { cause })

function boom(count: number): Error {
  return new Error(`boom ${count}`)
}

t.test('a warning has the cause with its stack, and how many like it were not printed', async (t) => {
  const seen = warnings(t)
  const clock = new VirtualClock()
  const reports = reportsOf('consumer', clock)
  for (let count = 0; count < 10; count++) reports.report(failed(boom(count)))
  await turn()
  t.equal(seen.length, 1)
  t.equal(seen[0]?.message, 'consumer: a handler failed (subscribe to `errors` to handle these)')
  t.match(seen[0]?.detail, /^caused by Error: boom 0\n {4}at boom .*error-reports.test.*\n {4}at /)
  clock.advance(defaults.warningMs - 1)
  await turn()
  t.equal(seen.length, 1)
  clock.advance(1)
  await turn()
  t.equal(seen.length, 2)
  t.match(seen[1]?.message, /^consumer: a handler failed \(8 more like it not printed; subscribe/)
  t.match(seen[1]?.detail, /boom 9/)
  clock.advance(10 * defaults.warningMs)
  await turn()
  t.equal(seen.length, 2)
  t.equal(clock.timers, 0)
  reports.report(failed(boom(10)))
  await turn()
  t.match(seen[2]?.detail, /boom 10/, 'it is news again')
  reports.complete()
})

t.test('what was not printed is told when the resource closes', async (t) => {
  const seen = warnings(t)
  const clock = new VirtualClock()
  const reports = reportsOf('consumer', clock)
  for (let count = 0; count < 3; count++) reports.report(failed(boom(count)))
  reports.complete()
  t.equal(clock.timers, 0)
  reports.report(failed(boom(3)))
  await turn()
  t.match(
    seen.map(({ message }) => message),
    [/: a handler failed \(subscribe/, /: a handler failed \(1 more like it not printed; subscribe/],
  )
  t.match(seen[1]?.detail, /boom 2/)
  t.equal(clock.timers, 0, 'and nothing is left')
})

t.test('errors that were thrown at several places are of several kinds', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('consumer')
  const other = () => new TypeError('other')
  for (let count = 0; count < 3; count++) {
    reports.report(failed(boom(count)))
    reports.report(failed(other()))
    reports.report(failed(new Error('outer', { cause: boom(count) })))
  }
  reports.report(failed('a text'))
  reports.report(error())
  await turn()
  t.strictSame(
    seen.map(({ detail }) => detail?.split('\n')[0]),
    ['caused by Error: boom 0', 'caused by TypeError: other', 'caused by "a text"', seen[3]?.detail?.split('\n')[0]],
  )
  t.match(seen[3]?.detail, /^ {4}at /, 'an error without a cause has its own stack')
  const deep = failed(new Error('outer', { cause: other() }))
  reportsOf('another').report(deep)
  await turn()
  t.match(seen[4]?.detail, /^caused by Error: outer\n( {4}at .*\n)+caused by TypeError: other\n {4}at /)
  reports.complete()
})

t.test('neither many kinds nor a flood print much', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('consumer')
  let looked = 0
  for (let count = 0; count < 20_000; count++) {
    const cause = Object.defineProperty(new Error('flood'), 'stack', {
      get() {
        looked += 1
        return `Error: flood\n    at place${count} (file.js:1:1)`
      },
    })
    reports.report(failed(cause))
  }
  await turn()
  t.ok(seen.length <= 33, `${seen.length} warnings`)
  t.ok(looked <= 400, `${looked} stacks`)
  reports.complete()
  await turn()
  const more = seen.reduce((sum, { message }) => sum + Number(/(\d+) more/.exec(message)?.[1] ?? 0), seen.length)
  t.equal(more, 20_000, 'and all are accounted for')
})

t.test('a warning holds nothing of the values that errors carry', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('consumer')
  const body = Buffer.from('secret')
  for (const cause of [body, { value: 'secret' }, [1, 'secret'], Object.assign(boom(0), { body, value: 'secret' })]) {
    reports.report(failed(cause))
  }
  reports.report(new RivuletError('RIVULET_BAD_FRAME', 'with \u001b[31mcolours\u0007'))
  await turn()
  t.equal(seen.length, 3)
  const texts = seen.map(({ message, detail }) => `${message}${detail}`).join()
  for (const what of ['secret', '115', '\u001b', '\u0007']) t.notOk(texts.includes(what), what)
  reports.complete()
})

t.test('the delivery that failed is named', async (t) => {
  const seen = warnings(t)
  const delivery = { queue: 'jobs', position: 17, attempt: 2, id: 'a"b', consumer: undefined }
  const details = { cause: boom(0), delivery }
  reportsOf('consumer').report(new RivuletError('RIVULET_HANDLER_FAILED', 'a handler failed', details))
  await turn()
  t.match(seen[0]?.detail, /^queue "jobs", position 17, attempt 2, id "a\\"b"\ncaused by Error: boom 0\n/)
})

t.test('no cause keeps an error from being reported', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('consumer')
  for (const [what, make] of Object.entries(untouchables)) {
    t.doesNotThrow(() => reports.report(failed(make())), what)
    t.doesNotThrow(() => reports.report(make() as RivuletError), what)
  }
  await turn()
  t.ok(seen.length > 0)
  reports.complete()
})

t.test('who listens on the channel needs no warning', async (t) => {
  const seen = warnings(t)
  const errors = listen<ErrorMessage>(t, 'rivulet:error')
  reportsOf('thing').report(error())
  await turn()
  t.equal(errors.length, 1)
  t.strictSame(seen, [])
})

t.test('when the last observer has gone, errors warn again', async (t) => {
  const seen = warnings(t)
  const reports = reportsOf('thing')
  reports.observable.subscribe().unsubscribe()
  reports.report(error())
  await turn()
  t.equal(seen.length, 1)
})

t.test('every report is on its channel, also after the end of the observable', async (t) => {
  const errors = listen<ErrorMessage>(t, 'rivulet:error')
  const reports = reportsOf('thing')
  let completed = false
  reports.observable.subscribe({
    complete: () => {
      completed = true
    },
  })
  const first = error()
  reports.report(first)
  reports.complete()
  t.ok(completed)
  warnings(t)
  reports.report(error())
  t.strictSame(errors[0], { resource: 'thing', error: first })
  t.equal(errors.length, 2)
})

t.test('the three channels carry what is published', async (t) => {
  const names = ['error', 'drop', 'link'] as const
  const [errors, drops, links] = names.map((name) => listen<unknown>(t, `rivulet:${name}`))
  publishError('a', 1)
  publishDrop('b', 'overflow', 7)
  publishLink('c', 2)
  t.strictSame(errors, [{ resource: 'a', error: 1 }])
  t.strictSame(drops, [{ resource: 'b', reason: 'overflow', messages: 7 }])
  t.strictSame(links, [{ resource: 'c', link: 2 }])
})

t.test('a resource publishes its errors, drops and links under its name', async (t) => {
  const errors = listen<ErrorMessage>(t, 'rivulet:error')
  const drops = listen<DropMessage>(t, 'rivulet:drop')
  const links = listen<LinkMessage>(t, 'rivulet:link')
  const runtime = createRuntime()
  t.teardown(() => runtime.close())
  const push = await createPush({ schema: Job, bind: 'inproc://named', runtime })
  push.errors.subscribe()
  push.next({ id: 'wrong' } as never)
  push.next({ id: 1 })
  await push.close({ drain: false })
  t.match(errors, [{ resource: 'push inproc://named', error: { code: 'RIVULET_INVALID_MESSAGE' } }])
  t.strictSame(drops, [{ resource: 'push inproc://named', reason: 'closed', messages: 1 }])
  t.strictSame(links, [])
  const again = await createPush({ schema: Job, bind: 'inproc://named', runtime })
  await createPull({ schema: Job, connect: 'inproc://named', runtime })
  t.match(links, [
    { resource: 'pull inproc://named', link: { state: 'connected', side: 'connect' } },
    { resource: 'push inproc://named', link: { state: 'connected', side: 'bind' } },
  ])
  await again.close()
})

t.test('a tally counts by reason and shows a copy', async (t) => {
  const tally = new Tally()
  tally.add('a')
  tally.add('b', 4)
  const before = tally.snapshot()
  tally.add('a', 2)
  t.strictSame(before, { a: 1, b: 4 })
  t.strictSame(tally.snapshot(), { a: 3, b: 4 })
  t.equal(tally.total, 7)
  t.ok(Object.isFrozen(before))
})

t.test('refused proofs, and refused one-way calls, are reported at a bounded rate', async (t) => {
  for (const code of [
    'RIVULET_UNAUTHENTICATED',
    'RIVULET_PERMISSION_DENIED',
    'RIVULET_OVERLOADED',
    'RIVULET_DEADLINE_EXCEEDED',
    'RIVULET_UNAVAILABLE',
  ] as const) {
    const reports = reportsOf('server')
    let seen = 0
    reports.observable.subscribe(() => seen++)
    for (let count = 0; count < 100; count++) reports.report(error(code))
    t.equal(seen, 32, code)
  }
})
