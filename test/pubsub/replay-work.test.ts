/** How much of a turn replays and heads take that find little: topics that are matched, and frames that are looked at. */
import t from 'tap'
import { LoggedTopic } from '../../patterns/pubsub/logged-topic.js'
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import { TopicAccesses } from '../../patterns/pubsub/topic-access.js'
import { TopicService } from '../../patterns/pubsub/topic-service.js'
import type { HeadsPart, Range, ReplayPart } from '../../patterns/pubsub/topics-wire.js'
import { type CallContext, ReadySource } from '../../src/call/index.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { FrameSource, textsOf } from './topic-log-frames.js'
import { unbounded } from './topic-logs.js'

const source = '0123456789abcdef'
const topics = 20_000
/** Topics that are matched in one turn, at most. */
const mostMatches = 8192

let matches = 0
const words = Object.getOwnPropertyDescriptor(LoggedTopic.prototype, 'words') as PropertyDescriptor
Object.defineProperty(LoggedTopic.prototype, 'words', {
  ...words,
  get() {
    matches += 1
    return words.get?.call(this)
  },
})

/** A log, and calls of the service over it: the items of each turn, and the topics that were matched in it. */
function serve(bounds = {}, accesses?: TopicAccesses) {
  const clock = new VirtualClock()
  const log = openTopicLogs({ ...unbounded, ...bounds, clock }).log(source)
  const turns: (() => void)[] = []
  const service = new TopicService({
    clock,
    nextTurn: (callback) => void turns.push(callback),
    sources: () => [source],
    log: () => log,
    missed() {},
    ...(accesses && { accesses }),
  })
  const call = <T>(method: string, request: object) => {
    const context = { draining: new AbortController().signal, peer: { id: 'link' } } as CallContext
    const handler = service.implementation.handlers.get(method)
    const opened = handler?.({ source: Buffer.from(source, 'hex'), ...request }, context)
    if (!ReadySource.is(opened)) throw new Error('not a source')
    const items = opened.open(() => {})
    const took: { readonly items: T[]; readonly matches: number }[] = []
    while (!items.isEnded && took.length < 10_000) {
      matches = 0
      const taken: T[] = []
      for (let item = items.take(); item !== undefined; item = items.take()) taken.push(item as T)
      took.push({ items: taken, matches })
      for (const turn of turns.splice(0)) turn()
    }
    return took
  }
  return { log, call }
}

const wanted = (more: Partial<Range> = {}) =>
  Array.from({ length: 32 }, (_, n) => ({ pattern: n < 31 ? `*.none${n}.*` : '*.t77.*', ...more }))

const said = (turns: readonly { readonly items: readonly ReplayPart[] }[]) =>
  turns.flatMap(({ items }) => items.flatMap(({ expired = [], frames = [] }) => textsOf({ expired, frames })))

for (const [name, more, bounds] of [
  ['along the log', {}, {}],
  ['of the last messages', { last: 1 }, {}],
  ['of retained values', { retained: true }, {}],
  ['of what is given up', {}, { maxMessages: 10 }],
] as const) {
  t.test(`a replay ${name} matches a bounded number of topics in a turn`, async (t) => {
    const { log, call } = serve(bounds)
    const frames = new FrameSource()
    for (let n = 0; n < topics; n++) log.append(frames.frame(`x.t${n}.y`, 1, { isRetained: true }))
    const turns = call<ReplayPart>('replay', { ranges: wanted(more) })
    t.strictSame(said(turns), ['maxMessages' in bounds ? 'x.t77.y to 1@78' : 'x.t77.y:1+1@78'])
    const most = Math.max(...turns.map(({ matches }) => matches))
    t.ok(most <= mostMatches, `${most} topics in one turn`)
    t.ok(turns.length > 2, `${turns.length} turns`)
  })
}

t.test('a topic that comes while others are matched is not left out, nor is what is given up meanwhile', async (t) => {
  const { log } = serve({ maxMessages: topics - 1 })
  const frames = new FrameSource()
  for (let n = 0; n < topics; n++) log.append(frames.frame(`x.t${n}.y`))
  for (const [n, more] of [{}, { last: 1 }].entries()) {
    const walk = log.replay([
      { pattern: `*.t${n + 1}.*`, ...more },
      { pattern: `*.new${n}.*`, ...more },
    ])
    t.strictSame(walk.take(1), { schemas: [], expired: [], frames: [], position: 0 }, 'not all topics are known')
    log.append(frames.frame(`x.new${n}.y`))
    const texts: string[] = []
    for (let part = walk.take(1); part !== undefined; part = walk.take(1)) texts.push(...textsOf(part))
    t.strictSame(texts, [`x.t${n + 1}.y to 1@${n + 2}`, `x.new${n}.y:1+1@${topics + n + 1}`])
  }
})

t.test('a replay looks at a bounded number of frames in a turn', async (t) => {
  const { log, call } = serve()
  const frames = new FrameSource()
  for (let n = 0; n < 100_000; n++) log.append(frames.frame('x'))
  log.append(frames.frame('y.z'))
  const turns = call<ReplayPart>('replay', { ranges: [{ pattern: 'y.*' }] })
  t.strictSame(said(turns), ['y.z:1+1@100001'])
  t.ok(turns.length > 3, `${turns.length} turns`)
})

t.test('heads match a bounded number of topics in a turn', async (t) => {
  const { log, call } = serve()
  const frames = new FrameSource()
  for (let n = 0; n < topics; n++) log.append(frames.frame(`x.t${n}.y`))
  const turns = call<HeadsPart>('heads', { patterns: ['*.t77.*', 'x.t9.y'], after: 0 })
  const heads = turns.flatMap(({ items }) => items.flatMap(({ heads: some = [] }) => some.map(({ topic }) => topic)))
  t.strictSame(heads, ['x.t9.y', 'x.t77.y'])
  const most = Math.max(...turns.map(({ matches }) => matches))
  t.ok(most <= mostMatches, `${most} topics in one turn`)
})

t.test('what a policy leaves out of a replay counts as well', async (t) => {
  const policy = { permits: () => true, allows: (_: unknown, __: unknown, target: string) => target === 'b' }
  const { log, call } = serve({}, new TopicAccesses(() => policy, 'subscribe'))
  const frames = new FrameSource()
  for (let n = 0; n < 100; n++) log.append(frames.frame('a', 1, { size: 30_000 }))
  log.append(frames.frame('b'))
  const turns = call<ReplayPart>('replay', { ranges: [{ pattern: '#' }] })
  t.strictSame(said(turns), ['b:1+1@101'])
  t.ok(turns.length > 5, `${turns.length} turns`)
})
