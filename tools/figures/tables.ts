/**
 * The tables of the page of benchmarks: which stored results they show, in which order, and how.
 *
 * A row that was not measured throws: a page never shows a part of a table without saying so.
 */
import { type NumberText, oneDecimal, quotientText, rangeText, ratioText, three, whole } from './numbers.js'
import { figureOf, rowOf, rowsOf, type Stored, type StoredRow } from './stored.js'

/** A table of a page. */
export interface PageTable {
  /** The section of the benchmarks. */
  readonly section: string
  readonly list?: string
  readonly heads: readonly string[]
  /** What a row is called, and the values by which it is found; all rows by their names if it is left out. */
  readonly rows?: ReadonlyArray<readonly [label: string, values: StoredRow]>
  readonly columns: readonly Column[]
}

/** Makes the text of a cell from its row, and from all rows. */
type Column = (row: StoredRow, rows: readonly StoredRow[]) => string

const column =
  (key: string, text: NumberText, factor = 1): Column =>
  (row) =>
    rangeText(figureOf(row, key), text, factor)

/** Empty where the row has no such figure. */
const optional =
  (key: string, text: NumberText): Column =>
  (row) =>
    row[key] === undefined || row[key] === null ? '' : rangeText(figureOf(row, key), text)

const named = (...pairs: ReadonlyArray<readonly [label: string, name: string]>): NonNullable<PageTable['rows']> =>
  pairs.map(([label, name]) => [label, { name }])

const topicSystems = [
  ['Rivulet', 'rivulet/pubsub, topics'],
  ['NATS core, bytes', 'NATS core, bytes'],
  ['NATS core, records', 'NATS core, records'],
  ['Redis', 'Redis, bytes'],
  ['Mosquitto', 'Mosquitto, bytes'],
] as const

const topicShapes = [
  ['1 topic, 1 subscriber', 1, 1],
  ['100 topics, 1 subscriber', 100, 1],
  ['2,000 topics, 1 subscriber', 2000, 1],
  ['1 topic, 8 subscribers', 1, 8],
] as const

const ownDurable = 'rivulet/queue, durable'

/** The median of a durable queue beside that of a peer in the same activity. */
const beside =
  (peer: string): Column =>
  ({ activity, perSecond }, rows) => {
    const { median } = figureOf(rowOf(rows, { name: peer, activity }), 'perSecond')
    return quotientText((perSecond as { median: number }).median / median)
  }

const loneHeads = (beside: string): readonly string[] => ['a lone call', 'microseconds', beside]
const loneColumns = [column('median', whole), column('toBaseline', ratioText)]
const mebibytes = 1 / 1024 / 1024

/** The tables, by the names that pages use. */
export const tables: Readonly<Record<string, PageTable>> = {
  throughput: {
    section: 'throughput',
    heads: ['', 'million messages a second', '÷ raw zeromq.js', '÷ C libzmq, 32 bytes'],
    rows: named(
      ['queue, `sendAll`', 'rivulet/queue: sendAll'],
      ['queue, `send`', 'rivulet/queue: send'],
      ['queue, `next`', 'rivulet/queue: next'],
      ['topics, `sendAll`', 'rivulet/pubsub: sendAll'],
      ['raw zeromq.js, one message a frame', 'raw zeromq.js: send'],
      ['C libzmq, 32 bytes', 'C libzmq, 32 bytes'],
    ),
    columns: [column('perSecond', three, 1e-6), column('toBaseline', ratioText), column('toLibzmq', ratioText)],
  },
  topics: {
    section: 'topics',
    list: 'rates',
    heads: ['', 'thousand delivered a second', '÷ the best other', 'CPU ns a message', "the best other's ÷ own"],
    rows: topicShapes.flatMap(([shape, topics, subscribers]) =>
      topicSystems.map(([label, name]) => [`${shape}: ${label}`, { topics, subscribers, name }] as const),
    ),
    columns: [
      column('perSecond', three, 1e-3),
      optional('toBest', ratioText),
      column('cpuNanoseconds', whole),
      optional('bestCpuTo', ratioText),
    ],
  },
  latency: {
    section: 'latency',
    heads: ['', 'microseconds', '÷ raw zeromq.js'],
    rows: named(
      ['queue, `next`', 'rivulet/queue'],
      ['raw zeromq.js', 'raw zeromq.js'],
      ['C libzmq, 32 bytes', 'C libzmq, 32 bytes'],
    ),
    columns: loneColumns,
  },
  calls: {
    section: 'calls',
    list: 'rates',
    heads: ['', 'thousand a second', '÷ raw DEALER and ROUTER'],
    rows: named(
      ['1,024 calls at a time', 'rivulet/rpc: 1024 at a time'],
      ['256 calls at a time', 'rivulet/rpc: 256 at a time'],
      ['stream of responses', 'rivulet/rpc: stream of responses'],
    ),
    columns: [column('perSecond', three, 1e-3), optional('toBaseline', ratioText)],
  },
  'lone-call': {
    section: 'calls',
    list: 'lone',
    heads: loneHeads('÷ raw REQ and REP'),
    rows: named(['`promises`', 'rivulet/rpc'], ['raw REQ and REP', 'raw REQ/REP']),
    columns: loneColumns,
  },
  security: {
    section: 'curve',
    list: 'rates',
    heads: ['', 'million messages a second', '÷ raw zeromq.js with CURVE', '÷ the queue without `security`'],
    rows: named(
      ['queue, `sendAll`', 'rivulet/queue, CURVE: sendAll'],
      ['queue, `send`', 'rivulet/queue, CURVE: send'],
      ['queue, `sendAll`, without `security`', 'rivulet/queue: sendAll'],
      ['raw zeromq.js with CURVE, one message a frame', 'raw zeromq.js, CURVE: send'],
    ),
    columns: [column('perSecond', three, 1e-6), column('toRaw', ratioText), column('toPlain', ratioText)],
  },
  'lone-call-security': {
    section: 'curve',
    list: 'lone',
    heads: loneHeads('÷ raw REQ and REP with CURVE'),
    rows: named(
      ['`promises`', 'rivulet/rpc, CURVE'],
      ['raw REQ and REP with CURVE', 'raw REQ/REP, CURVE'],
      ['`promises`, without `security`', 'rivulet/rpc'],
    ),
    columns: loneColumns,
  },
  codecs: {
    section: 'codecs',
    heads: ['nanoseconds of processor time', 'generated', 'interpreted', 'interpreted ÷ generated'],
    rows: named(
      ['encode 4 fields', 'encode 4 fields'],
      ['decode 4 fields', 'decode 4 fields'],
      ['encode an order of 4 lines', 'encode order of 4 lines'],
      ['decode an order of 4 lines', 'decode order of 4 lines'],
    ),
    columns: [column('generated', whole), column('interpreted', whole), column('interpretedToGenerated', ratioText)],
  },
  durable: {
    section: 'durable',
    list: 'rates',
    heads: ['', 'thousand a second', '÷ NATS JetStream', '÷ RabbitMQ, classic', '÷ RabbitMQ, quorum'],
    rows: [
      ['single sends, 256 in flight', { name: ownDurable, activity: 'send' }],
      ['in bulk', { name: ownDurable, activity: 'sendAll' }],
      ['consumed and acknowledged', { name: ownDurable, activity: 'consume' }],
    ],
    columns: [
      column('perSecond', three, 1e-3),
      beside('NATS JetStream'),
      beside('RabbitMQ, classic'),
      beside('RabbitMQ, quorum'),
    ],
  },
  'durable-peers': {
    section: 'durable',
    list: 'rates',
    heads: ['', 'single sends', 'in bulk', 'consumed'],
    rows: [
      ['NATS JetStream', { name: 'NATS JetStream', activity: 'send' }],
      ['NATS JetStream, flushed before it confirms', { name: 'NATS JetStream, always', activity: 'send' }],
      ['RabbitMQ, classic', { name: 'RabbitMQ, classic', activity: 'send' }],
      ['RabbitMQ, quorum', { name: 'RabbitMQ, quorum', activity: 'send' }],
    ],
    columns: (['send', 'sendAll', 'consume'] as const).map(
      (activity): Column =>
        ({ name }, rows) =>
          oneDecimal(figureOf(rowOf(rows, { name, activity }), 'perSecond').median / 1000),
    ),
  },
  messaging: {
    section: 'messaging',
    list: 'messages',
    heads: ['messages one way', 'million a second', '÷ the best other'],
    columns: [column('perSecond', three, 1e-6), optional('toBest', ratioText)],
  },
  asks: {
    section: 'messaging',
    list: 'asks',
    heads: ['256 asks at a time', 'thousand a second', '÷ `rivulet/rpc`'],
    columns: [column('perSecond', three, 1e-3), optional('toBaseline', ratioText)],
  },
  'lone-ask': {
    section: 'messaging',
    list: 'lone',
    heads: ['a lone ask', 'microseconds', '÷ raw REQ and REP'],
    columns: loneColumns,
  },
  replay: {
    section: 'replay',
    list: 'rates',
    heads: ['a million stored messages', 'million a second', '÷ NATS JetStream'],
    columns: [column('perSecond', three, 1e-6), optional('toOther', ratioText)],
  },
  memory: {
    section: 'memory',
    heads: ['MiB resident', 'first', 'last', 'most'],
    columns: (['first', 'last', 'most'] as const).map(
      (key): Column =>
        (row) =>
          whole((row[key] as number) * mebibytes),
    ),
  },
  matching: {
    section: 'matching',
    heads: [
      'nanoseconds of processor time',
      '2,000 topics',
      '100,000 topics',
      'one by one',
      'one by one ÷ 100,000 topics',
    ],
    columns: [
      column('few', whole),
      column('many', whole),
      column('oneByOne', whole),
      column('oneByOneToMany', ratioText),
    ],
  },
  streams: {
    section: 'streams',
    list: 'messages',
    heads: [
      'one stream of messages',
      'million messages a second',
      '÷ JSON, a write for each line',
      '÷ JSON, 256 lines joined',
      '÷ gRPC',
    ],
    rows: named(
      ['schema, `sendAll`', 'rivulet/socket, schema: sendAll'],
      ['schema, `send`', 'rivulet/socket, schema: send'],
      ['schema, `next`', 'rivulet/socket, schema: next'],
      ['gRPC, responses', 'gRPC-js: responses'],
    ),
    columns: [
      column('perSecond', three, 1e-6),
      column('toLines', ratioText),
      column('toJoinedLines', ratioText),
      column('toGrpc', ratioText),
    ],
  },
  bytes: {
    section: 'streams',
    list: 'bytes',
    heads: ['bytes in pieces of 64 KiB', 'heap beside it', 'MB a second', '÷ `node:net`'],
    rows: [0, 32].flatMap((heapMegabytes) =>
      (['bytes()', 'lengthPrefixed()', 'schema of bytes'] as const).map(
        (kind) =>
          [kind.endsWith(')') ? `\`${kind}\`` : kind, { name: `rivulet/socket, ${kind}`, heapMegabytes }] as const,
      ),
    ),
    columns: [
      ({ heapMegabytes }) => (heapMegabytes === 0 ? 'none' : `${heapMegabytes} MB`),
      column('perSecond', whole, 1e-6),
      column('toPlain', ratioText),
    ],
  },
  datagrams: {
    section: 'datagrams',
    heads: ['', 'million a second', '÷ `node:dgram`'],
    rows: named(
      ['`sendAll`', 'rivulet/socket: sendAll'],
      ['`send`', 'rivulet/socket: send'],
      ['`send`, option `batch`', 'rivulet/socket: send, batch'],
    ),
    columns: [column('perSecond', three, 1e-6), column('toPlain', ratioText)],
  },
  depth: {
    section: 'depth',
    heads: [
      'waiting',
      'thousand a second',
      '÷ a thousand waiting',
      'processor time of the host',
      'opened in ms',
      'the host at most: filled',
      'opened',
      'at work',
    ],
    rows: [
      ['1,000', { messages: 1000 }],
      ['1,000,000', { messages: 1_000_000 }],
    ],
    columns: [
      column('perSecond', three, 1e-3),
      column('toFirst', ratioText),
      (row) => `${ratioText(figureOf(row, 'hostMicroseconds').median)} µs a message`,
      column('openMs', whole),
      ({ filledBytes }) => `${whole((filledBytes as number) * mebibytes)} MiB`,
      (row) => `${whole(figureOf(row, 'openedBytes').median * mebibytes)} MiB`,
      (row) => `${whole(figureOf(row, 'workedBytes').median * mebibytes)} MiB`,
    ],
  },
}

/** Writes a table as Markdown. */
export function tableText(table: PageTable, stored: Stored): string {
  const rows = rowsOf(stored, table.list)
  const wanted = table.rows ?? rows.map(({ name }) => [`${name}`, { name }] as const)
  const lines = wanted.map(([label, values]) => {
    const row = rowOf(rows, values)
    return [label, ...table.columns.map((text) => text(row, rows))]
  })
  return [table.heads, table.heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
