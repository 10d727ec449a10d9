/** Sources that wait for room: an acknowledgement that makes room for very many wakes some in each turn of the event loop. */
import t from 'tap'
import type { CallHandler } from '../../src/call/index.js'
import { sourcesPerTurn, WakingSources } from '../../src/call/waking-sources.js'
import { until } from '../support/events.js'
import { Calling } from './calling.js'

/** The sources of so many streams, and which of them have been woken. */
function sources(count: number) {
  const woken: number[] = []
  const writable = (stream: number) => ({ stream, outgoing: { writable: () => void woken.push(stream) } })
  const calls = new Map(Array.from({ length: count }, (_, stream) => [stream, writable(stream)]))
  const full = new Set<number>()
  const asked: number[] = []
  const isWritable = (stream: number) => {
    asked.push(stream)
    return !full.has(stream)
  }
  return { woken, calls, full, asked, waking: new WakingSources({ streams: { isWritable }, calls }) }
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

t.test('few are woken at once', async (t) => {
  const { waking, woken } = sources(10)
  for (let stream = 0; stream < 10; stream++) waking.wake(stream)
  t.equal(woken.length, 10)
})

t.test('very many are woken in several turns, in order', async (t) => {
  const count = 4 * sourcesPerTurn + 10
  const { waking, woken } = sources(count)
  for (let stream = 0; stream < count; stream++) waking.wake(stream)
  t.equal(woken.length, sourcesPerTurn)
  let turns = 0
  for (let before = woken.length; woken.length < count; before = woken.length) {
    await turn()
    turns += 1
    t.ok(woken.length - before <= sourcesPerTurn, `${woken.length - before} in a turn`)
  }
  t.ok(turns >= 4, `${turns} turns`)
  t.strictSame(
    woken,
    [...woken].sort((one, other) => one - other),
  )
})

t.test(
  'one whose room is gone when it has its turn is not woken, and one whose call has ended is not asked for',
  async (t) => {
    const count = sourcesPerTurn + 3
    const { waking, woken, calls, full, asked } = sources(count)
    for (let stream = 0; stream < count; stream++) waking.wake(stream)
    full.add(sourcesPerTurn)
    calls.delete(sourcesPerTurn + 1)
    while (woken.at(-1) !== count - 1) await turn()
    t.strictSame(woken.slice(sourcesPerTurn), [count - 1])
    t.strictSame(asked, [sourcesPerTurn, count - 1])
  },
)

const untilAborted: CallHandler = (_requests, { signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(0)))

t.test('the session ends while sources wait for their turn, at a client and at a server', async (t) => {
  const count = 4 * sourcesPerTurn
  /** How much was taken from each source. */
  const taken = new Array<number>(count).fill(0)
  function* numbers(source: number) {
    for (;;) {
      taken[source] = (taken[source] as number) + 1
      yield { n: 1 }
    }
  }
  const responses = () => Array.from({ length: 1000 }, () => 1)
  const calling = new Calling({ sum: untilAborted, count: responses }, { windowBytes: 4 })
  calling.pair.dialer.blocked = calling.pair.acceptor.blocked = true
  const sums = Array.from({ length: count }, (_, source) => calling.start('sum', numbers(source)))
  const counts = Array.from({ length: count }, () => calling.start('count'))
  for (const { responses } of counts) responses.subscribe({ error: () => {} })
  await turn()
  // now there is room for all of them
  calling.pair.dialer.blocked = calling.pair.acceptor.blocked = false
  calling.pair.pump()
  await until(() => new Set(taken).size > 1) // some sources have had their turn, others wait for it
  const before = [...taken]
  calling.pair.end()
  await until(() => Object.keys(calling.leftovers).length === 0)
  t.ok(
    taken.every((values, source) => values <= (before[source] as number) + 1),
    'a source that was about to be taken from is taken from once more at most',
  )
  const codes = new Set(sums.map(({ outcomes }) => (outcomes[0] as { code?: string } | undefined)?.code))
  t.strictSame(codes, new Set(['RIVULET_UNKNOWN_OUTCOME']))
  t.ok(counts.every(({ outcomes }) => outcomes.length === 1))
  t.strictSame(calling.leftovers, {})
  t.strictSame(calling.errors, [])
})
