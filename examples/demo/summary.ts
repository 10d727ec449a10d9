/**
 * The summary at the end: what became of every file, as data and as text.
 *
 * Its numbers are taken from the books of the run, each from where it was counted; `addsUp` holds them against each other.
 */
import type { TopicEntry } from './board.js'
import type { Member, WorkerState } from './crew.js'
import { bytes, count, plural, printable, seconds } from './format.js'
import type { Ledger, UnreadableFile } from './ledger.js'
import type { Visit } from './visit.js'
import { type RpcSummary, summariseVisit, visitLines } from './visit-summary.js'
import type { Skipped } from './walk.js'

/** What the demonstration says at its end. */
export interface Summary {
  readonly directory: string
  /** `found = hashed + unreadable + lost`. */
  readonly found: number
  readonly hashed: number
  readonly unreadable: number
  readonly lost: number
  /** Also that the catalogue, in a process of its own, has come to the same figures. */
  readonly addsUp: boolean
  readonly lostFiles: readonly string[]
  readonly unreadableFiles: readonly UnreadableFile[]
  readonly bytes: number
  readonly distinctContents: number
  /** Answers for a file that had one. */
  readonly repeated: number
  readonly skipped: Readonly<Skipped>
  readonly workers: readonly WorkerSummary[]
  /** The worker that was killed on purpose. */
  readonly killed: Killed | null
  /** The most files that may be lost with one worker, as the queue itself says. */
  readonly inFlightLimit: number
  readonly topics: readonly { readonly topic: string; readonly messages: number; readonly missed: number }[]
  readonly rpc: RpcSummary
  readonly seconds: number
}

/** One worker at the end. */
export interface WorkerSummary {
  readonly worker: number
  readonly pid: number | null
  readonly state: WorkerState
  readonly answered: number
}

/** The kill. */
export interface Killed {
  readonly worker: number
  /** The signal that ended the process. */
  readonly signal: string | null
  /** Files it had in work when it was killed, not counting what was on its way to it. */
  readonly inWork: number
}

/** What a summary is made of. */
export interface Books {
  readonly directory: string
  readonly ledger: Ledger
  readonly members: readonly Member[]
  readonly skipped: Skipped
  readonly topics: readonly TopicEntry[]
  readonly visit: Visit
  readonly inFlightLimit: number
  readonly seconds: number
}

/** Closes the books. */
export function summarise({
  directory,
  ledger,
  members,
  skipped,
  topics,
  visit,
  inFlightLimit,
  seconds,
}: Books): Summary {
  const rpc = summariseVisit(visit)
  const lostFiles = ledger.openPaths()
  const { found, hashed, unreadable, repeated } = ledger
  const answered = members.reduce((sum, member) => sum + member.answered, 0)
  const killed = members.find(({ state }) => state === 'killed')
  return {
    directory,
    found,
    hashed,
    unreadable: unreadable.length,
    lost: lostFiles.length,
    addsUp:
      found === hashed + unreadable.length + lostFiles.length &&
      answered === hashed + unreadable.length + repeated &&
      rpc.totals?.files === hashed &&
      rpc.totals.bytes === ledger.bytes &&
      rpc.totals.contents === ledger.distinctContents,
    lostFiles,
    unreadableFiles: unreadable,
    bytes: ledger.bytes,
    distinctContents: ledger.distinctContents,
    repeated,
    skipped,
    workers: members.map(({ worker, pid, state, answered }) => ({ worker, pid: pid ?? null, state, answered })),
    killed: killed ? { worker: killed.worker, signal: killed.exit?.signal ?? null, inWork: killed.inWork } : null,
    inFlightLimit,
    topics: topics.map(({ topic, messages, missed }) => ({ topic, messages, missed })),
    rpc,
    seconds,
  }
}

/** The summary as text; names come first, so that the sum is what is seen last. */
export function summaryText(summary: Summary): string {
  const { found, hashed, unreadable, lost, killed, skipped, workers } = summary
  const lines: string[] = []
  for (const { path, code } of summary.unreadableFiles) lines.push(`unreadable (${code}): ${printable(path)}`)
  for (const { path, code } of skipped.unreadableDirectories) {
    lines.push(`unreadable directory (${code}): ${printable(path)}`)
  }
  for (const path of summary.lostFiles) lines.push(`lost: ${printable(path)}`)
  if (lines.length > 0) lines.push('')
  for (const { worker, pid, state, answered } of workers) {
    lines.push(`worker ${worker} (pid ${pid}): ${state}, ${plural(answered, 'file')}`)
  }
  if (killed) {
    lines.push(
      `Worker ${killed.worker} was killed on purpose, with ${plural(killed.inWork, 'file')} in work and more on the way to it.`,
      `The transient queue is at most once: a worker takes at most ${plural(summary.inFlightLimit, 'file')} with it.`,
    )
  }
  lines.push(...visitLines(summary.rpc))
  const messages = summary.topics.reduce((sum, topic) => sum + topic.messages, 0)
  const missed = summary.topics.reduce((sum, topic) => sum + topic.missed, 0)
  const passed = [
    skipped.symbolicLinks > 0 ? plural(skipped.symbolicLinks, 'symbolic link') : '',
    skipped.specialFiles > 0 ? plural(skipped.specialFiles, 'special file') : '',
  ].filter((part) => part !== '')
  lines.push(
    `${plural(messages, 'message')} on ${plural(summary.topics.length, 'topic')}, ${count(missed)} missed`,
    `${bytes(summary.bytes)} in ${seconds(summary.seconds)}, ${count(summary.distinctContents)} different contents`,
  )
  if (passed.length > 0) lines.push(`not followed or opened: ${passed.join(', ')}`)
  lines.push(
    '',
    `${count(found)} found = ${count(hashed)} hashed + ${count(unreadable)} unreadable + ${count(lost)} lost`,
  )
  if (!summary.addsUp) lines.push('This does not add up: that is a defect of the demonstration or of the library.')
  return `${lines.join('\n')}\n`
}
