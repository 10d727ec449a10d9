/** Random packets, and mutations of valid ones: counted, nothing grows, and honest messages arrive beside them. */
import t from 'tap'
import { flood } from './flood.js'

/** `npm run soak -- datagrams` sends a million of each. */
const packets = 20_000
const mostGrowthBytes = 8 * 1024 * 1024

for (const kind of ['random', 'mutated'] as const) {
  t.test(`${kind} packets`, async (t) => {
    const seed = Math.floor(Math.random() * 1e9)
    const figures = await flood(t, kind, packets, seed)
    t.comment(`seed ${seed}: ${JSON.stringify(figures)}`)
    t.equal(figures.honestDelivered, figures.honestSent)
    t.ok(figures.inOrder)
    t.ok(figures.addsUp)
    t.strictSame(figures.unknownErrors, [])
    t.ok(figures.growthBytes < mostGrowthBytes, `the heap grew by ${figures.growthBytes} bytes`)
    t.ok(figures.sourcesKept <= 1024)
    if (kind === 'random') t.equal(figures.rejected, packets, 'each is counted')
    else t.ok(figures.rejected > packets / 4 && figures.taken > packets / 100, 'some get past each check')
  })
}
