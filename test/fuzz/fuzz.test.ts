/** A hundred thousand inputs, spread over all targets: half from a fixed seed, half from another each time. */
import t from 'tap'
import { fuzz } from './fuzz.js'
import { taken } from './target.js'
import { targets } from './targets/index.js'

const inputs = 100_000
const fixed = 20_261_129
const shares = Object.values(targets).reduce((sum, { share }) => sum + share, 0)

for (const [name, target] of Object.entries(targets)) {
  t.test(name, async (t) => {
    for (const seed of [fixed, Math.floor(Math.random() * 1e9)]) {
      const count = Math.ceil((inputs / 2) * (target.share / shares))
      const figures = await fuzz(target, { inputs: count, seed })
      t.equal(figures.finding, undefined, `npm run fuzz -- --target ${name} --seed ${seed} --inputs ${count}`)
      const { [taken]: values = 0, ...refused } = figures.outcomes
      // inputs that are all refused at the door, or all taken, would find nothing
      t.ok(values > count / 50, `${values} of ${count} are taken`)
      t.ok(Object.values(refused).reduce((sum, times) => sum + times, 0) > count / 50, JSON.stringify(refused))
    }
  })
}

t.test('what goes wrong is found', async (t) => {
  const find = async (next: () => string) => {
    const target = { codes: ['RIVULET_BAD_FRAME'], share: 1, begin: () => next }
    return (await fuzz(target, { inputs: 100, seed: 1, mostMs: 100 })).finding
  }
  const kept: Buffer[] = []
  const leak = () => {
    kept.push(Buffer.alloc(1 << 20))
    return taken
  }
  const spin = () => {
    const end = process.cpuUsage().user + 150_000
    while (process.cpuUsage().user < end) for (let i = 0; i < 1e6; i++) Math.sqrt(i)
    return taken
  }
  const oops = () => {
    throw new TypeError('oops')
  }
  t.equal(await find(() => 'RIVULET_BAD_FRAME'), undefined)
  t.match(await find(() => 'RIVULET_INTERNAL'), /^input 0: RIVULET_INTERNAL/)
  t.match(await find(oops), /^input 0: TypeError: oops/)
  t.match(await find(leak), /^the heap grew by/)
  t.match(await find(spin), /^input 0: it took/)
})
