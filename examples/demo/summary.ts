/** The summary of a run, as data and as text; `addsUp` compares figures that were counted independently. */
import type { Calls } from './calls.js'
import type { Figures } from './figures.js'
import { bytes, count, milliseconds, plural, printable, seconds } from './format.js'
import type { Ledger, Skipped, UnreadableFile } from './ledger.js'
import type { QueueHostProcess, Workers } from './processes.js'

/** The state of a run, which views show; it changes all the time. */
export interface Run {
  readonly directory: string
  readonly ledger: Ledger
  readonly workers: Workers
  readonly host: Pick<QueueHostProcess, 'kills' | 'restarts'>
  readonly figures: Pick<Figures, 'files' | 'deepest' | 'topics'>
  readonly calls: Calls
  /** What a worker does now, as far as it is known. */
  activity: string
  /** On the clock of `performance.now()`. */
  readonly startedMs: number
}

/** The outcome of a run. `found = hashed + unreadable + lost`. */
export type Summary = ReturnType<typeof summarise>

/** Makes the summary. */
export function summarise({ directory, ledger, workers, host, figures, calls, startedMs }: Run) {
  const { found, hashed, repeated, redelivered, distinctContents } = ledger
  const { queries, medianMs, longestMs, cancelled, figure } = calls
  const [lostFiles, totals] = [ledger.openPaths(), calls.totals ?? null]
  const answered = workers.all.reduce((sum, worker) => sum + worker.answered, 0)
  const killed = workers.all.find(({ state }) => state === 'killed')
  const unreadableFiles: readonly UnreadableFile[] = ledger.unreadable
  const skipped: Readonly<Skipped> = ledger.skipped
  return {
    directory,
    found,
    hashed,
    unreadable: unreadableFiles.length,
    lost: lostFiles.length,
    /** No file is lost, and the workers and the catalogue, in processes of their own, have the same figures. */
    addsUp:
      lostFiles.length === 0 &&
      answered === found + repeated &&
      totals?.files === hashed &&
      totals.bytes === ledger.bytes &&
      totals.contents === distinctContents,
    lostFiles,
    unreadableFiles,
    bytes: ledger.bytes,
    distinctContents,
    /** Files that were hashed again although they had a result: the acknowledgement of their batch was not confirmed. */
    repeated,
    queue: {
      deepest: figures.deepest,
      ...figures.files,
      /** Files with a result from a second or later delivery. */
      redelivered,
      hostRestarts: host.restarts,
      hostKills: host.kills,
    },
    skipped,
    workers: workers.all.map(({ worker, child, state, answered }) => {
      return { worker, pid: child.pid ?? null, state, answered }
    }),
    /** The worker that was killed on purpose, and the files that it had in work then. */
    killed: killed ? { worker: killed.worker, signal: killed.exit?.signal ?? null, inWork: killed.inWork } : null,
    topics: figures.topics.map(({ topic, messages, missed }) => ({ topic, messages, missed })),
    rpc: {
      queries,
      medianMs,
      longestMs,
      totals,
      finding: calls.finding ?? null,
      /** The path that the declared error names. */
      refused: calls.unknown ?? null,
      /** The stream of figures that was cancelled: the figures received and sent, and the error that stopped its handler. */
      stream:
        cancelled && figure
          ? {
              figures: calls.figures,
              sent: cancelled.sent,
              last: figure,
              stoppedBy: cancelled.reason,
              stoppedAfterMs: cancelled.afterMs,
            }
          : null,
    },
    seconds: (performance.now() - startedMs) / 1000,
  }
}

/** 0 if the figures add up and no process failed. */
export function exitCode({ addsUp, workers, queue }: Summary): number {
  const failed = queue.hostRestarts > queue.hostKills || workers.some(({ state }) => state === 'failed')
  return addsUp && !failed ? 0 : 1
}

/** The summary as text; the totals are the last line. */
export function summaryText(summary: Summary): string {
  const { found, hashed, unreadable, lost, killed, queue, rpc, skipped, topics } = summary
  const total = (key: 'messages' | 'missed') => topics.reduce((sum, topic) => sum + topic[key], 0)
  const lines = [
    ...summary.unreadableFiles.map(({ path, code }) => `unreadable (${code}): ${printable(path)}`),
    ...skipped.unreadableDirectories.map(({ path, code }) => `unreadable directory (${code}): ${printable(path)}`),
    ...summary.lostFiles.map((path) => `lost: ${printable(path)}`),
    ...summary.workers.map(({ worker, pid, state, answered }) => {
      return `worker ${worker} (pid ${pid}): ${state}, ${plural(answered, 'file')}`
    }),
    killed && `Worker ${killed.worker} was killed on purpose, with ${plural(killed.inWork, 'file')} in work.`,
    `durable queue: at most ${plural(queue.deepest, 'batch')} deep, ${plural(queue.hostRestarts, 'host restart')}`,
    queue.hostKills > 0 && '  Its host was killed on purpose and started again with the same folder.',
    `  ${plural(queue.redelivered, 'file')} redelivered, ${count(summary.repeated)} hashed again; each counts once`,
    `${plural(rpc.queries, 'call')} to the catalogue, median ${milliseconds(rpc.medianMs)}, longest ${milliseconds(rpc.longestMs)}`,
    rpc.finding && `  ${plural(rpc.finding.copies.files, 'file')} with the hash of ${printable(rpc.finding.path)}`,
    rpc.refused && `  the hash of ${rpc.refused}: UnknownFile, which the method declares`,
    rpc.stream && `  progress: ${plural(rpc.stream.figures, 'figure')}, then cancelled`,
    `${plural(total('messages'), 'message')} on ${plural(topics.length, 'topic')}, ${count(total('missed'))} missed`,
    `${bytes(summary.bytes)} in ${seconds(summary.seconds * 1000)}, ${count(summary.distinctContents)} different contents`,
    skipped.symbolicLinks > 0 && `${plural(skipped.symbolicLinks, 'symbolic link')} not followed`,
    skipped.specialFiles > 0 && `${plural(skipped.specialFiles, 'special file')} not opened`,
    '',
    `${count(found)} found = ${count(hashed)} hashed + ${count(unreadable)} unreadable${lost > 0 ? ` + ${count(lost)} lost` : ''}`,
    lost > 0 && 'No worker was left.',
    lost === 0 && !summary.addsUp && 'The figures differ: this is a defect of the demonstration or of the library.',
  ]
  return `${lines.filter((line) => typeof line === 'string').join('\n')}\n`
}
