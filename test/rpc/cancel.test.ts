/**
 * Whoever leaves a call cancels its handler: its signal aborts, its observable is unsubscribed, its iterator returned.
 *
 * That it takes no longer than a round trip is read off a call that is made right after: it is answered later.
 */
import { firstValueFrom, Observable, Subject, take } from 'rxjs'
import t, { type Test } from 'tap'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { failure, type LabClient, openLab } from './lab.js'

/** Everything that happened to handlers, in order. */
async function watched(t: Test, at: Place) {
  const events: string[] = []
  const held = deferred()
  const requests = new Subject<{ id: number }>()
  const watch = (signal: AbortSignal) =>
    signal.addEventListener('abort', () => events.push(`abort ${signal.reason.code}`))
  const { client, server } = await openLab(t, at, {
    handlers: {
      get(_request, { signal }) {
        events.push('started')
        watch(signal)
        return held.promise.then(() => ({ id: 1 }))
      },
      peek: ({ id }, { signal }) =>
        id === 0
          ? { id }
          : new Observable<{ id: number }>(() => {
              events.push('started')
              watch(signal)
              return () => events.push('unsubscribed')
            }),
      async *list({ count }, { signal }) {
        watch(signal)
        try {
          for (let id = 0; id < count; id++) yield { id }
          events.push('started')
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        } finally {
          events.push('returned')
        }
      },
      relay: (incoming, { signal }) =>
        new Observable((subscriber) => {
          events.push('started')
          watch(signal)
          subscriber.add(incoming.subscribe({ error: (error) => events.push(`requests ${error.code}`) }))
          return () => events.push('unsubscribed')
        }),
      async total(incoming, { signal }) {
        events.push('started')
        watch(signal)
        try {
          for await (const _ of incoming);
        } catch (error) {
          events.push(`requests ${(error as { code: string }).code}`)
        }
        return 0
      },
    },
  })
  return { client, server, events, requests, held }
}

type Watched = Awaited<ReturnType<typeof watched>>

/** Leaves a call and looks what has happened when a call that was made after is answered. */
async function leaves(t: Test, { client, events, server }: Watched, leave: () => void, expected: readonly string[]) {
  const { cancelled } = server.stats()
  await until(() => events.includes('started'))
  events.length = 0
  leave()
  await client.promises.peek({ id: 0 })
  t.strictSame(events, expected)
  t.match(server.stats(), { cancelled: cancelled + 1, open: 0 })
  events.length = 0
}

const ways: readonly [string, (client: LabClient) => () => void][] = [
  [
    'unsubscribe',
    (client) => {
      const subscription = client.get({ id: 1 }).subscribe()
      return () => subscription.unsubscribe()
    },
  ],
  [
    'abort of an observable',
    (client) => {
      const controller = new AbortController()
      client.get({ id: 1 }, { signal: controller.signal }).subscribe({ error: () => {} })
      return () => controller.abort()
    },
  ],
  [
    'abort of a promise',
    (client) => {
      const controller = new AbortController()
      client.promises.get({ id: 1 }, { signal: controller.signal }).catch(() => {})
      return () => controller.abort()
    },
  ],
]

eachTransport(t, 'a call with one response', async (t, at) => {
  const lab = await watched(t, at)
  for (const [name, start] of ways) {
    t.comment(name)
    await leaves(t, lab, start(lab.client), ['abort RIVULET_CANCELLED'])
  }
  const subscription = lab.client.peek({ id: 1 }).subscribe()
  await leaves(t, lab, () => subscription.unsubscribe(), ['unsubscribed', 'abort RIVULET_CANCELLED'])
  lab.held.resolve()
  await until(() => lab.server.stats().running === 0)
})

eachTransport(t, 'a stream of responses', async (t, at) => {
  const lab = await watched(t, at)
  const { client } = lab
  const unsubscribed = client.list({ count: 3 }).subscribe()
  await leaves(t, lab, () => unsubscribed.unsubscribe(), ['abort RIVULET_CANCELLED', 'returned'])
  const controller = new AbortController()
  const aborted = failure(firstValueFrom(client.list({ count: 0 }, { signal: controller.signal })))
  await leaves(t, lab, () => controller.abort('enough'), ['abort RIVULET_CANCELLED', 'returned'])
  t.match(await aborted, { code: 'RIVULET_CANCELLED', executed: 'maybe', cause: 'enough' })
  const iterator = client.list({ count: 2 })[Symbol.asyncIterator]()
  await iterator.next()
  await leaves(t, lab, () => void iterator.return?.(), ['abort RIVULET_CANCELLED', 'returned'])
  const processing = client
    .list({ count: 2 })
    .process(({ id }) => Promise.resolve(id))
    .subscribe()
  await leaves(t, lab, () => processing.unsubscribe(), ['abort RIVULET_CANCELLED', 'returned'])
})

eachTransport(t, 'take and break leave at once', async (t, at) => {
  const { client, events, server } = await watched(t, at)
  await firstValueFrom(client.list({ count: 1_000_000 }).pipe(take(1)))
  await client.promises.peek({ id: 0 })
  t.equal(server.stats().cancelled, 1)
  // a generator in the middle of its work is returned when it comes up for air
  await until(() => events.length === 2)
  for await (const _ of client.list({ count: 1_000_000 })) break
  await client.promises.peek({ id: 0 })
  t.equal(server.stats().cancelled, 2)
  await until(() => events.length === 4)
  t.strictSame(events.sort(), [...Array(2).fill('abort RIVULET_CANCELLED'), ...Array(2).fill('returned')])
})

eachTransport(t, 'streams of requests', async (t, at) => {
  const lab = await watched(t, at)
  const { client, requests } = lab
  const total = client.total(requests).subscribe()
  await leaves(t, lab, () => total.unsubscribe(), ['abort RIVULET_CANCELLED', 'requests RIVULET_CANCELLED'])
  t.equal(requests.observed, false, 'the source is left, too')
  const relay = client.relay(requests).subscribe()
  const expected = ['unsubscribed', 'abort RIVULET_CANCELLED']
  await leaves(t, lab, () => relay.unsubscribe(), expected)
  t.equal(requests.observed, false)
})

t.test('what is cancelled before it left never runs', async (t) => {
  const at = place(t, 'inproc')
  const lab = await watched(t, at)
  const controller = new AbortController()
  controller.abort('early')
  const error = await failure(lab.client.promises.get({ id: 1 }, { signal: controller.signal }))
  t.match(error, { code: 'RIVULET_CANCELLED', executed: 'no', cause: 'early' })
  lab.client.get({ id: 1 }).subscribe().unsubscribe()
  await lab.client.promises.peek({ id: 0 })
  t.strictSame(lab.events, [])
  t.match(lab.server.stats(), { started: 1, answered: 1 })
})

t.test('a call that has its outcome is not cancelled', async (t) => {
  const { client, server } = await watched(t, place(t, 'inproc'))
  const controller = new AbortController()
  await client.promises.peek({ id: 0 }, { signal: controller.signal })
  await firstValueFrom(client.peek({ id: 0 }, { signal: controller.signal }))
  controller.abort()
  await client.promises.peek({ id: 0 })
  t.match(server.stats(), { started: 3, answered: 3, cancelled: 0 })
})

t.test('an aborted stream drops what waits, and ends once', async (t) => {
  const { client, events } = await watched(t, place(t, 'inproc'))
  const controller = new AbortController()
  const iterator = client.list({ count: 5 }, { signal: controller.signal })[Symbol.asyncIterator]()
  t.equal((await iterator.next()).value?.id, 0)
  controller.abort()
  t.match(await failure(iterator.next()), { code: 'RIVULET_CANCELLED', executed: 'maybe' })
  t.strictSame(await iterator.next(), { done: true, value: undefined })
  await until(() => events.includes('returned'))
})

t.test("a handler that ignores its signal is nobody's any more", async (t) => {
  const { client, server, events, held } = await watched(t, place(t, 'inproc'))
  const subscription = client.get({ id: 1 }).subscribe()
  await until(() => events.includes('started'))
  subscription.unsubscribe()
  await until(() => server.stats().cancelled === 1)
  t.match(server.stats(), { open: 0, running: 1 })
  held.resolve()
  await until(() => server.stats().running === 0)
  t.match(server.stats(), { started: 1, cancelled: 1, answered: 0, failed: 0 })
  t.equal((await client.promises.peek({ id: 0 })).id, 0)
})
