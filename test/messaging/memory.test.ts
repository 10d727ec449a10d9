/** What pairs of peers hold when they are idle. */
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import t from 'tap'
import { run } from '../child-process.js'

/** The sender and the receiver together, in bytes of the heap. */
const most = 12_200

t.test('a pair of peers on two nodes holds little when it is idle', async (t) => {
  // as users run it: loaders and bundles of tests give closures their names, which makes each of them larger
  const program = join(t.testdir(), 'memory-process.mjs')
  buildSync({
    entryPoints: [join('test', 'messaging', 'memory-process.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2023',
    logLevel: 'error',
  })
  const args = ['--expose-gc', program]
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 60_000 })
  t.equal(code, 0, stderr)
  const { bytesOfPair } = JSON.parse(stdout) as { readonly bytesOfPair: number }
  t.ok(bytesOfPair < most, `${bytesOfPair} bytes for each pair`)
})
