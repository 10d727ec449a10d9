/** Logs stay within their bytes however many topics come, and keep what is new. */
import t from 'tap'
import { createMemoryTopicLogs } from '../../patterns/pubsub/memory-topic-logs.js'
import { systemClock } from '../../src/clock/index.js'
import { openLmdbStore } from '../../src/store/index.js'
import { append, FrameSource, said } from './topic-log-frames.js'
import { folderOf, openStored } from './topic-logs.js'

const maxBytes = 100_000

function open() {
  const logs = createMemoryTopicLogs(
    { maxMessages: Number.POSITIVE_INFINITY, maxBytes, maxAgeMs: Number.POSITIVE_INFINITY },
    systemClock,
  )
  return { logs, log: logs.log('0a'), source: new FrameSource() }
}

t.test('topics of which nothing is kept are forgotten', async (t) => {
  const { logs, log, source } = open()
  for (let n = 0; n < 3000; n++) {
    await append(log, source.frame(`x.${n}`))
    if (logs.stats().bytes > maxBytes) t.fail(`${logs.stats().bytes} bytes after ${n} topics`)
  }
  const { messages, expired } = logs.stats()
  t.ok(messages > 50, 'the newest messages are kept')
  t.equal(messages + expired, 3000)
  const heads = [...log.heads(['#'], 0)].map((head) => head?.topic)
  t.ok(heads.length > messages && heads.length < 3000)
  t.ok(heads.includes('x.2999'))
  t.notOk(heads.includes('x.0'))
  t.equal(log.position, 3000)
})

t.test('a walk finds a topic that was forgotten and has come again', async (t) => {
  const { log, source } = open()
  await append(log, source.frame('a'), source.frame('b', 1, { isRetained: true }))
  const replay = log.replay([{ pattern: 'a' }, { pattern: '*', last: 5 }])
  for (let n = 0; n < 3000; n++) await append(log, source.frame(`x.${n}`))
  t.notOk([...log.heads(['a'], 0)].length)
  await append(log, source.frame('a'))
  t.ok(said(replay).includes('a:2+1@3003'))
  t.strictSame(said(log.replay([{ pattern: '#', retained: true }])), ['b:1+1@2'])
})

t.test('what is given up with a source is no longer counted', async (t) => {
  const { logs, log, source } = open()
  const other = new FrameSource()
  await append(logs.log('0b'), other.frame('y', 1, { isRetained: true }))
  const { bytes } = logs.stats()
  for (let n = 0; n < 50; n++) await append(log, source.frame(`x.${n}`, 1, { isRetained: n % 2 === 0 }))
  await log.clear('x.4')
  logs.forget('0a')
  t.equal(logs.stats().bytes, bytes)
  t.equal(logs.stats().messages, 1)
})

t.test('on disk they are forgotten, too, and a log that is opened again knows that there were others', async (t) => {
  const path = folderOf(t)
  const sourceId = '0123456789abcdef'
  const source = new FrameSource()
  let names = 0
  const fill = async (topics: number) => {
    const { logs } = await openStored(t, path, { maxBytes })
    const log = logs.log(sourceId)
    for (let n = 0; n < topics; n += 100) {
      await append(log, ...Array.from({ length: 100 }, () => source.frame(`x.${names++}`)))
      if (logs.stats().bytes > maxBytes) t.fail(`${logs.stats().bytes} bytes after ${names} topics`)
    }
    await logs.close()
  }
  await fill(100)
  const { logs: young } = await openStored(t, path, { maxBytes })
  t.notOk(young.log(sourceId).areNumbersLost, 'all topics are known')
  await young.close()
  await fill(1900)
  const { logs, size } = await readAgain()
  const log = logs.log(sourceId)
  t.ok(log.areNumbersLost)
  const ends = [...log.ends()].sort((one, other) => one.position - other.position)
  t.strictSame(ends.at(-1), { topic: 'x.1999', schemaText: '"int"', sequence: 1, position: 2000 })
  t.ok(logs.stats().messages > 50)
  t.ok(ends.length < 300, `${ends.length} topics`)
  await logs.close()
  await fill(3000)
  const again = await readAgain()
  t.ok(again.size < size * 2, `${again.size} records, ${size} before`)
  t.ok(again.logs.log(sourceId).areNumbersLost)

  /** Opens the logs, and counts the records of topics and frames that are there. */
  async function readAgain() {
    const store = await openLmdbStore({
      path,
      maxBytes: 2 ** 28,
      durability: 'flushed',
      onFailed: t.fail,
      onCorrupt: t.fail,
    })
    const size = [...store.range()].length
    await store.close()
    return { logs: (await openStored(t, path, { maxBytes })).logs, size }
  }
})

t.test('the topics of a source that sends no more are forgotten for those of others', async (t) => {
  const { logs, log, source } = open()
  const other = logs.log('0b')
  const others = new FrameSource()
  for (let n = 0; n < 100; n++) await append(log, source.frame(`x.${n}`, 1, { time: 2000 }))
  for (let n = 0; n < 400; n++) await append(other, others.frame(`y.${n}`, 1, { time: 1000 }))
  // now the frames of the first one are the oldest, and its topics end
  for (let n = 0; n < 600; n++) await append(other, others.frame('y', 1, { time: 3000, size: 100 }))
  t.strictSame(said(log.replay([{ pattern: 'x.99' }])).length, 1, 'they have ended')
  const { length } = [...log.heads(['#'], 0)]
  t.ok(length > 0 && length < 70, `${length} topics`)
})
