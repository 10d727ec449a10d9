/** Error reports: observed or not, once per code, also on the diagnostics channels. */
import { channel } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { DropMessage, ErrorMessage, LinkMessage } from '../../src/observe/index.js'
import { ErrorReports, publishDrop, publishError, publishLink, Tally } from '../../src/observe/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'

/** Collects the warnings of the process while the test lasts. */
function warnings(t: Test): (Error & { code?: string })[] {
  const seen: (Error & { code?: string })[] = []
  const listener = (warning: Error) => void seen.push(warning)
  process.on('warning', listener)
  t.teardown(() => process.off('warning', listener))
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
  const reports = new ErrorReports(() => 'thing')
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

t.test('unobserved errors warn once per code and resource', async (t) => {
  const seen = warnings(t)
  const reports = new ErrorReports(() => 'push tcp://127.0.0.1:5000')
  for (let count = 0; count < 3; count++) reports.report(error())
  reports.report(error('RIVULET_CORRUPT_FRAME'))
  new ErrorReports(() => 'another').report(error())
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

t.test('when the last observer has gone, errors warn again', async (t) => {
  const seen = warnings(t)
  const reports = new ErrorReports(() => 'thing')
  reports.observable.subscribe().unsubscribe()
  reports.report(error())
  await turn()
  t.equal(seen.length, 1)
})

t.test('every report is on its channel, also after the end of the observable', async (t) => {
  const errors = listen<ErrorMessage>(t, 'rivulet:error')
  const reports = new ErrorReports(() => 'thing')
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
