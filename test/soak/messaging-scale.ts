/**
 * `npm run soak -- messaging-scale [--processes N] [--peers N] [--messages N] [--partners N] [--way connect|directory] [--json]`:
 * 500 peers in five processes, of which each has one link to each other one.
 *
 * Held: every peer sees all others within 5 s from the word to open them; 1,000 messages of each peer, to ten others, arrive once and in order;
 * the sum of the RSS of the processes stays below 500 MB (beside it stands what they have together, with pages that they share counted
 * once: an empty process with zeromq.js has 50 MB, of which it has about 10 alone); of a process that is killed every peer is seen as left, by every other one
 * within two heartbeats, and by none twice. `connect`: each process is given the endpoints of all; `directory`: they find
 * each other through a directory with two hosts.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { plainPath, writePlain } from '../../tools/plain.js'
import { type CrowdWay, crowd, crowdProgram } from '../messaging/crowd.js'

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const

const { values } = parseArgs({
  options: {
    processes: count('5'),
    peers: count('500'),
    messages: count('1000'),
    partners: count('10'),
    way: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

const completeLimitMs = 5000
const leftLimitMs = 2000
const memoryLimitMb = 500
const watchMs = 10_000

const processes = Number(values.processes)
const plan = {
  processes,
  peersPerProcess: Math.floor(Number(values.peers) / processes),
  messages: Number(values.messages),
  partners: Number(values.partners),
}

const columns = ['found by', 'complete', 'messages', 'a second', 'together, MB', 'RSS, MB', 'left', 'verdict']
const widths = [10, 10, 10, 10, 15, 15, 9, 0]
const line = (cells: readonly string[]) =>
  cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join(' ')
    .trimEnd()

const plain = writePlain()
try {
  const ways: readonly CrowdWay[] = (['connect', 'directory'] as const).filter((way) => way === (values.way ?? way))
  if (ways.length === 0) throw new Error(`there is no way ${values.way}; there are connect and directory`)
  if (!values.json) console.log(line(columns))
  for (const way of ways) await row(way)
} finally {
  rmSync(plain, { recursive: true })
}

/** When all see each other, when all messages have arrived, and at most. */
function memory({ complete, sent, peak }: { complete: number; sent: number; peak: number }): string {
  return [complete, sent, peak].map((mb) => mb.toFixed(0)).join(', ')
}

async function row(way: CrowdWay): Promise<void> {
  const report = await crowd(plan, way, watchMs, [plainPath(plain, crowdProgram)])
  const { completeMs, sendMs, leftMs, residentMb, togetherMb } = report
  const faults = [...report.faults]
  if (completeMs > completeLimitMs) faults.push(`complete after more than ${completeLimitMs} ms`)
  if (leftMs > leftLimitMs) faults.push(`left after more than ${leftLimitMs} ms`)
  if (residentMb.peak > memoryLimitMb) faults.push(`more than ${memoryLimitMb} MB`)
  if (faults.length > 0) process.exitCode = 1
  const messages = processes * plan.peersPerProcess * plan.messages
  const cells = [
    way,
    `${completeMs} ms`,
    String(messages),
    ((1000 * messages) / sendMs).toFixed(0),
    memory(togetherMb),
    memory(residentMb),
    `${leftMs} ms`,
    faults.length > 0 ? `FAILED: ${faults.slice(0, 5).join('; ')}` : 'ok',
  ]
  console.log(values.json ? JSON.stringify({ way, ...plan, ...report, faults }) : line(cells))
}
