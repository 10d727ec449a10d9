/** What every log promises of retained values, heads, ends of topics, schemas, and frames that are put between others. */
import t from 'tap'
import { LoggedTopic } from '../../patterns/pubsub/logged-topic.js'
import { append, FrameSource, partsOf, said } from './topic-log-frames.js'
import { kindsOfLogs } from './topic-logs.js'

const all = [{ pattern: '#' }]
const retained = [{ pattern: '#', retained: true }]
const isRetained = true

for (const [kind, open] of Object.entries(kindsOfLogs)) {
  t.test(kind, async (t) => {
    t.test('a retained value outlives its frame, and a newer one takes its place', async (t) => {
      const { logs } = await open(t, { maxMessages: 0 })
      const log = logs.log('0a')
      const source = new FrameSource()
      await append(
        log,
        source.frame('x', 1, { isRetained }),
        source.frame('y', 2),
        source.frame('z', 1, { isRetained }),
      )
      t.strictSame(said(log.replay(retained)), ['x:1+1@1', 'z:1+1@4'])
      await append(log, source.frame('x', 1, { isRetained }))
      t.strictSame(said(log.replay(retained)), ['z:1+1@4', 'x:2+1@5'])
      t.strictSame(
        said(
          log.replay([
            { pattern: 'z', retained: true },
            { pattern: 'x', retained: true, upTo: 4 },
          ]),
        ),
        ['z:1+1@4'],
      )
      await log.clear('z')
      await log.clear('none')
      t.strictSame(said(log.replay(retained)), ['x:2+1@5'])
      t.equal(logs.stats().messages, 0)
    })

    t.test('a value that was fetched is there beside the frames, unless there is a later one', async (t) => {
      const { logs } = await open(t, { maxMessages: 2 })
      const log = logs.log('0a')
      const source = new FrameSource()
      const [first, second] = [source.frame('x', 1, { isRetained }), source.frame('x', 1, { isRetained })]
      await append(log, source.frame('y'), source.frame('y'), source.frame('y'))
      await log.retain(second)
      await log.retain(first)
      t.strictSame(said(log.replay(retained)), ['x:2+1@2'])
      t.strictSame(said(log.replay(all)), ['y to 1@3', 'y:2+1@4', 'y:3+1@5'])
      await log.insert([second])
      t.strictSame(said(log.replay(retained)), ['x:2+1@2'])
      await log.clear('x')
      t.strictSame(said(log.replay(retained)), [])
    })

    t.test('a message that is retained and kept comes once', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('0a')
      const source = new FrameSource()
      await append(log, source.frame('x', 1, { isRetained }), source.frame('x'))
      t.strictSame(said(log.replay([...all, ...retained])), ['x:1+1@1', 'x:2+1@2'])
    })

    t.test('retained values are given up when no frame is left', async (t) => {
      const { logs } = await open(t, { maxBytes: 20_000 })
      const log = logs.log('0a')
      const source = new FrameSource()
      await append(log, source.frame('x', 1, { isRetained, size: 5000 }))
      await append(log, source.frame('y', 1, { size: 9000 }))
      await append(log, source.frame('y', 1, { size: 9000 }))
      t.strictSame(said(log.replay([...all, ...retained])), ['x to 1@1', 'y to 1@2', 'x:1+1@1', 'y:2+1@3'])
      await append(log, source.frame('z', 1, { isRetained, size: 16_000 }))
      t.strictSame(said(log.replay(retained)), ['z:1+1@4'])
      t.ok(logs.stats().bytes <= 20_000)
    })

    t.test('what heads cost does not grow with the number of patterns', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('0a')
      const source = new FrameSource()
      const names = Array.from({ length: 200 }, (_, n) => `x.${n}`)
      await append(log, ...names.map((name) => source.frame(name)))
      let reads = 0
      const words = Object.getOwnPropertyDescriptor(LoggedTopic.prototype, 'words') as PropertyDescriptor
      Object.defineProperty(LoggedTopic.prototype, 'words', {
        ...words,
        get() {
          reads += 1
          return words.get?.call(this)
        },
      })
      t.teardown(() => Object.defineProperty(LoggedTopic.prototype, 'words', words))
      const patterns = Array.from({ length: 1000 }, (_, n) => `*.none${n}`)
      t.strictSame([...log.heads([...patterns, '*.7', 'x.8', 'x.7'], 0)].map((head) => head?.topic).sort(), [
        'x.7',
        'x.8',
      ])
      t.equal(reads, names.length - 2, 'each topic is matched once, and those that are named need not be')
    })

    t.test('heads and ends of topics stay when nothing is kept of them', async (t) => {
      const { logs } = await open(t, { maxMessages: 1 })
      const log = logs.log('0a')
      const source = new FrameSource()
      await append(log, source.frame('x.a', 2), source.frame('y', 2), source.frame('x.b'))
      const heads = (patterns: string[], after: number) =>
        [...log.heads(patterns, after)].map((head) => `${head?.topic} ${head?.next} ${head?.previous}`).sort()
      t.strictSame(heads(['#'], 0), ['x.a 3 2', 'x.b 2 5', 'y 3 4'])
      t.strictSame(heads(['x.*', 'x.a', 'none'], 0), ['x.a 3 2', 'x.b 2 5'])
      t.strictSame(heads(['#', 'y'], 2), ['x.b 2 5', 'y 3 4'])
      t.throws(() => log.heads(['a.#.b'], 0), { code: 'RIVULET_INVALID_OPTION' })
      t.throws(() => log.replay([{ pattern: '' }]), { code: 'RIVULET_INVALID_OPTION' })
      t.strictSame(
        [...log.ends()].sort((one, other) => one.position - other.position),
        [
          { topic: 'x.a', schemaText: '"int"', sequence: 2, position: 2 },
          { topic: 'y', schemaText: '"int"', sequence: 2, position: 4 },
          { topic: 'x.b', schemaText: '"int"', sequence: 1, position: 5 },
        ],
      )
    })

    t.test('what is given up is no longer counted', async (t) => {
      const { logs } = await open(t, { maxMessages: 20 })
      const log = logs.log('0a')
      const source = new FrameSource()
      for (let count = 0; count < 20; count++) await append(log, source.frame('x', 1, { size: 50 }))
      const { bytes } = logs.stats()
      await append(log, source.frame('x', 1, { isRetained }))
      await log.clear('x')
      for (let count = 0; count < 300; count++) await append(log, source.frame('x', 1, { size: 50 }))
      t.ok(Math.abs(logs.stats().bytes - bytes) < 20 * 10, `${bytes} bytes, later ${logs.stats().bytes}`)
      t.match(logs.stats(), { messages: 20, expired: 301 })
    })

    t.test('each schema comes once, before its first frame', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('0a')
      const source = new FrameSource()
      const other = { schemaId: Buffer.alloc(16, 9), schemaText: '"long"' }
      await append(log, source.frame('x'), source.frame('y', 1, other), source.frame('x'), source.frame('x', 1, other))
      const texts = partsOf(log.replay(all)).map(({ schemas }) => schemas.map(({ text }) => text))
      t.strictSame(texts, [['"int"'], ['"long"'], [], []])
    })

    t.test('frames are put where they are missing, and nowhere else', async (t) => {
      const { logs } = await open(t, { maxMessages: 6 })
      const log = logs.log('0a')
      const source = new FrameSource()
      const next = (topic: string) => source.frame(topic)
      const [first, second, third, fourth, fifth] = [next('x'), next('y'), next('x'), next('y'), next('x')] as const
      await append(log, second, fourth)
      await log.insert([first, third, fifth, second, third])
      t.strictSame(said(log.replay(all)), ['x:1+1@1', 'y:1+1@2', 'x:2+1@3', 'y:2+1@4', 'x:3+1@5'])
      t.strictSame(said(log.replay([{ pattern: 'x' }])), ['x:1+1@1', 'x:2+1@3', 'x:3+1@5'])
      t.equal(logs.stats().messages, 5)
      await append(log, source.frame('z', 3))
      await log.insert([first])
      t.strictSame(said(log.replay([{ pattern: 'x' }])), ['x to 1@1', 'x:2+1@3', 'x:3+1@5'])
    })

    t.test(
      'several sources share the bounds; the oldest frame of all is given up, and a source can be forgotten',
      async (t) => {
        const { logs, clock } = await open(t, { maxMessages: 3 })
        const [one, other] = [logs.log('0a'), logs.log('0b')]
        const [from, beside] = [new FrameSource(), new FrameSource()]
        const time = clock.wallNow()
        await append(one, from.frame('x', 1, { time: time - 5 }))
        await append(other, beside.frame('x', 1, { time: time - 8 }), beside.frame('x', 1, { time: time - 2 }))
        await append(one, from.frame('x', 1, { time: time - 1 }))
        t.strictSame(said(one.replay(all)), ['x:1+1@1', 'x:2+1@2'])
        t.strictSame(said(other.replay(all)), ['x to 1@1', 'x:2+1@2'])
        t.strictSame([...logs.sources()], ['0a', '0b'])
        await logs.forget('0a')
        await logs.forget('none')
        t.strictSame([...logs.sources()], ['0b'])
        t.equal(logs.stats().messages, 1)
        t.equal(logs.log('0a').position, 0)
      },
    )

    t.test('closed logs refuse what they are asked', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('0a')
      const replay = log.replay(all)
      await logs.close()
      await logs.close()
      const closed = { code: 'RIVULET_CLOSED' }
      t.throws(() => logs.log('0b'), closed)
      t.throws(() => log.append(new FrameSource().frame('x')), closed)
      t.throws(() => log.insert([]), closed)
      t.throws(() => log.clear('x'), closed)
      t.throws(() => replay.take(1), closed)
    })
  })
}
