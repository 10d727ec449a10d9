/** What logs on disk write, over a store in memory: when it is there, what is left of it, and what is kept of outcomes. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { readTopicLogs } from '../../patterns/pubsub/stored-topic-logs.js'
import { createMemoryStore, type Store } from '../../src/store/index.js'
import { turn } from '../support/events.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { append, FrameSource, said } from './topic-log-frames.js'
import { unbounded } from './topic-logs.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const id = '0123456789abcdef'
const all = [{ pattern: '#' }]
const retained = [{ pattern: '#', retained: true }]

/** Logs over a store in memory, and the same store for others, without bounds. */
function open(bounds = {}) {
  const memory = createMemoryStore()
  const refused: Error[] = []
  let writable = Promise.resolve()
  const held = () => {
    let release = () => {}
    writable = new Promise((resolve) => {
      release = resolve
    })
    return release
  }
  const store: Store = {
    ...bindAll(memory),
    write(batch) {
      const error = refused.pop()
      return error ? Promise.reject(error) : writable.then(() => memory.write(batch))
    },
  }
  const clock = new VirtualClock()
  const logs = readTopicLogs(store, { bounds: { ...unbounded, ...bounds }, clock })
  return { logs, clock, again: () => readTopicLogs(memory, { bounds: unbounded, clock }), refused, held }
}

function bindAll(store: Store): Store {
  const { durability } = store
  return {
    durability,
    write: (batch) => store.write(batch),
    get: (key) => store.get(key),
    range: (...range) => store.range(...range),
    usage: () => store.usage(),
    close: () => store.close(),
  }
}

t.test('what was cleared before a flush is not there after it', async (t) => {
  const { logs, again } = open()
  const log = logs.log(id)
  const source = new FrameSource()
  void log.append(source.frame('x', 1, { isRetained: true }))
  void log.clear('x')
  await logs.flush()
  t.strictSame(said(log.replay(retained)), [])
  t.strictSame(said(again().log(id).replay(retained)), [], 'a process that begins now finds it cleared')
  t.strictSame(said(again().log(id).replay(all)), ['x:1+1@1'])
})

t.test('a value that is cleared while it is written is not there afterwards', async (t) => {
  const { logs, again, held } = open()
  const log = logs.log(id)
  const source = new FrameSource()
  const release = held()
  void log.append(source.frame('x', 1, { isRetained: true }))
  await turn()
  void log.clear('x')
  await turn()
  release()
  await logs.flush()
  t.strictSame(said(log.replay(retained)), [])
  t.strictSame(said(again().log(id).replay(retained)), [], 'a process that begins now finds it cleared')
})

t.test('nothing is kept of the outcomes of writes', async (t) => {
  const { logs, refused } = open()
  const log = logs.log(id)
  const source = new FrameSource()
  const error = await failed()
  await append(log, source.frame('x'))
  await turn()
  collectGarbage()
  t.equal(error.deref(), undefined)
  await logs.close()

  async function failed(): Promise<WeakRef<Error>> {
    const cause = new Error('refused')
    const ref = new WeakRef(cause)
    refused.push(cause)
    await append(log, source.frame('x')).catch(() => {})
    return ref
  }
})

t.test('a source that sends while it is forgotten is kept, in memory as on disk', async (t) => {
  for (const turns of [0, 1, 2, 3]) {
    const { logs, again } = open()
    const source = new FrameSource()
    await append(logs.log(id), source.frame('x'), source.frame('y', 1, { isRetained: true }))
    const forgotten = logs.forget(id)
    const doubled = logs.forget(id)
    for (let n = 0; n < turns; n++) await turn()
    for (let n = 0; n < 5; n++) {
      await append(logs.log(id), source.frame('x'))
      await turn()
    }
    await Promise.all([forgotten, doubled])
    await append(logs.log(id), source.frame('x'))
    const kept = said(logs.log(id).replay(all))
    t.strictSame(kept.slice(-6), ['x:2+1@3', 'x:3+1@4', 'x:4+1@5', 'x:5+1@6', 'x:6+1@7', 'x:7+1@8'])
    t.strictSame(said(again().log(id).replay(all)), kept)
    t.equal(logs.stats().messages, kept.length)
    await logs.forget(id)
    t.strictSame([...again().sources()], [])
  }
})

t.test('what has become too old is removed while nothing is appended', async (t) => {
  const { logs, clock, again } = open({ maxAgeMs: 1000 })
  const log = logs.log(id)
  await append(log, new FrameSource().frame('x', 1, { time: clock.wallNow() }))
  t.strictSame(said(again().log(id).replay(all)), ['x:1+1@1'])
  clock.advance(1500)
  await logs.flush()
  t.strictSame(said(again().log(id).replay(all)), ['x to 1@1'])
})
