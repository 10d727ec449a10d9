/**
 * The charts of the pages, as SVG: bars of stored results, the best first, a label above each, its value behind it.
 *
 * They are narrow, so that they can be read on a telephone, and drawn for a light page; the style of the site inverts them
 * on a dark one. They load nothing.
 */
import { type NumberText, rangeText, ratioText, three, whole } from './numbers.js'
import { figureOf, readStored, rowOf, rowsOf, type StoredFigure, type StoredRow } from './stored.js'

/** A chart: bars for rows of one section. */
interface Chart {
  readonly title: string
  readonly section: string
  readonly list?: string
  /** The figure that the bars show, and what it is multiplied with. */
  readonly key: string
  readonly factor: number
  readonly text: NumberText
  readonly lessIsBetter?: boolean
  /** What a bar is called, by which values its row is found, and whether it is Rivulet's. */
  readonly bars: ReadonlyArray<readonly [label: string, values: StoredRow, own?: 'own']>
}

/** The charts, by the names of their files in `docs/charts`. */
export const charts: Readonly<Record<string, Chart>> = {
  throughput: {
    title: 'Million messages a second from process to process',
    section: 'throughput',
    key: 'perSecond',
    factor: 1e-6,
    text: three,
    bars: [
      ['queue, next', { name: 'rivulet/queue: next' }, 'own'],
      ['queue, sendAll', { name: 'rivulet/queue: sendAll' }, 'own'],
      ['topics, sendAll', { name: 'rivulet/pubsub: sendAll' }, 'own'],
      ['queue, send', { name: 'rivulet/queue: send' }, 'own'],
      ['C libzmq, 32 bytes', { name: 'C libzmq, 32 bytes' }],
      ['raw zeromq.js, one message a frame', { name: 'raw zeromq.js: send' }],
    ],
  },
  topics: {
    title: 'Nanoseconds of processor time for a message (1 topic, 1 subscriber): less is better',
    section: 'topics',
    list: 'rates',
    key: 'cpuNanoseconds',
    factor: 1,
    text: whole,
    lessIsBetter: true,
    bars: [
      ['Rivulet', { topics: 1, subscribers: 1, name: 'rivulet/pubsub, topics' }, 'own'],
      ['NATS core, bytes', { topics: 1, subscribers: 1, name: 'NATS core, bytes' }],
      ['NATS core, records', { topics: 1, subscribers: 1, name: 'NATS core, records' }],
      ['Redis', { topics: 1, subscribers: 1, name: 'Redis, bytes' }],
      ['Mosquitto', { topics: 1, subscribers: 1, name: 'Mosquitto, bytes' }],
    ],
  },
  durable: {
    title: 'Durable queues: thousand single sends a second, 256 in flight',
    section: 'durable',
    list: 'rates',
    key: 'perSecond',
    factor: 1e-3,
    text: three,
    bars: [
      ['Rivulet, flushed before it confirms', { name: 'rivulet/queue, durable', activity: 'send' }, 'own'],
      ['RabbitMQ, quorum', { name: 'RabbitMQ, quorum', activity: 'send' }],
      ['RabbitMQ, classic', { name: 'RabbitMQ, classic', activity: 'send' }],
      ['NATS JetStream, default', { name: 'NATS JetStream', activity: 'send' }],
      ['NATS JetStream, flushed before it confirms', { name: 'NATS JetStream, always', activity: 'send' }],
    ],
  },
  latency: {
    title: 'A lone message and its return, in microseconds: less is better',
    section: 'latency',
    key: 'median',
    factor: 1,
    text: whole,
    lessIsBetter: true,
    bars: [
      ['queue, next', { name: 'rivulet/queue' }, 'own'],
      ['raw zeromq.js', { name: 'raw zeromq.js' }],
      ['C libzmq, 32 bytes', { name: 'C libzmq, 32 bytes' }],
    ],
  },
  streams: {
    title: 'One stream of messages: how many times the rate of gRPC',
    section: 'streams',
    list: 'messages',
    key: 'toGrpc',
    factor: 1,
    text: ratioText,
    bars: [
      ['schema, next', { name: 'rivulet/socket, schema: next' }, 'own'],
      ['schema, sendAll', { name: 'rivulet/socket, schema: sendAll' }, 'own'],
      ['schema, send', { name: 'rivulet/socket, schema: send' }, 'own'],
      ['gRPC, responses', { name: 'gRPC-js: responses' }],
    ],
  },
}

/** A bar as it is drawn. */
interface Bar {
  readonly label: string
  readonly figure: StoredFigure
  readonly isOwn: boolean
}

const width = 480
const left = 2
/** The longest bar leaves room for its value. */
const longest = 330
const headHeight = 16
const rowHeight = 44

/** Draws a chart from the stored results. */
export function chartText(name: string): string {
  const chart = charts[name]
  if (chart === undefined) throw new Error(`there is no chart named ${name}`)
  const rows = rowsOf(readStored(chart.section), chart.list)
  const bars = chart.bars.map(([label, values, own]) => ({
    label,
    figure: figureOf(rowOf(rows, values), chart.key),
    isOwn: own !== undefined,
  }))
  const sign = chart.lessIsBetter ? 1 : -1
  return draw(
    chart,
    bars.toSorted((a, b) => sign * (a.figure.median - b.figure.median)),
  )
}

function draw({ title, factor, text }: Chart, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ figure }) => figure.max ?? figure.median))
  const x = (value: number): number => left + Math.round((value / most) * longest)
  const titleLines = wrap(title, 58)
  const top = headHeight * titleLines.length + 12
  const lines = bars.flatMap(({ label, figure, isOwn }, index) => {
    const y = top + index * rowHeight
    const end = Math.max(x(figure.median), left + 2)
    const { min, max } = figure
    const hasRange = min !== undefined && max !== undefined && max > min
    const behind = hasRange ? Math.max(end, x(max)) : end
    return [
      `<text x="${left}" y="${y + 12}">${xmlText(label)}</text>`,
      `<rect x="${left}" y="${y + 18}" width="${end - left}" height="14" fill="${isOwn ? '#0f6f8f' : '#97a3ad'}"/>`,
      ...(hasRange ? [`<path d="M${x(min)} ${y + 25}H${x(max)}" stroke="#1f2328" stroke-width="1.5"/>`] : []),
      `<text x="${behind + 8}" y="${y + 30}">${xmlText(rangeText(figure, text, factor))}</text>`,
    ]
  })
  const height = top + bars.length * rowHeight
  const head = titleLines.map(
    (line, index) => `<text x="${left}" y="${headHeight * (index + 1) - 2}" font-weight="bold">${xmlText(line)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="Arial, Helvetica, sans-serif" font-size="14" fill="#1f2328">
<title>${xmlText(title)}</title>
${[...head, ...lines].join('\n')}
</svg>
`
}

/** Breaks a text into lines of at most so many letters. */
function wrap(text: string, letters: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + word.length + 1 > letters) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
