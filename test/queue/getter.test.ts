/** Messages with getters that use the very sink that is reading them: nothing is lost uncounted. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { codesOf } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport } from '../support/transports.js'

eachTransport(t, 'a getter that sends is refused, and its message goes', async (t, { runtime, bind }) => {
  const push = await createPush({ schema: Job, bind, runtime })
  const codes = codesOf(push)
  const pull = await createPull({ schema: Job, connect: push.endpoint, runtime })
  push.next({ id: 1 })
  push.next({
    get id() {
      push.next({ id: 99 })
      return 2
    },
  })
  push.next({ id: 3 })
  const ids: number[] = []
  for await (const { id } of pull.messages) if (ids.push(id) === 3) break
  t.strictSame(ids, [1, 2, 3])
  t.strictSame(codes, ['RIVULET_INVALID_MESSAGE'])
  t.match(push.stats(), { accepted: 3, sent: 3, refused: { invalid: 1 } })
})

t.test('a getter that closes: its message was taken before, and is counted', async (t) => {
  for (const drain of [true, false]) {
    const push = await createPush({ schema: Job, bind: 'tcp://127.0.0.1:*' })
    let closing: Promise<{ undelivered: number }> | undefined
    push.next({ id: 1 })
    push.next({
      get id() {
        closing = push.close({ drain, timeoutMs: 20 })
        return 2
      },
    })
    t.strictSame(await closing, { undelivered: 2 })
    t.match(push.stats(), { accepted: 2, sent: 0, pending: 0, dropped: { closed: 2 } })
  }
})
