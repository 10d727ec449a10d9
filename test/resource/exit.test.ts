/** Closed resources leave their process free to end: one process, which any of them would hold. */
import t from 'tap'
import { complaint, loader, modulePath, run } from '../child-process.js'
import { everyName } from '../support/every-resource.js'

t.test('a process that has opened and closed every resource ends', async (t) => {
  const program = [...loader, modulePath('test/resource/exit-process.ts'), ...everyName]
  const ended = await run(process.execPath, program, { cwd: process.cwd(), timeoutMs: 25_000 })
  t.equal(complaint(ended), undefined)
  t.equal(ended.stdout, [...everyName.map((name) => `${name} closed`), 'ends', ''].join('\n'))
  t.equal(ended.stderr, '')
})
