/** Signals, such as those of a profiler, interrupt nothing: sockets are made, linked and closed while they come. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { loader, modulePath } from '../child-process.js'
import type { Interrupted } from './interrupted-process.js'

const signals = 60_000
/** So many are sent between two turns of the event loop. */
const atOnce = 20

t.test('resources open and close while signals come', async (t) => {
  // without tap's recorder of processes
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, modulePath('test/socket/interrupted-process.ts')]
  const child = spawn('env', [...args, String(signals)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  let ended = false
  const send = () => {
    if (ended) return
    for (let sent = 0; sent < atOnce; sent++) child.kill('SIGUSR2')
    setImmediate(send)
  }
  send()
  const [outcome] = (await once(child, 'message')) as [Interrupted]
  ended = true
  t.strictSame(outcome.failures, [])
  t.ok(outcome.opened > 100, `${outcome.opened} opened`)
})
