/** The reference of the public interface: TypeDoc makes it without a warning, so every public member is documented. */
import { join } from 'node:path'
import t from 'tap'
import { root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'

t.test('TypeDoc has nothing to complain about', async (t) => {
  // errors of the compiler are found where everything is compiled
  const args = [join('node_modules', 'typedoc', 'bin', 'typedoc'), '--emit', 'none', '--skipErrorChecking']
  t.equal(complaint(await run(process.execPath, args, { cwd: root, timeoutMs: 90_000 })), undefined)
})
