/** What pairs of peers hold when they are idle. */
import t from 'tap'
import { loader, modulePath, run } from '../child-process.js'

/** The sender and the receiver together, in bytes of the heap. */
const most = 12_200

/** A loader that gives closures their names makes each of them larger. */
const skip = loader.length > 0 && 'to be run by tools/test.ts'

t.test('a pair of peers on two nodes holds little when it is idle', { skip }, async (t) => {
  const args = ['--expose-gc', modulePath('test/messaging/memory-process.ts')]
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 60_000 })
  t.equal(code, 0, stderr)
  const { bytesOfPair } = JSON.parse(stdout) as { readonly bytesOfPair: number }
  t.ok(bytesOfPair < most, `${bytesOfPair} bytes for each pair`)
})
