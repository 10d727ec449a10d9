/** A worker that takes nothing slows its producer down: what is on its way is bounded, and so is what waits. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { first, firstFew } from '../support/events.js'
import { Job } from '../support/job.js'
import { whenStill } from '../support/stillness.js'
import { eachTransport } from '../support/transports.js'

const note = 'x'.repeat(1000)
const outboxBytes = 100_000
/** One gathered frame beside the outbox. */
const frameBytes = 65_536

eachTransport(t, 'sendAll takes no more from its source than there is room for', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, outboxBytes })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  await push.whenConnected()
  const total = 6000
  let yielded = 0
  let ended = false
  const produce = async function* () {
    for (; yielded < total; yielded++) yield { id: yielded, note }
    ended = true
  }
  const sending = push.sendAll(produce())
  await whenStill(runtime, () => yielded)
  t.notOk(ended)
  const { pendingBytes, pending, sent, inFlightLimit } = push.stats()
  t.ok(pendingBytes >= outboxBytes, 'the outbox is full')
  t.ok(pendingBytes <= outboxBytes + 2 * frameBytes, `and not more: ${pendingBytes}`)
  const { frames, bytes } = inFlightLimit
  t.ok(sent * note.length <= frames * frameBytes + bytes, `${sent} messages are on their way`)
  t.ok(Math.abs(yielded - sent - pending) <= 1, 'one is in hand')
  t.match(pull.stats(), { received: 0, delivered: 0 })

  const seen = await firstFew(pull.messages, total)
  t.strictSame(await sending, { sent: total, dropped: 0 })
  t.ok(seen.every(({ id }, index) => id === index))
  t.match(push.stats(), { accepted: total, sent: total, pending: 0, dropped: {}, refused: {} })
})

eachTransport(t, 'send waits, and the slowest handler sets the pace', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, outboxBytes: 1, maxBatchMessages: 1 })
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  let working = 0
  let most = 0
  let done = 0
  let finish = () => {}
  const gate = new Promise<void>((resolve) => {
    finish = resolve
  })
  const total = 2000
  const all = first(
    pull.messages.process(
      async ({ id }) => {
        working += 1
        most = Math.max(most, working)
        await (id < 3 ? gate : undefined)
        working -= 1
        done += 1
        return done
      },
      { concurrency: 3 },
    ),
    (count) => count === total,
  )
  let sent = 0
  const sending = (async () => {
    for (; sent < total; sent++) await push.send({ id: sent, note })
  })()
  await whenStill(runtime, () => sent)
  const { frames, bytes } = push.stats().inFlightLimit
  t.ok(sent < total, 'the producer waits')
  t.ok(sent * note.length <= frames * frameBytes + bytes)
  t.match(pull.stats(), { delivered: 3 })
  finish()
  await Promise.all([sending, all])
  t.equal(most, 3)
  t.match(pull.stats(), { received: total, delivered: total, pending: 0, dropped: {} })
})

eachTransport(t, 'next finds a full outbox, reports once a turn, and never waits', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime, outboxBytes: 10_000, maxBatchMessages: 1 })
  const errors: { code: string; messages: number | undefined }[] = []
  push.errors.subscribe((error) => errors.push(error))
  for (let id = 0; id < 100; id++) push.next({ id, note })
  t.equal(errors.length, 0)
  await new Promise(setImmediate)
  const { accepted, pending, refused } = push.stats()
  t.equal(accepted, pending)
  t.ok(accepted >= 9 && accepted <= 11, `${accepted} taken`)
  t.strictSame(refused, { full: 100 - accepted })
  t.strictSame(
    errors.map(({ code, messages }) => [code, messages]),
    [['RIVULET_OUTBOX_FULL', 100 - accepted]],
  )
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  t.equal((await firstFew(pull.messages, accepted)).length, accepted)
})
