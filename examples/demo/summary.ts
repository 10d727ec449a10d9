/**
 * The summary at the end: what became of every file, as data and as text.
 *
 * Its numbers are taken from the books of the run, each from where it was counted; `addsUp` holds them against each other.
 */
import type { TopicEntry } from './board.js'
import type { Member, WorkerState } from './crew.js'
import { bytes, count, plural, printable, seconds } from './format.js'
import type { Ledger, UnreadableFile } from './ledger.js'
import type { QueueBook } from './queue-book.js'
import type { QueueKeeper } from './queue-keeper.js'
import type { Visit } from './visit.js'
import { type RpcSummary, summariseVisit, visitLines } from './visit-summary.js'
import type { Skipped } from './walk.js'

/** What the demonstration says at its end. */
export interface Summary {
  readonly directory: string
  /** `found = hashed + unreadable`. */
  readonly found: number
  readonly hashed: number
  readonly unreadable: number
  /** Files without an answer: none, unless no worker was left. */
  readonly lost: number
  /** Nothing is lost, and the catalogue, in a process of its own, has come to the same figures. */
  readonly addsUp: boolean
  readonly lostFiles: readonly string[]
  readonly unreadableFiles: readonly UnreadableFile[]
  readonly bytes: number
  readonly distinctContents: number
  /** Files that were hashed again although they had an answer: their acknowledgement was not confirmed. */
  readonly repeated: number
  readonly queue: QueueSummary
  readonly skipped: Readonly<Skipped>
  readonly workers: readonly WorkerSummary[]
  /** The worker that was killed on purpose. */
  readonly killed: Killed | null
  readonly topics: readonly { readonly topic: string; readonly messages: number; readonly missed: number }[]
  readonly rpc: RpcSummary
  readonly seconds: number
}

/** The durable queue at the end. */
export interface QueueSummary {
  /** The most batches that were in it at once, as far as it was told, and what is left. */
  readonly deepest: number
  readonly depth: number
  readonly leased: number
  /** Files that were answered from a second or later delivery. */
  readonly redelivered: number
  /** Times that the host was started again, and times that it was killed on purpose. */
  readonly hostRestarts: number
  readonly hostKills: number
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
  /** Files it had in work when it was killed; what it had beyond that was leased to it as well. */
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
  readonly queue: Pick<QueueBook, 'files' | 'deepest'>
  readonly keeper: Pick<QueueKeeper, 'restarts' | 'kills'>
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
  queue,
  keeper,
  seconds,
}: Books): Summary {
  const rpc = summariseVisit(visit)
  const lostFiles = ledger.openPaths()
  const { found, hashed, unreadable, repeated, redelivered } = ledger
  const answered = members.reduce((sum, member) => sum + member.answered, 0)
  const killed = members.find(({ state }) => state === 'killed')
  return {
    directory,
    found,
    hashed,
    unreadable: unreadable.length,
    lost: lostFiles.length,
    addsUp:
      lostFiles.length === 0 &&
      found === hashed + unreadable.length &&
      answered === hashed + unreadable.length + repeated &&
      rpc.totals?.files === hashed &&
      rpc.totals.bytes === ledger.bytes &&
      rpc.totals.contents === ledger.distinctContents,
    lostFiles,
    unreadableFiles: unreadable,
    bytes: ledger.bytes,
    distinctContents: ledger.distinctContents,
    repeated,
    queue: {
      deepest: queue.deepest,
      depth: queue.files.depth,
      leased: queue.files.leased,
      redelivered,
      hostRestarts: keeper.restarts,
      hostKills: keeper.kills,
    },
    skipped,
    workers: members.map(({ worker, pid, state, answered }) => ({ worker, pid: pid ?? null, state, answered })),
    killed: killed ? { worker: killed.worker, signal: killed.exit?.signal ?? null, inWork: killed.inWork } : null,
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
    lines.push(`Worker ${killed.worker} was killed on purpose, with ${plural(killed.inWork, 'file')} in work.`)
  }
  lines.push(...queueLines(summary))
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
  const rest = lost > 0 ? ` + ${count(lost)} without an answer` : ''
  lines.push('', `${count(found)} found = ${count(hashed)} hashed + ${count(unreadable)} unreadable${rest}`)
  if (lost > 0) lines.push('No worker was left.')
  else if (!summary.addsUp) lines.push('This does not add up: that is a defect of the demonstration or of the library.')
  return `${lines.join('\n')}\n`
}

function queueLines({ queue, repeated }: Summary): string[] {
  const { deepest, hostKills, hostRestarts, redelivered } = queue
  const lines = [`durable queue: at most ${plural(deepest, 'batch')} deep, ${plural(hostRestarts, 'host restart')}`]
  if (hostKills > 0) lines.push('  Its host was killed on purpose and started again on the same folder.')
  lines.push(
    `  ${plural(redelivered, 'file')} redelivered, ${count(repeated)} hashed again since it was not confirmed that they were done; each counts once`,
  )
  return lines
}
