/** The progress of a run: one line a second and one for each event, or nothing. The run does not depend on it. */
import { interval, type Subscription } from 'rxjs'
import { bytes, count, milliseconds, percent, plural, printable, seconds } from './format.js'
import type { Run } from './summary.js'

/** Shows a run, and events as lines. */
export interface View {
  opened(run: Run): void
  note(line: string): void
}

/** A view of a run; `end` stops it. */
export type Progress = View & { end(): void }

/** Shows nothing. */
export const silence: Progress = { opened() {}, note() {}, end() {} }

/** Writes lines to a stream. */
export function linesTo(stream: NodeJS.WritableStream): Progress {
  const note = (line: string) => void stream.write(`${printable(line)}\n`)
  let timer: Subscription | undefined
  return {
    opened(run) {
      timer = interval(1000).subscribe(() => note(progressText(run)))
    },
    note,
    end: () => timer?.unsubscribe(),
  }
}

/** The state of a run in one line. */
export function progressText({ ledger, workers, host, figures, calls, activity, startedMs }: Run): string {
  const passedMs = performance.now() - startedMs
  const done = ledger.found - ledger.open
  const { depth, leased } = figures.files
  return [
    seconds(passedMs),
    `${count(done)} of ${count(ledger.found)} files${ledger.complete ? '' : ' found so far'}`,
    `${count((done / passedMs) * 1000)} files/s`,
    `${bytes(ledger.bytes)} hashed`,
    `${plural(workers.running, 'worker')} at work`,
    `${plural(depth, 'batch')} queued, ${count(leased)} leased`,
    `${plural(ledger.redelivered, 'file')} redelivered`,
    plural(host.restarts, 'host restart'),
    ...figures.topics.map(({ topic, share }) => `${topic} ${percent(share)}`),
    `${plural(calls.queries, 'call')} of ${milliseconds(calls.medianMs)}`,
    ...(activity === '' ? [] : [activity]),
  ].join(', ')
}
