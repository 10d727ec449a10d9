/** Received frames use memory again that others have left: else each of their pages is a page fault. */
import t from 'tap'
import { loader, modulePath, run } from '../child-process.js'

/** Two pages, 500 frames of which are freed at once. */
const args = ['8000', '500']

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
const skip = header.glibcVersionRuntime === undefined && 'the allocator of this system is another one'

t.test('frames use the memory of former frames', { skip }, async (t) => {
  const path = modulePath('test/socket/page-faults-process.ts')
  const options = { cwd: process.cwd(), timeoutMs: 60_000 }
  const { code, stdout, stderr } = await run(process.execPath, ['--expose-gc', ...loader, path, ...args], options)
  t.equal(code, 0, stderr)
  const { faultsPerFrame } = JSON.parse(stdout) as { faultsPerFrame: number }
  t.ok(faultsPerFrame < 0.1, `${faultsPerFrame} page faults a frame`)
})
