/**
 * `npm start`: makes the keys, starts every process, starts one again that ends, and ends all in order.
 *
 * The order of the start does not matter to the processes: each waits for the others.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeKeys, type Role, roles } from './keys.js'

/** Between the end of a process and its next start, in milliseconds. */
const pauseMs = 500
/** How long a process may take to end, in milliseconds. */
const closeMs = 20_000

const running = new Map<Role, ChildProcess>()
const interrupted = new AbortController()
let exitCode = 0

/** Starts a process, again and again until all should end. */
async function keep(role: Role): Promise<void> {
  const program = join(import.meta.dirname, `${role.replace(/-\d$/, '')}.ts`)
  for (let wasReady = false; !interrupted.signal.aborted; ) {
    const child = fork(program, [role])
    running.set(role, child)
    child.on('message', (details) => {
      wasReady = true
      console.log(`${role} is ready, pid ${child.pid} ${details}`.trimEnd())
    })
    const [code, signal] = await once(child, 'exit')
    running.delete(role)
    console.log(`${role} has ended ${signal ? `by ${signal}` : `with code ${code}`}`)
    if (!wasReady && code !== 0) end(1) // it cannot work here, and has printed why
    await delay(pauseMs, undefined, { signal: interrupted.signal }).catch(() => {})
  }
}

function end(code: number): void {
  exitCode ||= code
  interrupted.abort()
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(0))
await makeKeys()
const kept = roles.map((role) => [role, keep(role)] as const)
if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort')
for (const [role, ended] of kept.toReversed()) {
  const child = running.get(role)
  const timer = setTimeout(() => child?.kill('SIGKILL'), closeMs)
  if (child?.connected) child.disconnect()
  await ended
  clearTimeout(timer)
}
process.exitCode = exitCode
