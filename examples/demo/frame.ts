/**
 * One frame of the terminal view: the scene as lines of text, no wider and no more than fit.
 *
 * A function of its arguments; `screen.ts` draws.
 */
import { createColors } from 'picocolors'
import type { TopicEntry } from './board.js'
import type { Member } from './crew.js'
import type { Scene } from './demo.js'
import { bar, bytes, count, milliseconds, percent, plural, printable, seconds } from './format.js'
import { queueText } from './queue-text.js'
import type { Rates } from './rates.js'
import type { Visit } from './visit.js'

const colors = createColors(true)

/** The terminal's size, in characters. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Composes a frame. */
export function frameOf(scene: Scene, rates: Rates, { columns, rows }: Size): string[] {
  const width = Math.max(20, columns - 1)
  const lines = [...heading(scene, width), ...files(scene, rates, width), '', ...workers(scene, rates, width)]
  lines.push('', queue(scene, width), ...calls(scene.visit, width))
  const room = rows - lines.length - 3
  if (room >= 1) lines.push('', ...topics(scene.board.entries, width, room))
  return lines.slice(0, Math.max(1, rows - 1))
}

function heading({ directory, startedMs }: Scene, width: number): string[] {
  const time = seconds((performance.now() - startedMs) / 1000)
  const title = 'Rivulet'
  const place = fit(printable(directory), width - title.length - time.length - 4)
  const gap = ' '.repeat(Math.max(2, width - title.length - 2 - place.length - time.length))
  return [`${colors.bold(title)}  ${place}${gap}${colors.dim(time)}`, '']
}

function files({ ledger }: Scene, rates: Rates, width: number): string[] {
  const { found, open, complete, unreadable } = ledger
  const done = found - open
  const share = found === 0 ? 0 : done / found
  const all = count(found)
  const text = `${percent(share)}  ${count(done).padStart(all.length)} of ${all} files${complete ? '' : ' found so far'}`
  const barWidth = Math.max(10, width - text.length - 1)
  const flow = [
    `${count(rates.of('files', done))} files/s`,
    `${bytes(rates.of('bytes', ledger.bytes))}/s`,
    `${bytes(ledger.bytes)} hashed`,
    `${count(ledger.distinctContents)} different contents`,
    ...(unreadable.length > 0 ? [`${count(unreadable.length)} unreadable`] : []),
  ]
  return [`${colors.green(bar(share, barWidth))} ${text}`, colors.dim(fit(flow.join('   '), width))]
}

function workers({ crew }: Scene, rates: Rates, width: number): string[] {
  return crew.members.map((member) => {
    const text = [
      `worker ${member.worker}`.padEnd(9),
      `pid ${member.pid}`.padEnd(11),
      (member.state === 'working' && member.answered === 0 ? 'starting' : member.state).padEnd(9),
      plural(member.answered, 'file').padStart(14),
      `${count(rates.of(`worker ${member.worker}`, member.answered))}/s`.padStart(9),
      member.state === 'working' || member.state === 'killed' ? `${member.inWork} in work` : '',
    ]
    return stateColor(member)(fit(text.join('  '), width))
  })
}

function queue({ queue, ledger, keeper }: Scene, width: number): string {
  const { files } = queue
  const text = `queue      ${queueText(files, ledger.redelivered, keeper.restarts)}   ${count(files.doneASecond)} done/s`
  return colors.yellow(fit(text, width))
}

function calls({ queries, latencies, figures, figure, finding, parting }: Visit, width: number): string[] {
  const asked = `${plural(queries, 'call')}, ${milliseconds(latencies.medianMs)} each, ${milliseconds(latencies.longestMs)} at the most`
  const followed = `${plural(figures, 'figure')}${parting ? ', given up' : ''}: ${plural(figure?.files ?? 0, 'file')}`
  const found = finding
    ? `${finding.sha256.slice(0, 8)}…  ${plural(finding.copies.files, 'file')} as ${printable(finding.path)}`
    : ''
  return [`catalogue  ${asked}   progress by ${followed}`, `           ${found}`].map((line) =>
    colors.magenta(fit(line, width)),
  )
}

function stateColor({ state }: Member): (text: string) => string {
  if (state === 'killed' || state === 'failed') return colors.red
  return state === 'finished' ? colors.green : (text) => text
}

function topics(entries: readonly TopicEntry[], width: number, room: number): string[] {
  const nameWidth = Math.max(0, ...entries.map(({ topic }) => topic.length))
  const lines = entries.map(({ topic, messages, missed, figure }) => {
    const shown = figure.share === undefined ? figure.text : `${bar(figure.share, 16)}  ${figure.text}`
    const text = `${topic.padEnd(nameWidth)}  ${shown.padEnd(42)}  ${plural(messages, 'message')}`
    return fit(missed > 0 ? `${text}, ${count(missed)} missed` : text, width)
  })
  const shown = lines.length > room ? lines.slice(0, room - 1) : lines
  const rest = lines.length - shown.length
  return [...shown, ...(rest > 0 ? [`and ${plural(rest, 'more topic')}`] : [])].map((line) => colors.cyan(line))
}

/** Cuts a line that is too wide. */
function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}
