/** The service of history over plain logs: what it refuses, what it serves, and what it counts. */
import t from 'tap'
import { type LogCompletion, TopicService } from '../../patterns/pubsub/topic-service.js'
import type { Head, HeadsPart, ReplayPart, SourcesChange } from '../../patterns/pubsub/topics-wire.js'
import { type CallContext, ReadySource } from '../../src/call/index.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { PlainLog, placedFrame } from './plain-logs.js'

const source = Buffer.from('0123456789abcdef', 'hex')

function serve(logs: PlainLog[] = [new PlainLog()], completes?: LogCompletion) {
  const missed: unknown[] = []
  const turns: (() => void)[] = []
  const clock = new VirtualClock()
  const service = new TopicService({
    ...(completes && { completes }),
    clock,
    nextTurn: (callback) => void turns.push(callback),
    sources: () => logs.map((log) => log.source),
    log: (name) => logs.find((log) => log.source === name),
    missed: (name, messages) => void missed.push([name, messages]),
  })
  const draining = new AbortController()
  const context = { draining: draining.signal, peer: { id: 'link' } } as CallContext
  const call = (method: string, request: unknown): unknown =>
    service.implementation.handlers.get(method)?.(request, context)
  /** Opens a stream as its link does; `all` takes until it has ended, over as many turns as it needs. */
  const open = <T>(method: string, request: unknown) => {
    const opened = call(method, request)
    if (!ReadySource.is(opened)) throw new Error('not a source')
    const ready = { count: 0 }
    const items = opened.open(() => {
      ready.count += 1
    })
    const all = () => {
      const taken: T[] = []
      for (let rounds = 0; rounds < 1000 && !items.isEnded; rounds++) {
        for (let item = items.take(); item !== undefined; item = items.take()) taken.push(item as T)
        for (const turn of turns.splice(0)) turn()
      }
      return taken
    }
    return { items, all, ready }
  }
  return { service, call, open, missed, draining, logs, clock }
}

const codeOf = (call: () => unknown) => {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { value: { code: string } }).value.code
  }
}

t.test('what is not kept, or not valid, is refused', async (t) => {
  const { call } = serve()
  const other = Buffer.alloc(8)
  t.equal(
    codeOf(() => call('replay', { source: other, ranges: [] })),
    'RIVULET_NO_HISTORY',
  )
  t.equal(
    codeOf(() => call('heads', { source: other, patterns: [], after: 0 })),
    'RIVULET_NO_HISTORY',
  )
  const invalid = [
    [{ pattern: 'a..b' }],
    [{ pattern: '#.a' }],
    [{ pattern: 'a' }, { pattern: 'a', after: -1 }],
    [{ pattern: 'a', upTo: -1 }],
    [{ pattern: 'a', last: -1 }],
    Array.from({ length: 1025 }, () => ({ pattern: 'a' })),
    Array.from({ length: 33 }, () => ({ pattern: 'a.*' })),
  ]
  for (const ranges of invalid)
    t.equal(
      codeOf(() => call('replay', { source, ranges })),
      'RIVULET_INVALID_REQUEST',
    )
  const patterns = Array.from({ length: 1025 }, () => 'a')
  t.equal(
    codeOf(() => call('heads', { source, patterns, after: 0 })),
    'RIVULET_INVALID_REQUEST',
  )
  t.equal(
    codeOf(() => call('heads', { source, patterns: [''], after: 0 })),
    'RIVULET_INVALID_REQUEST',
  )
})

t.test('a replay is taken in parts, a bounded number of bytes a turn, and counted', async (t) => {
  const { service, open, logs } = serve()
  const [log] = logs as [PlainLog]
  for (let at = 1; at <= 100; at++) log.append(placedFrame('a', at, at, Buffer.alloc(30_000)))
  const { items, all } = open<ReplayPart>('replay', { source, ranges: [{ pattern: 'a' }] })
  t.equal(log.parts, 0, 'nothing is read before there is room for it')
  const first: ReplayPart[] = []
  for (let part = items.take(); part !== undefined; part = items.take()) first.push(part as ReplayPart)
  t.ok(first.length > 1 && first.flatMap(({ frames = [] }) => frames).length < 20)
  t.equal(service.stats().open, 1)
  const rest = all()
  t.equal([...first, ...rest].flatMap(({ frames = [] }) => frames).length, 100)
  const { open: stillOpen, served, bytes } = service.stats()
  t.strictSame([stillOpen, served], [0, 1])
  t.ok(bytes > 3_000_000 && bytes < 3_100_000)
})

t.test('a replay that is left is not counted as served', async (t) => {
  const { service, open } = serve()
  const { items } = open('replay', { source, ranges: [{ pattern: '#' }] })
  items.leave()
  t.match(service.stats(), { open: 0, served: 0, bytes: 0 })
  t.equal(items.take(), undefined)
  t.ok(items.isEnded)
})

t.test('a log that fails ends its replay with the error', async (t) => {
  const { service, open, logs } = serve()
  const [log] = logs as [PlainLog]
  log.replay = () => ({
    take: () => {
      throw new Error('broken')
    },
  })
  const { items } = open('replay', { source, ranges: [{ pattern: '#' }] })
  t.throws(() => items.take(), { message: 'broken' })
  t.match(service.stats(), { open: 0, served: 0 })
})

t.test('heads come in parts, with the position at their beginning', async (t) => {
  const { open, logs } = serve()
  const [log] = logs as [PlainLog]
  for (let at = 1; at <= 1300; at++) log.append(placedFrame(`a.${at}`, at, 1, Buffer.alloc(1)))
  const { items, all } = open<HeadsPart>('heads', { source, patterns: ['a.*'], after: 100 })
  const first = items.take() as HeadsPart
  log.append(placedFrame('a.1301', 1301, 1, Buffer.alloc(1)))
  const parts = [first, ...all()]
  t.ok(parts.length >= 3)
  t.ok(parts.every(({ position }) => position === 1300))
  const heads = parts.flatMap(({ heads: some = [] }) => some)
  t.equal(heads.length, 1200)
  t.strictSame(heads[0], { topic: 'a.101', next: 2, previous: 101 })
})

t.test('sources: all at once, then each change, until the side closes', async (t) => {
  const logs = [new PlainLog()]
  const { service, open, draining } = serve(logs)
  const { items, ready } = open<SourcesChange>('sources', {})
  t.strictSame(items.take(), { present: [{ source, position: 0 }], gone: [] })
  t.equal(items.take(), undefined)
  const other = 'ffffffffffffffff'
  logs.push(new PlainLog(other))
  service.added(other)
  service.removed('0123456789abcdef')
  t.ok(ready.count > 0)
  t.strictSame(items.take(), { present: [{ source: Buffer.alloc(8, 0xff), position: 0 }], gone: [source] })
  t.notOk(items.isEnded)
  draining.abort()
  t.ok(items.isEnded)
  t.ok(open('sources', {}).items.isEnded)
})

t.test('an empty list of sources is said, too', async (t) => {
  t.strictSame(serve([]).open('sources', {}).items.take(), { present: [], gone: [] })
})

t.test('missed messages of sources that are kept are passed on', async (t) => {
  const { call, missed } = serve()
  call('missed', { source, messages: 7 })
  call('missed', { source, messages: 0 })
  call('missed', { source, messages: -3 })
  call('missed', { source: Buffer.alloc(8), messages: 7 })
  t.strictSame(missed, [['0123456789abcdef', 7]])
})

t.test('a log that is being completed is read when it is, and shows until then that something comes', async (t) => {
  let asked: Parameters<LogCompletion['replay']> | undefined
  let forgotten = 0
  const forget = () => {
    forgotten += 1
  }
  const completes: LogCompletion = {
    replay: (...all) => {
      asked = all
      return forget
    },
    heads: (_source, _patterns, _after, done) => {
      const heads: Head[] = [
        { topic: 'a', next: 9, previous: 90 },
        { topic: 'c', next: 2, previous: 5 },
      ]
      done(new Map(heads.map((head) => [head.topic, head])), 95)
      return forget
    },
  }
  const { open, logs, clock } = serve([new PlainLog()], completes)
  const [log] = logs as [PlainLog]
  const ranges = [{ pattern: 'a', after: 7, upTo: 20 }]
  const { items, ready } = open<ReplayPart>('replay', { source, ranges })
  t.equal(items.take(), undefined)
  const [name, wanted, done, progress] = asked as NonNullable<typeof asked>
  t.strictSame([name, wanted], [source.toString('hex'), ranges])
  progress()
  t.equal(ready.count, 0)
  clock.advance(500)
  progress()
  t.equal(ready.count, 1)
  t.match(items.take(), { frames: [], position: 7 })
  t.equal(items.take(), undefined)
  log.append(placedFrame('a', 8, 8, Buffer.alloc(1)))
  done()
  t.equal(ready.count, 2)
  t.equal((items.take() as ReplayPart).frames?.length, 1)
  items.take()
  t.ok(items.isEnded)
  const left = open('replay', { source, ranges }).items
  left.leave()
  t.equal(forgotten, 2, 'one that has left is not called back')

  log.append(placedFrame('b', 9, 1, Buffer.alloc(1)))
  const heads = open<HeadsPart>('heads', { source, patterns: ['*'], after: 0 }).items.take() as HeadsPart
  t.equal(heads.position, 95)
  t.strictSame(
    heads.heads?.map(({ topic, next }) => `${topic} ${next}`),
    ['a 9', 'b 2', 'c 2'],
    'whichever has come further',
  )
})

t.test('a replay that waits for its turn shows each half second that it is served', async (t) => {
  const { service, open, logs, clock } = serve()
  const [log] = logs as [PlainLog]
  for (let at = 1; at <= 100; at++) log.append(placedFrame('a', at, at, Buffer.alloc(30_000)))
  // one link has four places; their turn does not come, since no turn passes
  const others = Array.from({ length: 4 }, () => open<ReplayPart>('replay', { source, ranges: [{ pattern: 'a' }] }))
  for (const { items } of others) while (items.take() !== undefined);
  const { items, ready, all } = open<ReplayPart>('replay', { source, ranges: [{ pattern: 'a', after: 5 }] })
  t.equal(items.take(), undefined)
  clock.advance(499)
  t.equal(ready.count, 0)
  clock.advance(101)
  t.equal(ready.count, 1)
  t.strictSame(items.take(), { schemas: [], expired: [], frames: [], position: 5 })
  t.equal(items.take(), undefined)
  clock.advance(400)
  t.equal(ready.count, 1)
  clock.advance(200)
  t.equal(ready.count, 2)
  for (const other of others) other.items.leave()
  t.equal(all().flatMap(({ frames = [] }) => frames).length, 95)
  clock.advance(600)
  t.equal(clock.timers, 0, 'and nothing is left of it')
  service.close()
})

t.test(
  'where topics stand is waited for with signs of life, and so is a replay while something is fetched for it',
  async (t) => {
    let progress = () => {}
    const { service, open, clock } = serve([new PlainLog()], {
      heads: () => () => {},
      replay: (_source, _ranges, _done, progressed) => {
        progress = progressed
        return () => {}
      },
    })
    const heads = open<HeadsPart>('heads', { source, patterns: ['a'], after: 0 })
    const replay = open<ReplayPart>('replay', { source, ranges: [{ pattern: 'a' }] })
    for (const { items } of [heads, replay]) t.equal(items.take(), undefined)
    clock.advance(600)
    t.strictSame([heads.ready.count, replay.ready.count], [1, 0])
    t.strictSame(heads.items.take(), { heads: [], position: 0 })
    progress()
    clock.advance(600)
    t.strictSame([heads.ready.count, replay.ready.count], [2, 1])
    t.match(replay.items.take(), { frames: [], position: 0 })
    t.equal(replay.items.take(), undefined)
    clock.advance(600)
    t.equal(replay.ready.count, 1, 'nothing has come since')
    for (const { items } of [heads, replay]) items.leave()
    service.close()
    t.equal(clock.timers, 0)
  },
)
