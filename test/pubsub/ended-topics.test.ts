/** Logs in memory stay within their bytes however many topics come, and keep what is new. */
import t from 'tap'
import { createMemoryTopicLogs } from '../../patterns/pubsub/memory-topic-logs.js'
import { append, FrameSource, said } from './topic-log-frames.js'

const maxBytes = 100_000

function open() {
  const logs = createMemoryTopicLogs(
    { maxMessages: Number.POSITIVE_INFINITY, maxBytes, maxAgeMs: Number.POSITIVE_INFINITY },
    { wallNow: () => Date.now() },
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
  const heads = [...log.heads(['#'], 0)].map(({ topic }) => topic)
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
