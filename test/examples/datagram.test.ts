/** The example of sensors over multicast, alone and with a sensor in Python. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { build, root } from '../../tools/build.js'
import { complaint, loader, modulePath, run } from '../child-process.js'
import { python, withPackages } from '../support/system-packages.js'
import { runExample } from './demo-run.js'

t.before(build)

t.test('datagram: every reading of three sensors is shown', async (t) => {
  const ended = await runExample('datagram.ts', 'alone', `${20_000 + (process.pid % 20_000)}`)
  t.equal(complaint(ended), undefined)
  t.equal(ended.stderr, '')
  const lines = ended.stdout.trim().split('\n')
  t.strictSame(lines.slice(0, 3).sort(), [
    'cellar: 15.0 °C, cellar: 15.5 °C, cellar: 16.0 °C',
    'garden: 20.0 °C, garden: 20.5 °C, garden: 21.0 °C',
    'roof: 10.0 °C, roof: 10.5 °C, roof: 11.0 °C',
  ])
  t.equal(lines[3], '9 readings of 3 sources, 0 lost')
})

t.test('datagram: a sensor in Python is understood, and gets an answer', withPackages(['python3']), async (t) => {
  const port = `${40_000 + (process.pid % 20_000)}`
  const script = modulePath('examples/datagram.ts')
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, script, 'display', port]
  const display = spawn('env', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => display.kill())
  const closed = once(display, 'close')
  const lines: string[] = []
  const reader = createInterface({ input: display.stdout }).on('line', (line) => lines.push(line))
  await once(reader, 'line')
  const options = { cwd: root, timeoutMs: 60_000 }
  const sensor = await run(python, ['-B', join('examples', 'datagram.py'), port], options)
  t.equal(complaint(sensor), undefined)
  t.equal(sensor.stdout.trim(), 'display #1, 1 of 1: 24.5')
  t.strictSame(await closed, [0, null])
  t.strictSame(lines, [
    'ready',
    'python: 21.5 °C, number 1',
    'python: 22.5 °C, number 2',
    'python: 24.5 °C, number 4, 1 lost before it',
  ])
})
