/**
 * What peers and past topics may cost: counted in processes of their own, with bounds far above what is due.
 */
import t from 'tap'
import { loader, modulePath, run } from '../child-process.js'
import type { Growth } from './memory-process.js'

const mebibyte = 1024 * 1024
const program = modulePath('test/pubsub/memory-process.ts')

/** What a scenario of `memory-process.ts` says. */
async function growthOf(scenario: string): Promise<Growth> {
  const args = [...loader, '--expose-gc', program, scenario]
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 120_000 })
  if (code !== 0) throw new Error(`${scenario} ended by ${code}: ${stderr}`)
  return JSON.parse(stdout) as Growth
}

t.test('patterns that are left are forgotten', async (t) => {
  const { bytes, detail } = await growthOf('leftPatterns')
  t.strictSame(detail, { counted: 0, same: 1 }, 'their messages stay counted, and a stream that is held stays the one')
  t.ok(bytes < 8 * mebibyte, `${Math.round(bytes / mebibyte)} MiB`)
})

t.test('topics of the past are forgotten, and continue where they ended', async (t) => {
  const { bytes, detail } = await growthOf('pastTopics')
  t.strictSame(detail, { sinks: 1, events: 22, inOrder: 22 }, 'no duplicate and no gap where a topic is used again')
  t.ok(bytes < 12 * mebibyte, `${Math.round(bytes / mebibyte)} MiB`)
})

for (const scenario of ['manyPrefixes', 'hiddenPrefixes']) {
  t.test(
    `subscriptions without end cost bounded memory, and an honest subscriber is served (${scenario})`,
    async (t) => {
      const { bytes, detail } = await growthOf(scenario)
      t.strictSame(detail, { disordered: 0, unsent: 0, reported: 1 }, 'what it missed is a gap, and reported')
      t.ok(bytes < 100 * mebibyte, `${Math.round(bytes / mebibyte)} MiB`)
    },
  )
}

t.test('prefixes longer than any topic end their connection and cost nothing', async (t) => {
  const { bytes, detail } = await growthOf('longPrefixes')
  t.strictSame(detail, { delivered: 1, known: 1 }, 'the honest subscriber is served, and no other prefix is known')
  t.ok(bytes < 100 * mebibyte, `${Math.round(bytes / mebibyte)} MiB`)
})
