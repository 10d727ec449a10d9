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
let peakOwnMb = 0

/** Faults of a process that are reported. */
const maxFaults = 20

/** How often a process looks at what it has, in milliseconds. */
const lookMs = 200

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
    const residentMb = process.memoryUsage.rss() / 1_048_576
    const { ownMb, sharedMb } = pages()
    const peaks = { peakMb: maxRSS / 1024, peakOwnMb: Math.max(peakOwnMb, ownMb) }
    return { residentMb, ownMb, sharedMb, ...peaks, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 }
  },
}

setInterval(() => {
  peakOwnMb = Math.max(peakOwnMb, pages().ownMb)
}, lookMs).unref()

process.on('message', async (command: CrowdCommand) => process.send?.(await answers[command.kind](command)))
process.on('disconnect', () => process.exit())
process.send?.({})

/** The resident pages that this process has alone, and those that it shares with others, such as the program of Node (Linux). */
function pages(): { readonly ownMb: number; readonly sharedMb: number } {
  if (process.platform !== 'linux') return { ownMb: process.memoryUsage.rss() / 1_048_576, sharedMb: 0 }
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8')
  const sumOf = (kind: string) =>
    [...text.matchAll(new RegExp(`^${kind}_(?:Clean|Dirty):\\s+(\\d+) kB$`, 'gm'))].reduce(
      (sum, [, kib]) => sum + Number(kib),
      0,
    )
  return { ownMb: sumOf('Private') / 1024, sharedMb: sumOf('Shared') / 1024 }
}

function enter(peer: Peer, index: number): void {
  members.push(new Member(peer, number * peersPerProcess + index, plan))
}
