/** The life of a resource: its states, one shared close, and closing many. */
import t from 'tap'
import { type Closable, type CloseOptions, type CloseResult, closeAll, LifeCycle } from '../../src/lifecycle/index.js'

t.test('the states come once and in order', async (t) => {
  let release: (result: CloseResult) => void = () => {}
  const life = new LifeCycle(
    () =>
      new Promise((resolve) => {
        release = resolve
      }),
  )
  t.equal(life.status, 'opening')
  t.notOk(life.isOpen)
  life.opened()
  t.equal(life.status, 'open')
  t.ok(life.isOpen)
  let closed = false
  void life.whenClosed.then(() => {
    closed = true
  })
  const closing = life.close()
  t.equal(life.status, 'closing')
  life.opened()
  t.equal(life.status, 'closing', 'a resource that is closing cannot open')
  await new Promise(setImmediate)
  t.notOk(closed)
  release({ undelivered: 3 })
  t.strictSame(await closing, { undelivered: 3 })
  await life.whenClosed
  t.equal(life.status, 'closed')
})

t.test('concurrent and later calls share the first', async (t) => {
  const calls: CloseOptions[] = []
  const life = new LifeCycle(async (options) => {
    calls.push(options)
    return { undelivered: 1 }
  })
  life.opened()
  const [first, second] = [life.close({ timeoutMs: 1 }), life.close({ drain: false })]
  t.equal(first, second)
  await first
  t.equal(life.close(), first)
  t.strictSame(calls, [{ timeoutMs: 1 }], 'the options of the first count')
})

t.test('a resource can close before it is open', async (t) => {
  const life = new LifeCycle(async () => ({ undelivered: 0 }))
  await life.close()
  life.opened()
  t.equal(life.status, 'closed')
})

t.test('a resource whose release fails is closed, and keeps no process alive', async (t) => {
  const failure = new Error('not released')
  const life = new LifeCycle(() => Promise.reject(failure))
  life.opened()
  await t.rejects(life.close(), failure)
  await life.whenClosed
  t.equal(life.status, 'closed')
})

t.test('closeAll closes side by side and adds up', async (t) => {
  const begun: number[] = []
  const ends: (() => void)[] = []
  const resource = (index: number): Closable => {
    const life = new LifeCycle(async () => {
      begun.push(index)
      await new Promise<void>((resolve) => ends.push(resolve))
      return { undelivered: index }
    })
    return { ...life, close: (options?: CloseOptions) => life.close(options) } as unknown as Closable
  }
  const all = closeAll(new Set([resource(1), resource(2), resource(3)]))
  t.strictSame(begun, [1, 2, 3], 'all have begun before one has ended')
  for (const end of ends) end()
  t.strictSame(await all, { undelivered: 6 })
  t.strictSame(await closeAll([]), { undelivered: 0 })
})
