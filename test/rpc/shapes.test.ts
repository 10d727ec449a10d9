/** The five shapes of methods from end to end, over each transport: values, ends, and what may be returned. */
import { firstValueFrom, from, lastValueFrom, NEVER, of, Subject, throwError, toArray } from 'rxjs'
import t from 'tap'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { failure, openLab } from './lab.js'

const ids = (items: readonly { id: number }[]) => items.map(({ id }) => id)

eachTransport(t, 'one request, one response', async (t, at) => {
  const { client } = await openLab(t, at)
  t.strictSame(await client.promises.get({ id: 7 }), { id: 7, text: 'item 7' })
  t.strictSame(await firstValueFrom(client.get({ id: 8 })), { id: 8, text: 'item 8' })
  t.strictSame(await lastValueFrom(client.get({ id: 9 }).pipe(toArray())), [{ id: 9, text: 'item 9' }])
  t.strictSame(await client.promises.peek({ id: 1 }), { id: 1, text: '' }, 'a default of the response was filled in')
  const data = Buffer.from('some bytes')
  t.ok((await client.promises.echo({ data })).equals(data))
})

eachTransport(t, 'a stream of responses', async (t, at) => {
  const { client } = await openLab(t, at)
  t.strictSame(ids(await lastValueFrom(client.list({ count: 3 }).pipe(toArray()))), [0, 1, 2])
  t.strictSame(await lastValueFrom(client.list({ count: 0 }).pipe(toArray())), [])
  const iterated: number[] = []
  for await (const { id } of client.list({ count: 3, first: 5 })) iterated.push(id)
  t.strictSame(iterated, [5, 6, 7])
  const processed = client.list({ count: 3 }).process(async ({ id }) => id * 10, { concurrency: 1 })
  t.strictSame(await lastValueFrom(processed.pipe(toArray())), [0, 10, 20])
})

eachTransport(t, 'a stream of requests', async (t, at) => {
  const { client } = await openLab(t, at)
  const list = [{ id: 1 }, { id: 2 }, { id: 39 }]
  async function* generated() {
    yield* list
  }
  t.equal(await client.promises.total(list), 42)
  t.equal(await client.promises.total(generated()), 42)
  t.equal(await client.promises.total(from(list)), 42)
  t.equal(await firstValueFrom(client.total(new Set(list))), 42)
  t.equal(await client.promises.total([]), 0)
})

eachTransport(t, 'streams both ways', async (t, at) => {
  const { client } = await openLab(t, at)
  const questions = new Subject<{ id: number }>()
  const answers = client.relay(questions)[Symbol.asyncIterator]()
  const first = answers.next()
  await until(() => questions.observed)
  questions.next({ id: 1 })
  t.strictSame(await first, { done: false, value: { id: 1, text: 'relayed 1' } }, 'while the requests go on')
  questions.next({ id: 2 })
  t.equal((await answers.next()).value?.id, 2)
  questions.complete()
  t.equal((await answers.next()).done, true)
  const many = Array.from({ length: 1000 }, (_, id) => ({ id }))
  t.strictSame(ids(await lastValueFrom(client.relay(many).pipe(toArray()))), ids(many))
})

eachTransport(t, 'one way', async (t, at) => {
  const noted: number[] = []
  const { client, server } = await openLab(t, at, { handlers: { note: ({ id }) => void noted.push(id) } })
  t.equal(await client.promises.note({ id: 1 }), undefined)
  t.strictSame(await lastValueFrom(client.note({ id: 2 }).pipe(toArray())), [], 'it completes and has no value')
  await until(() => noted.length === 2)
  t.strictSame(noted, [1, 2])
  await until(() => server.stats().answered === 2)
})

t.test('what a handler with one response may return', async (t) => {
  const ways = [
    () => ({ id: 1 }),
    async () => ({ id: 1 }),
    () => of({ id: 1 }, { id: 2 }),
    async () => of({ id: 1 }),
    () => from(Promise.resolve({ id: 1 })),
  ]
  const { client } = await openLab(t, place(t, 'inproc'), { handlers: { get: ({ id }) => ways[id]?.() as never } })
  for (let id = 0; id < ways.length; id++) t.strictSame(await client.promises.get({ id }), { id: 1, text: '' })
})

t.test('of an observable the first value counts, and then it is left', async (t) => {
  let subscribed = 0
  const source = new Subject<{ id: number }>()
  const { client } = await openLab(t, place(t, 'inproc'), {
    handlers: {
      get: () => {
        subscribed += 1
        return source
      },
    },
  })
  const got = client.promises.get({ id: 1 })
  await until(() => subscribed === 1)
  source.next({ id: 5 })
  t.equal(source.observed, false)
  t.equal((await got).id, 5)
})

t.test('what a handler with a stream of responses may return', async (t) => {
  const items = [{ id: 1 }, { id: 2 }]
  async function* generated() {
    yield* items
  }
  const ways = [() => items, () => generated(), () => from(items), async () => items, () => new Set(items)]
  const { client } = await openLab(t, place(t, 'inproc'), {
    handlers: { list: ({ count }) => ways[count]?.() as never },
  })
  for (let count = 0; count < ways.length; count++) {
    t.strictSame(ids(await lastValueFrom(client.list({ count }).pipe(toArray()))), [1, 2], `way ${count}`)
  }
})

t.test('what is not a stream of responses is refused, and the report says what to return', async (t) => {
  const ways: [unknown, string][] = [
    [Promise.resolve({ id: 1 }), 'an object'],
    [{ id: 1 }, 'an object'],
    [undefined, 'undefined'],
    [Promise.resolve(7), '7 (number)'],
  ]
  const { client, server, serverErrors } = await openLab(t, place(t, 'inproc'), {
    handlers: { list: ({ count }) => ways[count]?.[0] as never, relay: () => ways[0]?.[0] as never },
  })
  const report = (method: string, what: string) => ({
    code: 'RIVULET_INTERNAL',
    message: `test.Lab.${method}: its handler returned ${what} where a stream of responses is due; return an iterable`,
    cause: { code: 'RIVULET_INVALID_OPTION' },
  })
  for (const [count, [, what]] of ways.entries()) {
    const error = await failure(firstValueFrom(client.list({ count })))
    t.match(error, { code: 'RIVULET_INTERNAL', executed: 'maybe', message: 'test.Lab.list failed at the server' })
    t.match(serverErrors[count], report('list', what))
  }
  t.match(await failure(firstValueFrom(client.relay([{ id: 1 }]))), { code: 'RIVULET_INTERNAL' })
  t.match(serverErrors.at(-1), report('relay', 'an object'))
  t.match(server.stats(), { failed: ways.length + 1, running: 0, open: 0 })
})

t.test('a source of requests that fails with an error of an option has failed', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'))
  const cause = await failure(client.promises.total(7 as never))
  t.match(cause, { code: 'RIVULET_INVALID_OPTION' })
  t.match(await failure(client.promises.total(throwError(() => cause))), { code: 'RIVULET_SOURCE_FAILED', cause })
})

t.test('a client stream may be answered before its requests end', async (t) => {
  const left = deferred()
  const { client } = await openLab(t, place(t, 'inproc'), {
    handlers: { total: async (requests) => (await firstValueFrom(requests)).id },
  })
  async function* endless() {
    try {
      for (let id = 5; ; id++) yield { id }
    } finally {
      left.resolve()
    }
  }
  t.equal(await client.promises.total(endless()), 5)
  await left.promise
  t.pass('its source is left')
})

t.test('responses flow though the requests of a duplex call have not begun', async (t) => {
  const { client } = await openLab(t, place(t, 'inproc'), { handlers: { relay: () => of({ id: 3 }) } })
  t.equal((await lastValueFrom(client.relay(NEVER))).id, 3)
})
