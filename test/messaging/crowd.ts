/**
 * Very many peers in a few processes: they find each other, send each other messages, and see one process die.
 *
 * What is measured, it returns; what must not be, in words; how much is too much, its caller says.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createDirectoryHost } from '../../patterns/directory/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { loader, modulePath } from '../child-process.js'
import { AskedProcess } from '../support/asked-process.js'
import type { CrowdPlan } from './crowd-member.js'

/** How the processes find each other: each is given the endpoints of all, or asks two hosts of a directory. */
export type CrowdWay = 'connect' | 'directory'

/** What a process of the crowd is given. */
export interface CrowdSettings {
  readonly number: number
  /** The hosts of the directory; none if the endpoints come from the parent. */
  readonly hosts: readonly string[]
  readonly plan: CrowdPlan
}

/**
 * What a process is told: to `open` its peers, to `connect` to all endpoints, and to say when its peers see all others
 * (`complete`), when it has one link to each other process (`links`), when all that they `send` was taken and all that is due
 * has arrived, when all of them have seen one process that has `left`; and to give its `report` and what it has had in `use`.
 */
export interface CrowdCommand {
  readonly kind: 'open' | 'connect' | 'complete' | 'links' | 'send' | 'left' | 'report' | 'use'
  readonly endpoints?: readonly string[]
}

/** What a process answers. */
export interface CrowdAnswer {
  readonly endpoint?: string
  /** When, on the clock of the machine. */
  readonly at?: number
  readonly faults?: readonly string[]
  readonly reported?: Readonly<Record<string, number>>
  readonly residentMb?: number
  readonly peakMb?: number
  /** Pages that the process has alone, now and at most; and those that it shares with others. */
  readonly ownMb?: number
  readonly peakOwnMb?: number
  readonly sharedMb?: number
  readonly cpuSeconds?: number
}

/** What came of it; times in milliseconds. */
export interface CrowdReport {
  /** From the word to open all peers until each sees all others. */
  readonly completeMs: number
  readonly sendMs: number
  /** From the kill until every peer that is left has seen every peer of that process leave. */
  readonly leftMs: number
  /** The sum of the resident memory of all processes, when all see each other, when all messages have arrived, and at most. */
  readonly residentMb: { readonly complete: number; readonly sent: number; readonly peak: number }
  /** What they have together: as above, with the pages that they share counted once, not for each (Linux). */
  readonly togetherMb: { readonly complete: number; readonly sent: number; readonly peak: number }
  readonly cpuSeconds: number
  /** The errors that one peer of each process reported, by code. */
  readonly reported: readonly Readonly<Record<string, number>>[]
  readonly faults: readonly string[]
}

type CrowdProcess = AskedProcess<CrowdCommand, CrowdAnswer>

/** The source of the program. */
export const crowdProgram = 'test/messaging/crowd-process.ts'

const asHere: readonly string[] = [...loader, modulePath(crowdProgram)]

/** Runs a crowd; `watchMs` is how long it is watched after a process has died, `program` what Node runs. */
export async function crowd(plan: CrowdPlan, way: CrowdWay, watchMs: number, program = asHere): Promise<CrowdReport> {
  const runtime = createRuntime()
  const processes: CrowdProcess[] = []
  try {
    const hosts: string[] = []
    for (let host = 0; way === 'directory' && host < 2; host++) {
      hosts.push((await createDirectoryHost({ bind: 'tcp://127.0.0.1:*', runtime })).endpoint)
    }
    for (let number = 0; number < plan.processes; number++) {
      const settings: CrowdSettings = { number, hosts, plan }
      processes.push(new AskedProcess(settings, program))
    }
    await Promise.all(processes.map(({ loaded }) => loaded))
    return await live(processes, way, watchMs)
  } finally {
    for (const one of processes) await one.kill()
    await runtime.close({ drain: false })
  }
}

async function live(processes: readonly CrowdProcess[], way: CrowdWay, watchMs: number): Promise<CrowdReport> {
  const all = (command: CrowdCommand, of = processes) => Promise.all(of.map((one) => one.ask(command)))
  const lastOf = (answers: readonly CrowdAnswer[]) => Math.max(...answers.map(({ at = Number.NaN }) => at))
  const valuesOf = (
    answers: readonly CrowdAnswer[],
    key: Exclude<keyof CrowdAnswer, 'endpoint' | 'faults' | 'reported'>,
  ) => answers.map((answer) => answer[key] ?? Number.NaN)
  const sumOf = (...of: Parameters<typeof valuesOf>) => valuesOf(...of).reduce((sum, value) => sum + value, 0)
  const togetherOf = (answers: readonly CrowdAnswer[], own: 'ownMb' | 'peakOwnMb') =>
    sumOf(answers, own) + Math.max(...valuesOf(answers, 'sharedMb'))

  const openedAt = Date.now()
  const endpoints = (await all({ kind: 'open' })).flatMap(({ endpoint }) => endpoint ?? [])
  if (way === 'connect') await all({ kind: 'connect', endpoints })
  const completeMs = lastOf(await all({ kind: 'complete' })) - openedAt
  const atComplete = await all({ kind: 'use' })

  const sendingAt = Date.now()
  const sendMs = lastOf(await all({ kind: 'send' })) - sendingAt
  const atSent = await all({ kind: 'use' })
  await all({ kind: 'links' })

  const [victim, ...others] = processes as [CrowdProcess, ...CrowdProcess[]]
  const killedAt = Date.now()
  await victim.kill()
  const leftMs = lastOf(await all({ kind: 'left' }, others)) - killedAt
  await delay(watchMs) // what is tested: that nobody sees a second `left` in this time

  const reports = await all({ kind: 'report' }, others)
  const faults = reports.flatMap(({ faults = [] }) => faults)
  return {
    completeMs,
    sendMs,
    leftMs,
    residentMb: {
      complete: sumOf(atComplete, 'residentMb'),
      sent: sumOf(atSent, 'residentMb'),
      peak: sumOf(atSent, 'peakMb'),
    },
    togetherMb: {
      complete: togetherOf(atComplete, 'ownMb'),
      sent: togetherOf(atSent, 'ownMb'),
      peak: togetherOf(atSent, 'peakOwnMb'),
    },
    cpuSeconds: sumOf(atSent, 'cpuSeconds'),
    reported: reports.map(({ reported = {} }) => reported),
    faults,
  }
}
