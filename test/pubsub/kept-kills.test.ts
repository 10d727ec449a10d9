/** A publisher whose history is on disk, killed again and again; `npm run soak -- topic-kills` does it for longer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { place } from '../support/transports.js'
import { keptKills } from './kept-kills.js'

t.test('what a flush has confirmed is there after kill -9, and no number is given twice', async (t) => {
  const { runtime } = place(t, 'inproc')
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { confirmed, live, replayed, faults } = await keptKills(t, { runtime, folder, rounds: 4, seed: 7 })
  t.strictSame(faults, [])
  t.ok(confirmed > 0 && live > 0 && replayed >= confirmed, `${confirmed} confirmed, ${live} live, ${replayed} replayed`)
})
