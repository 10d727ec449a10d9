/** A full outbox under each policy: what `next`, `send` and `sendAll` do, and that the sums hold. */
import { channel } from 'node:diagnostics_channel'
import { from } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { jobs } from '../support/job.js'
import { Sending } from '../support/sending.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** Whether a promise is settled once the event loop has turned, and how. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  let state = 'waits'
  promise.then(
    () => {
      state = 'resolved'
    },
    (error: { code: string }) => {
      state = error.code
    },
  )
  await turn()
  return state
}

const job = (id: number) => ({ id, note: '' })

/** A sink whose outbox is full: job 0 is with the transport. */
function full(overflow: 'block' | 'error' | 'drop-oldest' | 'drop-newest'): Sending {
  const sending = new Sending({ overflow })
  sending.sink.next(job(0))
  return sending
}

t.test('block: next refuses and reports', async (t) => {
  const sending = full('block')
  sending.sink.next(job(1))
  await turn()
  t.match(sending.outgoing.stats(), { accepted: 1, pending: 1, refused: { full: 1 }, dropped: {} })
  t.strictSame(
    sending.errors.map(({ code, messages }) => [code, messages]),
    [['RIVULET_OUTBOX_FULL', 1]],
  )
  sending.flow()
  await turn()
  t.strictSame(sending.ids, [0])
})

t.test('block: send waits for room', async (t) => {
  const sending = full('block')
  const sent = sending.sink.send(job(1))
  t.equal(await outcome(sent), 'waits')
  t.match(sending.outgoing.stats(), { accepted: 1, refused: {} })
  await sending.take()
  await sent
  t.match(sending.outgoing.stats(), { accepted: 2, sent: 1, pending: 1, refused: {} })
  await sending.take()
  t.strictSame(sending.ids, [0, 1])
  t.strictSame(sending.errors, [])
})

t.test('block: sendAll waits for room and takes nothing meanwhile', async (t) => {
  const sending = full('block')
  let yielded = 0
  const all = sending.sink.sendAll(
    (function* () {
      for (; yielded < 5; ) yield job(++yielded)
    })(),
  )
  t.equal(await outcome(all), 'waits')
  t.equal(yielded, 1, 'the one in hand')
  await sending.take()
  t.equal(yielded, 2)
  t.equal(sending.unaccounted, 0)
  sending.flow()
  t.strictSame(await all, { sent: 5, dropped: 0 })
  t.strictSame(sending.ids, [0, 1, 2, 3, 4, 5])
})

t.test('error: send rejects, next reports, sendAll drops and goes on', async (t) => {
  const sending = full('error')
  await t.rejects(sending.sink.send(job(1)), { code: 'RIVULET_OUTBOX_FULL', retryable: true })
  t.strictSame(sending.errors, [], 'who got the rejection knows')
  sending.sink.next(job(2))
  t.strictSame(await sending.sink.sendAll(jobs(3, 3) as never), { sent: 0, dropped: 3 })
  await turn()
  t.match(sending.outgoing.stats(), { accepted: 1, refused: { full: 5 }, dropped: {} })
  t.equal(
    sending.errors.reduce((sum, { messages = 0 }) => sum + messages, 0),
    4,
  )
  sending.flow()
  await turn()
  t.strictSame(sending.ids, [0])
  await sending.sink.send(job(9))
})

t.test('drop-oldest: what waits longest gives way, the frame with the transport does not', async (t) => {
  const sending = full('drop-oldest')
  sending.sink.next(job(1))
  await sending.sink.send(job(2))
  t.strictSame(await sending.sink.sendAll([job(3), job(4)]), { sent: 2, dropped: 0 })
  t.match(sending.outgoing.stats(), { accepted: 5, pending: 2, dropped: { overflow: 3 }, refused: {} })
  t.equal(sending.unaccounted, 0)
  sending.flow()
  await turn()
  t.strictSame(sending.ids, [0, 4])
  t.strictSame(sending.errors, [])
})

t.test('drop-newest: the message itself is dropped', async (t) => {
  const sending = full('drop-newest')
  sending.sink.next(job(1))
  await sending.sink.send(job(2))
  t.strictSame(await sending.sink.sendAll([job(3), job(4)]), { sent: 0, dropped: 2 })
  t.strictSame(await sending.sink.sendAll(from([job(5)])), { sent: 0, dropped: 1 })
  t.match(sending.outgoing.stats(), { accepted: 6, pending: 1, dropped: { overflow: 5 }, refused: {} })
  t.equal(sending.unaccounted, 0)
  sending.flow()
  await turn()
  t.strictSame(sending.ids, [0])
  t.strictSame(sending.errors, [])
})

t.test('what a policy drops is told on the diagnostics channel', async (t) => {
  const drops: unknown[] = []
  const listener = (message: unknown) => drops.push(message)
  channel('rivulet:drop').subscribe(listener)
  t.teardown(() => channel('rivulet:drop').unsubscribe(listener))
  full('drop-newest').sink.next(job(1))
  const oldest = full('drop-oldest')
  oldest.sink.next(job(1))
  oldest.sink.next(job(2))
  oldest.close()
  t.strictSame(drops, [
    { resource: 'sending', reason: 'overflow', messages: 1 },
    { resource: 'sending', reason: 'overflow', messages: 1 },
    { resource: 'sending', reason: 'closed', messages: 2 },
  ])
})

t.test('a flood of refusals is one report for each turn, with its number', async (t) => {
  for (const overflow of ['block', 'error'] as const) {
    const sending = full(overflow)
    for (let turns = 1; turns <= 3; turns++) {
      for (let id = 0; id < 1000 * turns; id++) sending.sink.next(job(id))
      t.equal(sending.errors.length, turns - 1, 'at the end of the turn')
      await turn()
    }
    t.strictSame(
      sending.errors.map(({ code, messages }) => [code, messages]),
      [1000, 2000, 3000].map((messages) => ['RIVULET_OUTBOX_FULL', messages]),
    )
    t.match(sending.errors[0]?.message, /1000 messages/)
    t.strictSame(sending.outgoing.stats().refused, { full: 6000 })
  }
})

t.test('sends that wait are taken in turn', async (t) => {
  const sending = full('block')
  const senders = 5
  const rounds = 20
  const counts = Array(senders).fill(0)
  const done = counts.map(async (_, sender) => {
    for (let round = 0; round < rounds; round++) {
      await sending.sink.send(job(100 * sender + round))
      counts[sender] += 1
    }
  })
  let worst = 0
  for (let frame = 0; frame <= senders * rounds; frame++) {
    await sending.take()
    worst = Math.max(worst, Math.max(...counts) - Math.min(...counts))
  }
  await Promise.all(done)
  t.equal(worst, 1, 'nobody is ahead of another by more than one')
  for (let sender = 0; sender < senders; sender++) {
    const own = sending.ids.slice(1).filter((id) => Math.floor(id / 100) === sender)
    t.strictSame(
      own,
      [...own].sort((a, b) => a - b),
    )
  }
  t.equal(sending.unaccounted, 0)
})

t.test('a thousand sends at once are taken in their order, and room for one wakes one', async (t) => {
  const sending = new Sending()
  const waits = t.capture(sending.outbox, 'whenRoom', sending.outbox.whenRoom)
  const all = Promise.all(jobs(1000).map(({ id }) => sending.sink.send(job(id))))
  for (let frame = 0; frame < 10; frame++) await sending.take()
  t.equal(sending.frames.length, 11)
  t.ok(waits().length < 30, 'those behind the first have not asked again')
  const later = sending.sink.send(job(1000))
  sending.flow()
  await Promise.all([all, later])
  await turn()
  t.strictSame(sending.ids, [...Array(1001).keys()], 'who comes later does not pass them')
})

t.test('a send that waits is refused in its turn, and those behind it go on', async (t) => {
  const sending = full('block')
  const sends = [1, 2, 3].map((id) => sending.sink.send(id === 2 ? ({ id: 'two' } as never) : job(id)))
  sending.flow()
  await sends[0]
  await t.rejects(sends[1] as Promise<void>, { code: 'RIVULET_INVALID_MESSAGE' })
  await sends[2]
  await turn()
  t.strictSame(sending.ids, [0, 1, 3])
  t.strictSame(sending.outgoing.stats().refused, { invalid: 1 })
  t.equal(sending.unaccounted, 0)
})

t.test('sends that wait when it is closed reject, all of them', async (t) => {
  const sending = full('block')
  const sends = jobs(5, 1).map(({ id }) => sending.sink.send(job(id)))
  sending.close()
  for (const result of await Promise.allSettled(sends)) t.match(result, { reason: { code: 'RIVULET_CLOSED' } })
  t.match(sending.outgoing.stats(), { accepted: 1, dropped: { closed: 1 }, refused: { closed: 5 } })
})

t.test('a frame may be gathered beside a full outbox, and no more', async (t) => {
  const sending = new Sending({ maxBatchMessages: 100 })
  for (let id = 0; id < 1000; id++) sending.sink.next(job(id))
  t.match(sending.outgoing.stats(), { accepted: 100, pending: 100, refused: { full: 900 } })
  await turn()
  t.equal(sending.unaccounted, 0)
})
