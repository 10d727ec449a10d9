/** A sink as an RxJS observer and as promises: what is refused and how, when frames leave, and who has a turn meanwhile. */
import { concat, from, interval, map, of, Subject, take, throwError } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { jobs } from '../support/job.js'
import { Sending } from '../support/sending.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

const job = (id: number) => ({ id, note: '' })
const invalid = { id: 'one', note: '' } as never
const large = { id: 1, note: 'x'.repeat(2000) }

const refusals: Record<string, { value: never; code: string; reason: string; close?: boolean }> = {
  'an invalid message': { value: invalid, code: 'RIVULET_INVALID_MESSAGE', reason: 'invalid' },
  'no message at all': { value: undefined as never, code: 'RIVULET_INVALID_MESSAGE', reason: 'invalid' },
  'a message that is too large': { value: large as never, code: 'RIVULET_MESSAGE_TOO_LARGE', reason: 'too-large' },
  'a message for a closed sink': { value: job(1) as never, code: 'RIVULET_CLOSED', reason: 'closed', close: true },
}

for (const [what, { value, code, reason, close }] of Object.entries(refusals)) {
  t.test(`${what}: next counts and reports, send counts and rejects`, async (t) => {
    const sending = new Sending({ outboxBytes: 1e6 })
    if (close) sending.closing()
    t.doesNotThrow(() => sending.sink.next(value))
    t.strictSame(
      sending.errors.map((error) => error.code),
      [code],
    )
    t.strictSame(sending.outgoing.stats().refused, { [reason]: 1 })
    await t.rejects(sending.sink.send(value), { code })
    t.equal(sending.errors.length, 1, 'a rejection is not reported as well')
    t.strictSame(sending.outgoing.stats().refused, { [reason]: 2 })
    t.match(sending.outgoing.stats(), { accepted: 0, sent: 0, pending: 0, dropped: {} })
    sending.flow()
    await turn()
    t.strictSame(sending.frames, [])
  })
}

t.test('an invalid message names its fields, and costs nothing that was gathered with it', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  sending.sink.next(job(1))
  sending.sink.next(invalid)
  sending.sink.next(large)
  sending.sink.next(job(2))
  await turn()
  t.strictSame(sending.frames, [[1, 2]])
  t.match(sending.errors[0]?.issues, [{ path: 'id', message: /int/ }])
  t.equal(sending.unaccounted, 0)
})

t.test('complete does nothing, so that many sources may feed one sink', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  of(job(1), job(2)).subscribe(sending.sink)
  sending.sink.complete()
  from([job(3)]).subscribe(sending.sink)
  await turn()
  t.strictSame(sending.ids, [1, 2, 3])
  t.strictSame(sending.errors, [])
})

t.test('the error of a source is reported with its cause, and the sink stays open', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  const cause = new Error('the source')
  concat(
    of(job(1)),
    throwError(() => cause),
  ).subscribe(sending.sink)
  sending.sink.error(undefined)
  of(job(2)).subscribe(sending.sink)
  await turn()
  t.strictSame(sending.ids, [1, 2])
  t.strictSame(
    sending.errors.map((error) => [error.code, error.cause]),
    [
      ['RIVULET_SOURCE_FAILED', cause],
      ['RIVULET_SOURCE_FAILED', undefined],
    ],
  )
})

t.test('several sources at once', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6 })
  sending.flow()
  const done = [0, 100].map(
    (first) =>
      new Promise<void>((resolve) => {
        const source = interval(0).pipe(
          take(3),
          map((index) => job(first + index)),
        )
        source.subscribe(sending.sink)
        source.subscribe({ complete: resolve })
      }),
  )
  await Promise.all(done)
  await turn()
  t.strictSame(
    sending.ids.sort((a, b) => a - b),
    [0, 1, 2, 100, 101, 102],
  )
})

t.test('a getter in a message that sends on the same sink is refused, and the message is whole', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  const rejections: unknown[] = []
  sending.sink.next({
    id: 1,
    get note() {
      sending.sink.next(job(2))
      sending.sink.send(job(3)).catch((error: { code: string }) => rejections.push(error.code))
      sending.outgoing.flush()
      return 'whole'
    },
  })
  sending.sink.next(job(4))
  await turn()
  t.strictSame(sending.frames, [[1, 4]])
  t.match(sending.errors, [{ code: 'RIVULET_INVALID_MESSAGE', message: /getter/ }])
  t.strictSame(rejections, ['RIVULET_INVALID_MESSAGE'])
  t.strictSame(sending.outgoing.stats().refused, { invalid: 2 })
  t.equal(sending.unaccounted, 0)
})

t.test('a getter that flushes in the middle of a message leaves nothing behind', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  sending.sink.next(job(1))
  sending.sink.next({
    id: 2,
    get note() {
      sending.outgoing.flush()
      t.equal(sending.unaccounted, 0)
      return 'whole'
    },
  })
  t.equal(sending.unaccounted, 0)
  await turn()
  t.strictSame(sending.ids, [1, 2])
})

t.test('a getter that throws costs that message alone', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
  sending.flow()
  const hostile = {
    id: 1,
    get note(): string {
      throw new Error('a getter of the test')
    },
  }
  t.doesNotThrow(() => sending.sink.next(hostile))
  await t.rejects(sending.sink.send(hostile), { code: 'RIVULET_INVALID_MESSAGE' })
  sending.sink.next(job(2))
  await turn()
  t.strictSame(sending.frames, [[2]])
})

t.test('a lone message leaves in the turn in which it was sent', async (t) => {
  for (const send of ['next', 'send'] as const) {
    const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 100 })
    sending.flow()
    let immediates = 0
    setImmediate(() => immediates++)
    void sending.sink[send](job(1))
    t.strictSame(sending.frames, [], 'others of this turn may join it')
    await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
    t.strictSame(sending.frames, [[1]])
    t.equal(immediates, 0)
  }
})

t.test('what one turn sends is one frame, however it was sent', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 1000 })
  sending.flow()
  sending.sink.next(job(1))
  await sending.sink.send(job(2))
  await Promise.resolve()
  await sending.sink.send(job(3))
  await sending.sink.sendAll([job(4), job(5)])
  await turn()
  sending.sink.next(job(6))
  await turn()
  t.strictSame(sending.frames, [[1, 2, 3, 4, 5], [6]])
})

t.test('it is spread over as many frames as there are receivers', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 1000, receivers: 3 })
  sending.flow()
  for (const { id } of jobs(10)) sending.sink.next(job(id))
  await turn()
  t.strictSame(
    sending.frames.map(({ length }) => length),
    [3, 3, 4],
  )
  sending.sink.next(job(10))
  await turn()
  t.strictSame(sending.frames[3], [10], 'one message cannot be spread')
})

t.test('endless loops of awaited sends let timers run', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6, maxBatchMessages: 1000 })
  sending.flow()
  let fired = false
  setTimeout(() => {
    fired = true
  }, 1)
  let sent = 0
  const loop = async () => {
    for (; !fired; sent++) await sending.sink.send(job(sent))
  }
  await Promise.all([loop(), loop(), loop()])
  t.ok(sent >= 16, 'as many as one turn takes in any case')
  t.equal(sending.unaccounted, 0)
})

t.test('loops of sends that have waited for room let timers run as well', async (t) => {
  const sending = new Sending({ outboxBytes: 1 })
  let fired = false
  let sent = 0
  const loop = async () => {
    for (; !fired; sent++) await sending.sink.send(job(sent))
  }
  const loops = [loop(), loop(), loop()]
  await turn()
  t.ok(sent <= 3, 'they wait')
  setTimeout(() => {
    fired = true
  }, 1)
  sending.flow()
  await Promise.all(loops)
  t.equal(sending.unaccounted, 0)
})

t.test('a subject that feeds a sink sees no failure of it', async (t) => {
  const sending = new Sending({ outboxBytes: 1e6 })
  const source = new Subject<{ id: number; note: string }>()
  const subscription = source.subscribe(sending.sink)
  source.next(invalid)
  sending.closing()
  source.next(job(1))
  t.notOk(subscription.closed)
  t.strictSame(
    sending.errors.map(({ code }) => code),
    ['RIVULET_INVALID_MESSAGE', 'RIVULET_CLOSED'],
  )
})
