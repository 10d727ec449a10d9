/** Sources that wait for room: an acknowledgement that makes room for very many wakes some in each turn of the event loop. */
import t from 'tap'
import { sourcesPerTurn, WakingSources } from '../../src/call/waking-sources.js'

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
