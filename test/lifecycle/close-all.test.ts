/** Closing many resources: users before what they use, the rest in parallel, all within one time. */
import t from 'tap'
import { type Closable, type CloseOptions, closeAll, closingOrder } from '../../src/lifecycle/index.js'

/** Resources that note what happens to them; `uses` names, for each, those that it uses. */
function resources(uses: Readonly<Record<string, readonly string[]>>) {
  const events: string[] = []
  const options = new Map<string, CloseOptions | undefined>()
  const ends = new Map<string, (undelivered: number) => void>()
  const all = Object.keys(uses).map((name) => {
    const resource = {
      name,
      close(given?: CloseOptions) {
        events.push(`close ${name}`)
        options.set(name, given)
        return new Promise((resolve) => ends.set(name, (undelivered) => resolve({ undelivered })))
      },
      [closingOrder]: {
        uses: (other: Closable) => uses[name]?.includes((other as unknown as { name: string }).name) ?? false,
        whenUsersClosed(users: readonly Closable[]) {
          events.push(`${users.length} before ${name}`)
          return async () => void events.push(`they have closed before ${name}`)
        },
      },
    }
    return resource as unknown as Closable
  })
  const end = async (name: string, undelivered = 0) => {
    ends.get(name)?.(undelivered)
    await new Promise(setImmediate)
  }
  return { all, events, options, end }
}

const uses = { host: [], server: [], producer: ['host'], consumer: ['host', 'server'], other: [] }

t.test('users close before what they use, whatever the order of the list', async (t) => {
  for (const reversed of [false, true]) {
    const { all, events, end } = resources(uses)
    const closing = closeAll(reversed ? all.reverse() : all)
    t.strictSame(events.toSorted(), [
      '1 before server',
      '2 before host',
      'close consumer',
      'close other',
      'close producer',
    ])
    await end('producer', 1)
    t.notOk(events.includes('close host'), 'its other user is not closed')
    await end('consumer', 2)
    t.match(new Set(events.slice(5)), new Set(['they have closed before host', 'close host', 'close server']))
    await end('other', 3)
    await end('host', 4)
    await end('server', 5)
    t.strictSame(await closing, { undelivered: 15 })
  }
})

t.test('those that use each other in a circle do not wait for each other', async (t) => {
  const { all, events, end } = resources({ one: ['two'], two: ['three'], three: ['one'], server: ['one'] })
  const closing = closeAll(all)
  const order: string[] = []
  for (let turn = 0; turn < all.length; turn++) {
    const begun = events.filter((event) => event.startsWith('close ')).map((event) => event.slice('close '.length))
    const [name = ''] = begun.filter((name) => !order.includes(name))
    order.push(name)
    await end(name, 1)
  }
  t.strictSame(order.toSorted(), ['one', 'server', 'three', 'two'])
  t.ok(order.indexOf('server') < order.indexOf('one'))
  t.strictSame(await closing, { undelivered: 4 })
})

t.test('what is listed twice is closed once', async (t) => {
  const { all, events, end } = resources({ one: [] })
  const closing = closeAll([...all, ...all])
  await end('one', 1)
  t.strictSame(await closing, { undelivered: 1 })
  t.strictSame(events, ['close one'])
})

t.test('all together have one time, and without draining nobody waits for what arrives', async (t) => {
  const { all, events, options, end } = resources({ host: [], producer: ['host'] })
  const closing = closeAll(all, { timeoutMs: 60_000 })
  await end('producer')
  await end('host')
  await closing
  t.strictSame(options.get('producer'), { timeoutMs: 60_000 })
  const { timeoutMs = 0 } = options.get('host') ?? {}
  t.ok(timeoutMs < 60_000 && timeoutMs > 0, `${timeoutMs} ms`)
  t.ok(events.includes('they have closed before host'))

  const hurried = resources({ host: [], producer: ['host'] })
  const all2 = closeAll(hurried.all, { drain: false })
  await hurried.end('producer')
  await hurried.end('host')
  await all2
  t.match(hurried.options.get('host'), { drain: false })
  t.strictSame(hurried.events, ['1 before host', 'close producer', 'close host'])
})
