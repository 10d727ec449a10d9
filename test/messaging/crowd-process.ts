/**
 * The program of a `CrowdProcess`: many peers of one node in a process of its own.
 *
 * Arguments: what `CrowdSettings` says, as JSON. It answers each message of its parent, see `crowd.ts`, with one.
 */
import { readFileSync } from 'node:fs'
import { ReplaySubject } from 'rxjs'
import { createDirectory } from '../../patterns/directory/index.js'
import { createPeer, type Peer, type PeerOptions } from '../../patterns/messaging/index.js'
import { until } from '../support/events.js'
import type { CrowdAnswer, CrowdCommand, CrowdSettings } from './crowd.js'
import { Member, nameOf, whenAll } from './crowd-member.js'

const settings = JSON.parse(process.argv[2] as string) as CrowdSettings
const { number, hosts, plan } = settings
const { processes, peersPerProcess, messages } = plan
const total = processes * peersPerProcess
const endpoints = new ReplaySubject<readonly string[]>(1)
const members: Member[] = []
let first!: Peer

/** Faults of a process that are reported. */
const maxFaults = 20

const answers: Readonly<Record<CrowdCommand['kind'], (command: CrowdCommand) => Promise<CrowdAnswer> | CrowdAnswer>> = {
  async open() {
    const way: Partial<PeerOptions> =
      hosts.length > 0 ? { directory: await createDirectory({ connect: hosts }) } : { connect: endpoints }
    first = await createPeer({ name: nameOf(number, 0), bind: 'tcp://127.0.0.1:*', ...way })
    enter(first, 0)
    for (let index = 1; index < peersPerProcess; index++) {
      enter(await createPeer({ name: nameOf(number, index), over: first }), index)
    }
    return { endpoint: first.endpoint }
  },
  connect({ endpoints: list = [] }) {
    endpoints.next(list.filter((endpoint) => endpoint !== first.endpoint))
    return {}
  },
  async complete() {
    return { at: await whenAll(members, ({ present, isComplete }) => isComplete && present === total - 1) }
  },
  async links() {
    await until(() => first.stats().sessions === processes - 1)
    return {}
  },
  async send() {
    await Promise.all(members.map((member) => member.send()))
    return { at: await whenAll(members, ({ received, faults }) => received >= messages || faults.length > 0) }
  },
  async left() {
    return { at: await whenAll(members, ({ departed }) => departed >= peersPerProcess) }
  },
  report() {
    const faults = members.flatMap((member) => member.check())
    const present = members.filter((member) => member.present !== total - 1 - member.departed)
    if (present.length > 0) faults.push(`${present.length} peers do not see all that are there`)
    return { faults: faults.slice(0, maxFaults), reported: Object.fromEntries((members[0] as Member).reported) }
  },
  use() {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
    const rss = process.memoryUsage.rss()
    const shares = { residentMb: rss / 1_048_576, peakMb: maxRSS / 1024, shareMb: shareMb() }
    return { ...shares, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 }
  },
}

process.on('message', async (command: CrowdCommand) => process.send?.(await answers[command.kind](command)))
process.on('disconnect', () => process.exit())
process.send?.({})

/** The resident memory of this process, in which pages that several processes share count once in all (Linux). */
function shareMb(): number {
  if (process.platform !== 'linux') return Number.NaN
  const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8')) ?? []
  return Number(kib) / 1024
}

function enter(peer: Peer, index: number): void {
  members.push(new Member(peer, number * peersPerProcess + index, plan))
}
