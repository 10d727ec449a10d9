/** The table of defaults in the code and the one in docs/defaults.md say the same. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { defaults } from '../../src/options/index.js'

const page = readFileSync('docs/defaults.md', 'utf8')

const documented = new Map(
  [...page.matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)].map(([, name, value]) => [
    name as string,
    Number((value as string).replaceAll(',', '')),
  ]),
)

t.test('every default is in the table with its value, and the table has no other', async (t) => {
  t.ok(documented.size > 10)
  t.strictSame(Object.fromEntries(documented), { ...defaults })
})

t.test('the table has the order of the code', async (t) => {
  t.strictSame([...documented.keys()], Object.keys(defaults))
})

t.test('names carry their unit, and nothing can change them', async (t) => {
  t.ok(Object.isFrozen(defaults))
  for (const name of Object.keys(defaults)) {
    t.match(name, /(Ms|Bytes|HighWaterMark|Frames|Threads|Sockets|Sessions|Calls|Attempts|Messages|Queues)$/, name)
  }
})
