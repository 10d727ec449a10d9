/**
 * `npm run soak -- directory-kills [--rounds N] [--announcers N] [--names N] [--json]`: both hosts of a directory are killed.
 *
 * Held: under load, with `kill -9` of both hosts at once in each round, and of one announcing process in every second, no client
 * loses an entry that lives, at any time; a client that opens after the grace period has all of them; and what a killed
 * process has announced is gone soon after.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { filter, firstValueFrom } from 'rxjs'
import { createDirectory, type Directory, type DirectoryHostStats } from '../../patterns/directory/index.js'
import { plainPath, writePlain } from '../../tools/plain.js'
import type { DirectoryRole } from '../directory/directory-process.js'
import { until } from '../support/events.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    announcers: { type: 'string', default: '3' },
    names: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
})
const [rounds, announcers, names] = [values.rounds, values.announcers, values.names].map(Number) as [
  number,
  number,
  number,
]
const graceMs = 6000
const leaseMs = 3000

// without a loader, so that a process that was killed is back soon
const plain = writePlain()
const program = plainPath(plain, 'test/directory/directory-process.ts')

/** Starts a process, and resolves with it and its first message. */
async function start<Message>(role: DirectoryRole): Promise<{ child: ChildProcess; message: Message }> {
  const child = fork(program, [JSON.stringify(role)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [message] = (await once(child, 'message')) as [Message]
  return { child, message }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function startHost(bind: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const { child, message } = await start<{ endpoint: string }>({ role: 'host', bind, graceMs, leaseMs })
  return { child, endpoint: message.endpoint }
}

async function statsOf(child: ChildProcess): Promise<DirectoryHostStats> {
  child.send('report')
  const [{ stats }] = (await once(child, 'message')) as [{ stats: DirectoryHostStats }]
  return stats
}

const faults: string[] = []
let hosts = await Promise.all([1, 2].map(() => startHost('tcp://127.0.0.1:*')))
const connect = hosts.map(({ endpoint }) => endpoint)
const namesOf = (announcer: number) => Array.from({ length: names }, (_, at) => `${announcer}.${at}`)
const living = await Promise.all(
  Array.from({ length: announcers }, async (_, at) => {
    const { child } = await start({ role: 'announcer', connect, names: namesOf(at) })
    return { child, isLive: true, names: namesOf(at) }
  }),
)

/** Watches all names at once, and notes what goes missing. */
function watch(directory: Directory, label: string): () => boolean {
  const seen = new Set<string>()
  for (const announcer of living) {
    for (const name of announcer.names) {
      directory.entries(name).subscribe((entries) => {
        if (entries.length > 0) seen.add(name)
        else if (announcer.isLive && seen.has(name)) faults.push(`${label} has lost ${name}`)
        else seen.delete(name)
      })
    }
  }
  return () => living.every(({ isLive, names: all }) => all.every((name) => seen.has(name) === isLive))
}

const watchers = await Promise.all([1, 2, 3].map(() => createDirectory({ connect })))
const complete = watchers.map((directory, at) => {
  directory.errors.subscribe()
  return watch(directory, `watcher ${at}`)
})
await until(() => complete.every((isComplete) => isComplete()))

let slowestMs = 0
let goneMs = 0
for (let round = 1; round <= rounds; round++) {
  await Promise.all(hosts.map(({ child }) => kill(child)))
  await setTimeout(500 * Math.random())
  const startedAt = performance.now()
  hosts = await Promise.all(connect.map(startHost))
  while ((await Promise.all(hosts.map(({ child }) => statsOf(child)))).some(({ settled }) => !settled))
    await setTimeout(20)
  // after the grace period: what lives is at each host, and a client that opens now has it
  const fresh = await createDirectory({ connect })
  fresh.errors.subscribe()
  for (const { isLive, names: all } of living) {
    if (!isLive) continue
    for (const name of all) {
      const [entry] = await firstValueFrom(fresh.entries(name).pipe(filter((_, at) => at < 2)))
      if (entry === undefined) faults.push(`round ${round}: a fresh client does not see ${name} after the grace period`)
    }
  }
  slowestMs = Math.max(slowestMs, performance.now() - startedAt)
  await fresh.close()
  if (round % 2 === 0) {
    const announcer = living[round % announcers] as (typeof living)[number]
    announcer.isLive = false
    await kill(announcer.child)
    const killedAt = performance.now()
    await until(() => complete.every((isComplete) => isComplete()))
    goneMs = Math.max(goneMs, performance.now() - killedAt)
    announcer.child = (await start({ role: 'announcer', connect, names: announcer.names })).child
    announcer.isLive = true
    await until(() => complete.every((isComplete) => isComplete()))
  }
  if (!values.json) console.log(`round ${round}: ${faults.length} faults`)
}
await Promise.all(watchers.map((directory) => directory.close()))
await Promise.all([...hosts, ...living].map(({ child }) => kill(child)))
rmSync(plain, { recursive: true })
const figures = {
  rounds,
  announcements: announcers * names,
  slowestMs: Math.round(slowestMs),
  goneMs: Math.round(goneMs),
}
console.log(values.json ? JSON.stringify({ ...figures, faults }) : { ...figures, faults })
process.exitCode = faults.length > 0 ? 1 : 0
