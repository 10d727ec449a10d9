/** The example of a line protocol, alone and with its partner in Python. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { complaint, loader, modulePath, run } from '../child-process.js'
import { python, withPackages } from '../support/system-packages.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('stream: lines are answered, and a line that is too long ends its connection', async (t) => {
  const ended = await runExample('stream.ts')
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const output = ended.stdout.trim().split('\n')
  t.strictSame(output.slice(0, 2), ["[ 'ok', 'value dark blue', 'none', 'colour', 'end' ]", 'ended in order: true'])
  t.strictSame(output.slice(2).sort(), ['a client: RIVULET_FRAME_TOO_LARGE', 'this client: RIVULET_CONNECTION_LOST'])
})

t.test('stream: its partner in Python is understood', withPackages(['python3']), async (t) => {
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, modulePath('examples/stream.ts'), 'serve']
  const server = spawn('env', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => server.kill())
  const closed = once(server, 'close')
  const [port] = await once(server.stdout, 'data')
  const options = { cwd: root, timeoutMs: 60_000 }
  const partner = await run(python, ['-B', join('examples', 'stream.py'), String(port).trim()], options)
  t.equal(complaint(partner), undefined)
  t.strictSame(partner.stdout.trim().split('\n'), [
    'ok',
    'value café au lait',
    'ok',
    'value bread',
    'drink',
    'food',
    "['none', 'closing']",
  ])
  t.strictSame(await closed, [0, null])
})
