/** The window of one source against an oracle that remembers everything, and what no sender writes. */
import fc from 'fast-check'
import t from 'tap'
import { SourceWindow, windowMessages } from '../../patterns/socket/datagram/source-window.js'
import { seeded } from '../support/seeded.js'
import { type Arrived, Oracle } from './oracle.js'

const countsOf = ({ received, lost, late, duplicate, replayed }: SourceWindow) => ({
  received,
  lost,
  late,
  duplicate,
  replayed,
})

/** What a sender writes: datagrams of so many messages, from 0 an announcement; then a network that does what it likes. */
function travelled(sizes: readonly number[], seed: number, { loss = 0.2, doubling = 0.2, delay = 20 } = {}): Arrived[] {
  const random = seeded(seed)
  let sequence = 1
  const travelling: { at: number; datagram: Arrived }[] = []
  sizes.forEach((count, place) => {
    const datagram = { sequence, count }
    sequence += count
    if (random() < loss) return
    const copies = random() < doubling ? 2 : 1
    for (let copy = 0; copy < copies; copy++) travelling.push({ at: place + random() * random() * delay, datagram })
  })
  return travelling.sort((a, b) => a.at - b.at).map(({ datagram }) => datagram)
}

/** Runs both; the first arrival makes the window, as it does at a receiver. */
function compare(arrivals: readonly Arrived[]): void {
  const [first] = arrivals
  if (first === undefined) return
  const window = new SourceWindow(first.sequence)
  const oracle = new Oracle()
  let toldLost = 0
  for (const arrived of arrivals) {
    const isDelivered = oracle.arrive(arrived)
    if (arrived.count === 0) {
      window.reveal(arrived.sequence)
      continue
    }
    const arrival = window.arrive(arrived.sequence, arrived.count)
    if ((arrival === 'new' || arrival === 'late') !== isDelivered)
      throw new Error(`${arrival}, delivered: ${isDelivered}`)
    if (arrival === 'new') toldLost += window.takeLost()
  }
  const [found, expected] = [countsOf(window), oracle.counts()].map((counts) => JSON.stringify(counts))
  if (found !== expected) throw new Error(`${found}, expected ${expected}`)
  // what was noticed as lost came late, or is still lost, or is not reported yet
  if (toldLost > window.lost + window.late) throw new Error(`${toldLost} lost were reported`)
}

t.test('any loss, order, doubling and delay', async () => {
  const network = fc.record({
    loss: fc.double({ min: 0, max: 0.9, noNaN: true }),
    doubling: fc.double({ min: 0, max: 0.9, noNaN: true }),
    delay: fc.constantFrom(0, 2, 30, 3000),
  })
  const sizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 1024 })), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(sizes, fc.nat(), network, (counts, seed, settings) => compare(travelled(counts, seed, settings))),
    { numRuns: 300 },
  )
})

t.test('beyond the window, and far beyond it', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const sizes = Array.from({ length: 20_000 }, () => 1)
    compare(travelled(sizes, seed, { loss: 0.1, doubling: 0.3, delay: 20_000 }))
    compare([
      { sequence: 1, count: 1 },
      { sequence: 10 * windowMessages + seed, count: 3 },
      { sequence: 9 * windowMessages + seed, count: 3 },
      { sequence: 9 * windowMessages + seed + 3, count: 1 },
      { sequence: 2 ** 52, count: 1 },
      { sequence: 2 ** 52 - windowMessages, count: 1 },
    ])
  }
})

t.test('what comes before the first is late, and reveals what is missing between', async (t) => {
  const window = new SourceWindow(10)
  t.equal(window.arrive(10, 1), 'new')
  t.equal(window.arrive(7, 1), 'late')
  t.strictSame(countsOf(window), { received: 2, lost: 2, late: 1, duplicate: 0, replayed: 0 })
})

t.test('overlaps are refused, and change nothing', async (t) => {
  const window = new SourceWindow(1)
  window.arrive(1, 4)
  window.reveal(9)
  t.equal(window.arrive(3, 4), 'duplicate')
  t.equal(window.arrive(7, 4), 'overlapping')
  t.strictSame(countsOf(window), { received: 4, lost: 4, late: 0, duplicate: 4, replayed: 0 })
  t.equal(window.arrive(5, 4), 'late')
  t.equal(window.lost, 0)
})
