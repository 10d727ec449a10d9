/** The results as tables for people. */
import type { CallRate, CallResults, LoneCall } from './calls.js'
import type { CodecRow } from './codecs.js'
import type { CurveRate, CurveResults } from './curve.js'
import type { DatagramRate } from './datagrams.js'
import type { DepthRow } from './depth.js'
import type { Activity, Beside, DurableResults } from './durable.js'
import type { Latency } from './latency.js'
import type { Machine } from './machine.js'
import type { MatchingRow } from './matching.js'
import type { MemoryUse } from './memory.js'
import type { MessageRate, MessagingResults } from './messaging.js'
import type { Options } from './options.js'
import type { ReplayResults } from './replay.js'
import type { ByteRate, StreamRate, StreamResults } from './streams.js'
import { countText, figureText, table } from './tables.js'
import type { Throughput } from './throughput.js'
import { replayTables, topicTables } from './topic-tables.js'
import type { TopicResults } from './topics.js'
import { inFlight } from './ways/durable-way.js'

/** Everything that was measured. */
export interface Results {
  readonly machine: Machine
  readonly options: Options
  /** Why there are no rows of C programs. */
  readonly libzmqSkipped: string | undefined
  readonly throughput?: readonly Throughput[]
  readonly topics?: TopicResults
  readonly replay?: ReplayResults
  readonly latency?: readonly Latency[]
  readonly calls?: CallResults
  readonly curve?: CurveResults
  readonly memory?: readonly MemoryUse[]
  readonly codecs?: readonly CodecRow[]
  readonly durable?: DurableResults
  readonly depth?: readonly DepthRow[]
  readonly messaging?: MessagingResults
  readonly datagrams?: readonly DatagramRate[]
  readonly streams?: StreamResults
  readonly matching?: readonly MatchingRow[]
}

const mebibyte = 1024 * 1024

/** Writes the results for people. */
export function report({
  machine,
  options,
  libzmqSkipped,
  throughput,
  topics,
  replay,
  latency,
  calls,
  curve,
  memory,
  codecs,
  durable,
  depth,
  messaging,
  datagrams,
  streams,
  matching,
}: Results): string {
  const { node, platform, cpu, cores, load, libzmq, systemLibzmq } = machine
  const parts = [
    `Node ${node} on ${platform}, ${cores} cores (${cpu}), load ${load}; libzmq ${libzmq}, under C ${systemLibzmq ?? 'none'}`,
    `${options.runs} runs, in turn; medians (from–to)`,
  ]
  if (libzmqSkipped !== undefined) parts.push(`C libzmq is skipped: ${libzmqSkipped}.`)
  if (throughput) parts.push(throughputTable(throughput))
  if (topics) parts.push(...topicTables(topics))
  if (replay) parts.push(...replayTables(replay))
  if (latency) parts.push(latencyTable(latency))
  if (calls) parts.push(rateTable(calls.rates), loneTable(calls.lone))
  if (curve) parts.push(curveTable(curve.rates), loneTable(curve.lone, ' over CURVE and without'))
  if (memory) parts.push(memoryTable(memory))
  if (codecs) parts.push(codecTable(codecs))
  if (durable) parts.push(durableTable(durable), durableQueues(durable))
  if (depth) parts.push(depthRates(depth), depthCosts(depth))
  if (messaging) {
    const { messages, asks, lone, memory, about } = messaging
    parts.push(
      messageTable(messages),
      rateTable(asks, 'Asks: a record there and back', '÷ rivulet/rpc'),
      loneTable(lone),
    )
    parts.push(memoryTable(memory), about.join('\n'))
  }
  if (datagrams) parts.push(datagramTable(datagrams))
  if (streams) parts.push(streamTable(streams.messages), byteTable(streams.bytes), streams.about.join('\n'))
  if (matching) parts.push(matchingTable(matching))
  return parts.join('\n\n')
}

function matchingTable(rows: readonly MatchingRow[]): string {
  return table(
    'Topics against 100,000 patterns: processor time in nanoseconds, from the bytes of a topic to its subscriptions',
    ['', '2,000 topics', '100,000 topics', 'one by one', 'one by one ÷ 100,000 topics', 'a pattern added', 'removed'],
    rows.map((row) => [
      row.name,
      ...[row.few, row.many, row.oneByOne, row.oneByOneToMany, row.added, row.removed].map((x) => figureText(x)),
    ]),
  )
}

function streamTable(rows: readonly StreamRate[]): string {
  return table(
    'Messages over one stream: the record of the first table, into filter and map',
    ['', 'million a second', '÷ a line each write', '÷ joined lines', '÷ gRPC', 'CPU ns a message: sender', 'receiver'],
    rows.map((row) => [
      row.name,
      figureText(row.perSecond, 1e-6),
      figureText(row.toLines),
      figureText(row.toJoinedLines),
      row.toGrpc ? figureText(row.toGrpc) : '',
      row.senderNanoseconds.toFixed(0),
      row.receiverNanoseconds.toFixed(0),
    ]),
  )
}

function byteTable(rows: readonly ByteRate[]): string {
  return table(
    'Bytes over one stream, in pieces of 64 KiB',
    ['', 'heap beside it', 'MB a second', '÷ node:net, the same heap', 'CPU time ÷ node:net'],
    rows.map(({ name, heapMegabytes, perSecond, toPlain, cpuToPlain }) => [
      name,
      `${heapMegabytes} MB`,
      figureText(perSecond, 1e-6),
      figureText(toPlain),
      figureText(cpuToPlain),
    ]),
  )
}

function messageTable(rows: readonly MessageRate[]): string {
  const heads = ['', 'million a second', '÷ the best other', 'CPU ns a message: sender', 'receiver']
  return table(
    'Messages one way between two peers: the record of the first table, into filter and map',
    heads,
    rows.map((row) => [
      row.name,
      figureText(row.perSecond, 1e-6),
      row.toBest ? `${figureText(row.toBest)} ${row.best}` : '',
      row.senderNanoseconds?.toFixed(0) ?? '',
      row.receiverNanoseconds?.toFixed(0) ?? '',
    ]),
  )
}

function datagramTable(rows: readonly DatagramRate[]): string {
  const heads = ['', 'million a second', '÷ node:dgram', 'CPU ns a message: sender', 'receiver']
  return table(
    'Messages in datagrams that arrive: the record of the first table, into filter and map',
    heads,
    rows.map((row) => [
      row.name,
      figureText(row.perSecond, 1e-6),
      figureText(row.toPlain),
      row.senderNanoseconds.toFixed(0),
      row.receiverNanoseconds.toFixed(0),
    ]),
  )
}

function throughputTable(rows: readonly Throughput[]): string {
  const heads = ['', 'million messages a second', '÷ raw', '÷ C', 'CPU ns a message: producer', 'consumer']
  return table(
    'Throughput: records of two longs, a short string and a double, into filter and map',
    heads,
    rows.map((row) => [
      row.name,
      figureText(row.perSecond, 1e-6),
      figureText(row.toBaseline),
      row.toLibzmq ? figureText(row.toLibzmq) : '',
      row.producerNanoseconds?.toFixed(0) ?? '',
      row.consumerNanoseconds?.toFixed(0) ?? '',
    ]),
  )
}

function latencyTable(rows: readonly Latency[]): string {
  return table(
    'Latency: a lone message there and back, in microseconds',
    ['', 'median', '99 %', 'median ÷ raw', '99 % ÷ raw'],
    rows.map((row) => [
      row.name,
      ...[row.median, row.p99, row.toBaseline, row.p99ToBaseline].map((x) => figureText(x)),
    ]),
  )
}

function rateTable(rows: readonly CallRate[], title = 'Calls: a record there and back', beside = '÷ raw'): string {
  return table(
    title,
    ['', 'thousand a second', beside],
    rows.map(({ name, perSecond, toBaseline }) => [
      name,
      figureText(perSecond, 1e-3),
      toBaseline ? figureText(toBaseline) : '',
    ]),
  )
}

function loneTable(rows: readonly LoneCall[], over = ''): string {
  return table(
    `A lone call${over}, in microseconds`,
    ['', 'median', '99 %', 'median ÷ raw'],
    rows.map(({ name, median, p99, toBaseline }) => [name, ...[median, p99, toBaseline].map((x) => figureText(x))]),
  )
}

function curveTable(rows: readonly CurveRate[]): string {
  return table(
    'Security: the transient queue over CURVE, beside raw zeromq.js over CURVE, and without it',
    ['', 'million messages a second', '÷ raw over CURVE', '÷ the queue without it'],
    rows.map(({ name, perSecond, toRaw, toPlain }) => [
      name,
      figureText(perSecond, 1e-6),
      figureText(toRaw),
      figureText(toPlain),
    ]),
  )
}

function memoryTable(rows: readonly MemoryUse[]): string {
  return table(
    'Memory: MiB resident while a slow consumer holds the producer',
    ['', 'first', 'last', 'most'],
    rows.map(({ name, first, last, most }) => [name, ...[first, last, most].map((x) => (x / mebibyte).toFixed(0))]),
  )
}

/** What is done, as the table says it. */
const activityTexts: Readonly<Record<Activity, string>> = {
  send: `published by single sends, ${inFlight} in flight`,
  sendAll: 'published in bulk',
  consume: 'consumed and acknowledged',
}

function durableTable({ rates }: DurableResults): string {
  const beside = (what: Beside | undefined): string => (what ? `${figureText(what.ratio)} ${what.name}` : '')
  return table(
    'Durable queues, thousand a second: confirmed, or acknowledged',
    ['', 'median (from–to)', '÷ the fastest peer', '÷ the fastest that flushes before it confirms'],
    rates.map(({ activity, name, perSecond, toPeers, toFlushing }) => [
      `${activityTexts[activity]}: ${name}`,
      figureText(perSecond, 1e-3),
      beside(toPeers),
      beside(toFlushing),
    ]),
  )
}

function durableQueues({ flush, queues }: DurableResults): string {
  const lines = queues.map(({ name, about, skipped }) => `${name}: ${skipped ? 'skipped, ' : ''}${about}`)
  return [`The disk flushes 4 KiB in ${figureText(flush)} µs, measured before each turn`, ...lines].join('\n  ')
}

function depthRates(rows: readonly DepthRow[]): string {
  const first = `÷ ${countText(rows[0]?.messages ?? 0)}`
  return table(
    'Depth of a durable queue: published and acknowledged at once, while so many wait',
    ['waiting', 'thousand a second', first, 'CPU µs of the host a message', first, 'thousand that did wait'],
    rows.map(({ messages, perSecond, toFirst, hostMicroseconds, hostToFirst, waiting }) => [
      countText(messages),
      figureText(perSecond, 1e-3),
      figureText(toFirst),
      figureText(hostMicroseconds),
      figureText(hostToFirst),
      figureText(waiting, 1e-3),
    ]),
  )
}

function codecTable(rows: readonly CodecRow[]): string {
  return table(
    'Codecs: processor time of a message in nanoseconds; interpreted where Node may not generate code',
    ['', 'generated', 'interpreted', 'interpreted ÷ generated'],
    rows.map((row) => [
      row.name,
      ...[row.generated, row.interpreted, row.interpretedToGenerated].map((x) => figureText(x)),
    ]),
  )
}

function depthCosts(rows: readonly DepthRow[]): string {
  const heads = [
    'waiting',
    'opened in ms',
    'an empty folder',
    'the host at most, MiB: filled',
    'opened',
    'at work',
    'file',
  ]
  return table(
    'Opened after kill -9, and the memory of the host',
    heads,
    rows.map(({ messages, openMs, emptyMs, filledBytes, openedBytes, workedBytes, fileBytes }) => [
      countText(messages),
      figureText(openMs),
      emptyMs.toFixed(0),
      ...[filledBytes, openedBytes.max, workedBytes.max, fileBytes].map((bytes) => (bytes / mebibyte).toFixed(0)),
    ]),
  )
}
