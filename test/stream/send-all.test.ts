/** `sendAll`: each kind of source, its pace, its failure, and who is told when it must stop before the source ends. */
import { Readable } from 'node:stream'
import { concat, from, Observable, of, throwError, timer } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'
import type { Job } from '../support/job.js'
import { Sending } from '../support/sending.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

const job = (id: number): Job => ({ id, note: '' })
const invalid = { id: 'one', note: '' } as never
const many = { outboxBytes: 1e6, maxBatchMessages: 1000 }

const three = [job(1), job(2), job(3)]
const sources: Record<string, () => Parameters<Sending['sink']['sendAll']>[0]> = {
  array: () => three,
  set: () => new Set(three),
  generator: function* () {
    yield* three
  },
  'async generator': async function* () {
    yield* three
  },
  'Node stream': () => Readable.from(three),
  observable: () => from(three),
  'observable that takes its time': () =>
    concat(
      of(job(1)),
      timer(0).pipe(() => of(job(2))),
      of(job(3)),
    ),
}

for (const [kind, make] of Object.entries(sources)) {
  t.test(`${kind}: all of it is sent, in order`, async (t) => {
    const sending = new Sending(many)
    sending.flow()
    t.strictSame(await sending.sink.sendAll(make()), { sent: 3, dropped: 0 })
    await turn()
    t.strictSame(sending.ids, [1, 2, 3])
    t.equal(sending.listeners, 0, 'nothing is left behind')
  })

  t.test(`${kind}: with true backpressure or, if it cannot be paused, with the policy`, async (t) => {
    const sending = new Sending({ overflow: 'block' })
    const sent = sending.sink.sendAll(make())
    await turn()
    sending.flow()
    const pausable = !kind.startsWith('observable')
    t.strictSame(await sent, pausable ? { sent: 3, dropped: 0 } : { sent: 1, dropped: 2 })
    await turn()
    t.equal(sending.unaccounted, 0)
    t.strictSame(sending.outgoing.stats().refused, pausable ? {} : { full: 2 })
  })
}

t.test('a promise is a source of one', async (t) => {
  const sending = new Sending(many)
  sending.flow()
  t.strictSame(await sending.sink.sendAll(Promise.resolve(job(1))), { sent: 1, dropped: 0 })
  await turn()
  t.strictSame(sending.ids, [1])
})

t.test('an empty source', async (t) => {
  const { sink } = new Sending(many)
  for (const source of [[], of(), (async function* () {})()]) {
    t.strictSame(await sink.sendAll(source as never), { sent: 0, dropped: 0 })
  }
})

t.test('what is no source is refused', async (t) => {
  const { sink } = new Sending(many)
  for (const source of [null, undefined, 5, {}]) {
    await t.rejects(sink.sendAll(source as never), { code: 'RIVULET_INVALID_OPTION', message: /source must be/ })
  }
  await t.rejects(sink.sendAll([], { sginal: undefined } as never), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a Rivulet stream is taken from only as there is room', async (t) => {
  const feed = new Feed<Job>()
  const sending = new Sending()
  const supply = feed.frame(...Array.from({ length: 10 }, (_, id) => job(id)))
  const sent = sending.sink.sendAll(feed.stream)
  await turn()
  t.equal(supply.taken, 2, 'one is with the transport, one in hand')
  await sending.take()
  t.equal(supply.taken, 3)
  sending.flow()
  await turn()
  feed.inbound.complete()
  t.strictSame(await sent, { sent: 10, dropped: 0 })
  t.strictSame(sending.ids, [...Array(10).keys()])
})

t.test('a message that does not fit is dropped and reported, and the rest goes on', async (t) => {
  const mixed = [job(1), invalid, job(2), { id: 3, note: 'x'.repeat(2000) }, job(4)]
  for (const source of [mixed, from(mixed)]) {
    const sending = new Sending(many)
    sending.flow()
    t.strictSame(await sending.sink.sendAll(source), { sent: 3, dropped: 2 })
    await turn()
    t.strictSame(sending.ids, [1, 2, 4])
    t.strictSame(
      sending.errors.map(({ code }) => code),
      ['RIVULET_INVALID_MESSAGE', 'RIVULET_MESSAGE_TOO_LARGE'],
    )
    t.strictSame(sending.outgoing.stats().refused, { invalid: 1, 'too-large': 1 })
  }
})

t.test('a source that fails: what came before is sent, and the failure is told with its cause', async (t) => {
  const cause = new Error('the source')
  const fails = () => {
    throw cause
  }
  const failing: Record<string, () => unknown> = {
    generator: function* () {
      yield job(1)
      throw cause
    },
    'async generator': async function* () {
      yield job(1)
      throw cause
    },
    observable: () =>
      concat(
        of(job(1)),
        throwError(() => cause),
      ),
    'Node stream': () =>
      Readable.from(
        (async function* () {
          yield job(1)
          throw cause
        })(),
      ),
    promise: () => Promise.reject(cause),
    'iterable that throws': () => ({ [Symbol.iterator]: fails }),
    'async iterable that throws': () => ({ [Symbol.asyncIterator]: fails }),
    'observable that throws': () => new Observable(fails),
    'iterator that throws': () => ({ [Symbol.asyncIterator]: () => ({ next: fails }) }),
  }
  for (const [kind, make] of Object.entries(failing)) {
    const sending = new Sending(many)
    sending.flow()
    await t.rejects(sending.sink.sendAll(make() as never), { code: 'RIVULET_SOURCE_FAILED', cause }, kind)
    sending.sink.next(job(2))
    await turn()
    t.strictSame(sending.ids, /promise|throws/.test(kind) ? [2] : [1, 2], 'the sink stays open')
    t.equal(sending.listeners, 0)
  }
  const odd = { [Symbol.iterator]: () => ({ next: () => undefined }) }
  await t.rejects(new Sending(many).sink.sendAll(odd as never), { code: 'RIVULET_SOURCE_FAILED' })
})
