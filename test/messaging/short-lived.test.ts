/** Messages between many peers leave nothing behind that only a full collection takes away. */
import t from 'tap'
import { loader, modulePath, run } from '../child-process.js'

const program = modulePath('test/messaging/short-lived-program.ts')

t.test('what a message needs is no old object', async (t) => {
  const args = ['--expose-gc', ...loader, program]
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd: process.cwd(), timeoutMs: 60_000 })
  t.equal(code, 0, stderr)
  t.ok(Number(stdout) < 300, `each leaves ${stdout.trim()} bytes`)
})
