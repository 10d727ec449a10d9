/**
 * `npm run soak -- directory-rolling [--rounds N] [--callers N] [--json]`: three servers, found through a directory, restart in turn.
 *
 * In each round every server is replaced, by turns with a drain and with `kill -9`, and comes back at another port. Held: no
 * idempotent call fails, and the load evens out within a second of a join: the newcomer has at least half of its share.
 *
 * A call goes to the server with the fewest open ones: what evens out are open calls, not answers. A server that answers at once gets
 * as many as its share of the processors allows, which says nothing about the balance. So each call takes its time at the server,
 * and its share of the answers is that of the open calls.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { plainPath, writePlain } from '../../tools/plain.js'
import { Which } from '../directory/which.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    callers: { type: 'string', default: '16' },
    json: { type: 'boolean', default: false },
  },
})
const [rounds, callers] = [values.rounds, values.callers].map(Number) as [number, number]
const servers = 3

/** Within which time the load must be even, how long it is waited for, and over which time shares are measured, in milliseconds. */
const evenLimitMs = 1000
const mostMs = 5000
const windowMs = 200

// without a loader, so that a process that was killed is back soon
const plain = writePlain()
const program = plainPath(plain, 'test/directory/which-process.ts')
const bind = 'tcp://127.0.0.1:*'
const hosts = await Promise.all([1, 2].map(() => createDirectoryHost({ bind })))
const connect = hosts.map(({ endpoint }) => endpoint)

/** Starts a server; resolves when it is announced. */
async function start(name: string): Promise<{ name: string; child: ChildProcess }> {
  const child = fork(program, [JSON.stringify({ name, connect })], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  return { name, child }
}

async function end({ child }: { child: ChildProcess }, isDrained: boolean): Promise<void> {
  const ended = once(child, 'exit')
  if (isDrained) child.send('drain')
  else child.kill('SIGKILL')
  await ended
}

const running = await Promise.all(Array.from({ length: servers }, (_, at) => start(`${at}`)))
const directory = await createDirectory({ connect })
const client = await createRpcClient(Which, { connect: directory.endpoints('which') })
for (const { errors } of [directory, client, ...hosts]) errors.subscribe()
const faults: string[] = []
let answers = new Map<string, number>()
let calls = 0
let isEnding = false
const load = Promise.all(
  Array.from({ length: callers }, async () => {
    while (!isEnding) {
      try {
        const name = await client.promises.server({})
        calls += 1
        answers.set(name, (answers.get(name) ?? 0) + 1)
      } catch (error) {
        faults.push(`a call failed: ${(error as Error).message}`)
      }
    }
  }),
)

let slowestMs = 0
for (let round = 1; round <= rounds; round++) {
  for (let at = 0; at < servers; at++) {
    const isDrained = (round + at) % 2 === 0
    await end(running[at] as (typeof running)[number], isDrained)
    await setTimeout(200)
    const name = `${at} of round ${round}`
    running[at] = await start(name)
    const joined = performance.now()
    let share = 0
    while (share < 0.5 && performance.now() - joined < mostMs) {
      answers = new Map()
      await setTimeout(windowMs)
      const sum = [...answers.values()].reduce((total, count) => total + count, 0)
      share = ((answers.get(name) ?? 0) * servers) / Math.max(1, sum)
    }
    const evenMs = Math.round(performance.now() - joined)
    slowestMs = Math.max(slowestMs, evenMs)
    if (evenMs > evenLimitMs) faults.push(`${name} had ${share.toFixed(2)} of its share after ${evenMs} ms`)
  }
  if (!values.json)
    console.log(`round ${round}: ${calls} calls, even after ${slowestMs} ms at most, ${faults.length} faults`)
}
isEnding = true
await load
await client.close()
await directory.close()
await Promise.all(running.map((one) => end(one, false)))
await Promise.all(hosts.map((host) => host.close()))
rmSync(plain, { recursive: true })
const figures = {
  rounds,
  calls,
  slowestMs,
  faults: faults.slice(0, 10),
  failed: faults.length,
}
console.log(values.json ? JSON.stringify(figures) : figures)
process.exitCode = faults.length > 0 ? 1 : 0
