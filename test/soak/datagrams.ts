/**
 * `npm run soak -- datagrams [--packets N] [--seed S] [--json]`: a million random packets, and a million mutations of valid ones.
 *
 * Held: each is counted, memory does not grow, and every honest message between them arrives, in order. The same, with fewer
 * packets, is `test/socket-datagram/hostile.test.ts`.
 */
import { parseArgs } from 'node:util'
import { flood } from '../socket-datagram/flood.js'
import { OwnScope } from '../support/scope.js'

const mostGrowthBytes = 16 * 1024 * 1024
const progressPackets = 100_000

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    json: { type: 'boolean', default: false },
  },
})
const [packets, seed] = [Number(values.packets), Number(values.seed)]
for (const kind of ['random', 'mutated'] as const) {
  const scope = new OwnScope()
  const began = performance.now()
  const figures = await flood(scope, kind, packets, seed, (done) => {
    if (!values.json && done % progressPackets === 0) console.log(`  ${kind}: ${done} of ${packets}`)
  })
  await scope.end()
  const isHeld =
    figures.honestDelivered === figures.honestSent &&
    figures.inOrder &&
    figures.addsUp &&
    figures.unknownErrors.length === 0 &&
    figures.growthBytes < mostGrowthBytes &&
    (kind === 'mutated' || figures.rejected === packets)
  if (!isHeld) process.exitCode = 1
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  if (values.json) console.log(JSON.stringify({ kind, packets, seed, isHeld, ...figures }))
  else console.log(`${kind}, seed ${seed}: ${isHeld ? 'held' : 'NOT HELD'} in ${seconds} s: ${JSON.stringify(figures)}`)
}
