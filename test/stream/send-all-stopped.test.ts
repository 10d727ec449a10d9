/** `sendAll` that must stop before its source ends: who is told, what is counted, and that the source is left. */
import { Readable } from 'node:stream'
import { from, NEVER, Observable, of, Subject } from 'rxjs'
import t from 'tap'
import { Source } from '../support/endless-source.js'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'
import type { Job } from '../support/job.js'
import { Sending } from '../support/sending.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

const job = (id: number): Job => ({ id, note: '' })
const three = [job(1), job(2), job(3)]
/** Messages that one turn takes in any case. */
const fewestPieces = 16

const many = { outboxBytes: 1e6, maxBatchMessages: 1000 }

const stops: Record<string, (sending: Sending, controller: AbortController) => void> = {
  RIVULET_ABORTED: (_, controller) => controller.abort(new Error('enough')),
  RIVULET_CLOSED: (sending) => sending.close(),
}

for (const [code, stop] of Object.entries(stops)) {
  t.test(`${code} before it begins: the source is not touched`, async (t) => {
    const sending = new Sending(many)
    const controller = new AbortController()
    stop(sending, controller)
    const source = new Source()
    let subscribed = false
    const observable = new Observable<Job>(() => {
      subscribed = true
    })
    const { signal } = controller
    for (const each of [source.sync(), source.async(), observable]) {
      await t.rejects(sending.sink.sendAll(each, { signal }), { code })
    }
    t.equal(source.yielded, 0)
    t.notOk(subscribed)
    t.equal(sending.listeners, 0)
  })

  t.test(`${code} while it waits for room: the source is left`, async (t) => {
    for (const kind of ['sync', 'async'] as const) {
      const sending = new Sending()
      const controller = new AbortController()
      const source = new Source()
      const sent = sending.sink.sendAll(source[kind](), { signal: controller.signal })
      await turn()
      t.match(source, { yielded: 2, left: false })
      stop(sending, controller)
      await t.rejects(sent, { code })
      await turn()
      t.match(source, { yielded: 2, left: true })
      t.equal(sending.unaccounted, 0)
      t.equal(sending.listeners, 0)
    }
  })

  t.test(`${code} while the source takes its time: nobody waits for the source`, async (t) => {
    const sending = new Sending(many)
    sending.flow()
    const controller = new AbortController()
    let go = () => {}
    const source = new Source(
      new Promise((resolve) => {
        go = resolve
      }),
    )
    const sent = sending.sink.sendAll(source.async(), { signal: controller.signal })
    await turn()
    stop(sending, controller)
    await t.rejects(sent, { code })
    go()
    await turn()
    t.ok(source.left, 'it is left at its next step')
    t.strictSame(sending.ids, [0])
  })

  t.test(`${code} while a Rivulet stream is idle: no message of it is taken and lost`, async (t) => {
    const sending = new Sending(many)
    const controller = new AbortController()
    const feed = new Feed<Job>()
    const sent = sending.sink.sendAll(feed.stream, { signal: controller.signal })
    await turn()
    t.ok(feed.inbound.wanted)
    stop(sending, controller)
    await t.rejects(sent, { code })
    t.notOk(feed.inbound.wanted)
    feed.frame(job(1))
    t.match(feed.inbound, { delivered: 0, pending: 1 })
  })

  t.test(`${code} while an observable is idle: it is unsubscribed`, async (t) => {
    for (const first of [NEVER, of(job(1))]) {
      const sending = new Sending(many)
      const controller = new AbortController()
      let unsubscribed = false
      const source = new Observable<Job>((subscriber) => {
        first.subscribe((value) => subscriber.next(value))
        return () => {
          unsubscribed = true
        }
      })
      const sent = sending.sink.sendAll(source, { signal: controller.signal })
      stop(sending, controller)
      await t.rejects(sent, { code })
      t.ok(unsubscribed)
      t.equal(sending.listeners, 0)
    }
  })

  t.test(`${code} from within the source: no more is taken`, async (t) => {
    const sending = new Sending(many)
    const controller = new AbortController()
    let yielded = 0
    const endless = () => {
      yielded += 1
      if (yielded === 3) stop(sending, controller)
      return job(yielded)
    }
    const { signal } = controller
    const iterable = (function* () {
      for (;;) yield endless()
    })()
    await t.rejects(sending.sink.sendAll(iterable, { signal }), { code })
    t.equal(yielded, 3)
    if (code === 'RIVULET_CLOSED') return
    yielded = 0
    const again = new AbortController()
    const observable = new Observable<Job>((subscriber) => {
      while (!subscriber.closed && yielded < 100) {
        yielded += 1
        if (yielded === 3) again.abort()
        subscriber.next(job(yielded))
      }
    })
    await t.rejects(sending.sink.sendAll(observable, { signal: again.signal }), { code })
    t.ok(yielded <= 4)
  })
}

t.test('the reason of the signal is the cause', async (t) => {
  const reason = new Error('enough')
  const { sink } = new Sending(many)
  await t.rejects(sink.sendAll(NEVER, { signal: AbortSignal.abort(reason) }), {
    code: 'RIVULET_ABORTED',
    cause: reason,
  })
})

t.test('aborting takes nothing back, and the sink stays open', async (t) => {
  const sending = new Sending(many)
  const controller = new AbortController()
  const source = new Subject<Job>()
  const sent = sending.sink.sendAll(source, { signal: controller.signal })
  source.next(job(1))
  controller.abort()
  source.next(job(2))
  await t.rejects(sent, { code: 'RIVULET_ABORTED' })
  sending.sink.next(job(3))
  sending.flow()
  await turn()
  t.strictSame(sending.ids, [1, 3])
})

t.test('a message in hand when the sink closes is counted as refused', async (t) => {
  const sending = new Sending()
  const sent = sending.sink.sendAll([job(0), job(1), job(2)])
  await turn()
  sending.close()
  await t.rejects(sent, { code: 'RIVULET_CLOSED' })
  t.match(sending.outgoing.stats(), { accepted: 1, dropped: { closed: 1 }, refused: { closed: 1 } })
})

t.test('a source that answers badly to being left is no failure', async (t) => {
  const answers: (() => unknown)[] = [
    () => {
      throw new Error('return')
    },
    () => Promise.reject(new Error('return')),
  ]
  for (const answer of answers) {
    const sending = new Sending()
    const controller = new AbortController()
    const source = { [Symbol.asyncIterator]: () => ({ next: () => ({ value: job(1) }), return: answer }) }
    const sent = sending.sink.sendAll(source as never, { signal: controller.signal })
    await turn()
    controller.abort()
    await t.rejects(sent, { code: 'RIVULET_ABORTED' })
  }
})

t.test('an endless source that is always ready lets timers run', async (t) => {
  for (const kind of ['sync', 'async'] as const) {
    const sending = new Sending({ outboxBytes: 1e9, maxBatchMessages: 1000 })
    sending.flow()
    const controller = new AbortController()
    const source = new Source()
    const sent = sending.sink.sendAll(source[kind](), { signal: controller.signal })
    setTimeout(() => controller.abort(), 1)
    await t.rejects(sent, { code: 'RIVULET_ABORTED' })
    t.ok(source.yielded >= fewestPieces)
    await turn()
    t.ok(source.left)
    t.equal(sending.unaccounted, 0)
  }
})

t.test('a signal that outlives many calls keeps nothing of them', async (t) => {
  const { sink } = new Sending({ outboxBytes: 1e9 })
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof addEventListener>) => {
      listeners += 1
      addEventListener.apply(signal, args)
    },
    removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1
      removeEventListener.apply(signal, args)
    },
  })
  for (const source of [three, Readable.from(three), from(three)]) await sink.sendAll(source, { signal })
  t.equal(listeners, 0)
})
