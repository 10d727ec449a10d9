/** What every log of topics promises: order, ranges, bounds, retained values, and reports of frames that were given up. */
import t from 'tap'
import { append, FrameSource, partsOf, said } from './topic-log-frames.js'
import { kindsOfLogs } from './topic-logs.js'

const all = [{ pattern: '#' }]

for (const [kind, open] of Object.entries(kindsOfLogs)) {
  t.test(kind, async (t) => {
    t.test('a log replays what was appended, in order', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('a')
      const source = new FrameSource()
      t.strictSame([...logs.sources()], [])
      t.equal(log.position, 0)
      await append(log, source.frame('x', 2), source.frame('y.z'), source.frame('x', 3))
      t.equal(log.position, 6)
      t.equal(logs.log('a'), log)
      t.strictSame([...logs.sources()], ['a'])
      t.strictSame(said(log.replay(all)), ['x:1+2@1', 'y.z:1+1@3', 'x:3+3@4'])
      t.strictSame(said(log.replay([{ pattern: 'x' }])), ['x:1+2@1', 'x:3+3@4'])
      t.strictSame(said(log.replay([{ pattern: 'y.*' }])), ['y.z:1+1@3'])
      t.strictSame(said(log.replay([{ pattern: 'other' }])), [])
      t.strictSame(said(log.replay([])), [])
      t.equal(logs.stats().messages, 6)
    })

    t.test('ranges begin after a position and end with one; frames that hold more than that are whole', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('a')
      const source = new FrameSource()
      await append(log, source.frame('x', 3), source.frame('y', 3), source.frame('x', 3), source.frame('y', 3))
      for (const pattern of ['x', '#']) {
        const only = (after: number, upTo: number) =>
          said(log.replay([{ pattern, after, upTo }])).filter((text) => text[0] === 'x')
        t.strictSame(only(2, 0), ['x:1+3@1', 'x:4+3@7'])
        t.strictSame(only(3, 0), ['x:4+3@7'])
        t.strictSame(only(0, 6), ['x:1+3@1'])
        t.strictSame(only(0, 7), ['x:1+3@1', 'x:4+3@7'])
        t.strictSame(only(9, 0), [])
      }
    })

    t.test('several ranges together give each frame once, by position', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('a')
      const source = new FrameSource()
      for (let round = 0; round < 3; round++)
        await append(log, source.frame('x.a'), source.frame('x.b'), source.frame('y'))
      const ranges = [
        { pattern: 'x.*', after: 4 },
        { pattern: 'x.a' },
        { pattern: 'x.a', after: 3 },
        { pattern: 'y', upTo: 3 },
      ]
      t.strictSame(said(log.replay(ranges)), [
        'x.a:1+1@1',
        'y:1+1@3',
        'x.a:2+1@4',
        'x.b:2+1@5',
        'x.a:3+1@7',
        'x.b:3+1@8',
      ])
    })

    t.test('the last messages of each topic', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('a')
      const source = new FrameSource()
      await append(
        log,
        source.frame('x', 5),
        source.frame('y', 1),
        source.frame('x', 2),
        source.frame('x', 2),
        source.frame('y', 1),
      )
      t.strictSame(said(log.replay([{ pattern: 'x', last: 2 }])), ['x:8+2@9'])
      t.strictSame(said(log.replay([{ pattern: '#', last: 3 }])), ['y:1+1@6', 'x:6+2@7', 'x:8+2@9', 'y:2+1@11'])
      t.strictSame(said(log.replay([{ pattern: 'x', last: 1, upTo: 7 }])), ['x:6+2@7'])
    })

    t.test('a walk continues with what is appended meanwhile', async (t) => {
      const { logs } = await open(t)
      const log = logs.log('a')
      const source = new FrameSource()
      const replays = [all, [{ pattern: 'x' }], [{ pattern: '#', last: 1 }]].map((ranges) => log.replay(ranges))
      for (const replay of replays) t.equal(replay.take(1), undefined)
      await append(log, source.frame('x'))
      for (const replay of replays) t.strictSame(said(replay), ['x:1+1@1'])
      await append(log, source.frame('x'))
      for (const replay of replays) t.strictSame(said(replay), ['x:2+1@2'])
    })

    t.test('what exceeds a bound is given up, and reported once', async (t) => {
      const { logs } = await open(t, { maxMessages: 4 })
      const log = logs.log('a')
      const source = new FrameSource()
      await append(log, source.frame('x', 2), source.frame('y', 2), source.frame('x', 2))
      const replay = log.replay(all)
      t.strictSame(said(replay), ['x to 2@2', 'y:1+2@3', 'x:3+2@5'])
      t.strictSame(said(log.replay([{ pattern: 'x', after: 1 }])), ['x to 2@2', 'x:3+2@5'])
      t.strictSame(said(log.replay([{ pattern: 'x', after: 2 }])), ['x:3+2@5'])
      t.strictSame(said(log.replay([{ pattern: 'y' }])), ['y:1+2@3'])
      t.match(logs.stats(), { messages: 4, expired: 2 })
      await append(log, source.frame('z', 4))
      t.strictSame(said(replay), ['z:1+4@7'])
      t.match(logs.stats(), { messages: 4, expired: 6 })
    })

    t.test('what is given up before a walk reaches it is reported', async (t) => {
      const { logs } = await open(t, { maxMessages: 4 })
      const log = logs.log('a')
      const source = new FrameSource()
      for (const topic of ['x', 'y', 'x', 'y']) await append(log, source.frame(topic))
      const walks = [all, [{ pattern: 'x' }, { pattern: 'y' }]].map((ranges) => log.replay(ranges))
      for (const walk of walks) t.strictSame(partsOf({ take: (bytes) => walk.take(bytes) }, 1).length, 4)
      const late = [all, [{ pattern: 'x' }, { pattern: 'y' }]].map((ranges) => log.replay(ranges))
      for (const walk of late) t.equal(walk.take(1)?.position, 1)
      await append(log, source.frame('y', 2))
      for (const walk of late) t.strictSame(said(walk), ['y to 1@2', 'x:2+1@3', 'y:2+1@4', 'y:3+2@5'])
    })

    t.test('what is too old is given up', async (t) => {
      const { logs, clock } = await open(t, { maxAgeMs: 1000 })
      const log = logs.log('a')
      const source = new FrameSource()
      const time = clock.wallNow()
      await append(log, source.frame('x', 1, { time }))
      clock.advance(600)
      await append(log, source.frame('x', 1, { time: time + 600 }))
      clock.advance(600)
      t.strictSame(said(log.replay(all)), ['x to 1@1', 'x:2+1@2'])
      const since = (ms: number) => said(log.replay([{ pattern: 'x', since: new Date(time + ms) }]))
      t.strictSame(since(0), ['x to 1@1', 'x:2+1@2'])
      t.strictSame(since(1), ['x:2+1@2'])
      t.strictSame(since(601), [])
    })
  })
}
