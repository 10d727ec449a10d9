/**
 * Streams over loopback TCP, a process on each side: messages beside lines of JSON over `node:net` and beside gRPC, and bytes in
 * pieces of 64 KiB beside `node:net`, in processes that hold nothing else and in processes with the heap of an application.
 */
import type { Options } from './options.js'
import { Player } from './processes.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import { measureOnce, type Result } from './throughput.js'
import { pieceBytes } from './ways/byte-way.js'
import { grpcVersion } from './ways/grpc.js'
import { byteWays, type Endpoints, streamWays } from './ways/index.js'

const lines = 'JSON lines, node:net'
const grpc = 'gRPC-js'
const plain = 'node:net'

/** What both processes hold beside the way, in megabytes of objects. */
const heaps = [0, 32] as const

/** A rate of messages. */
export interface StreamRate {
  readonly name: string
  /** Messages a second. */
  readonly perSecond: Figure
  /** Beside a line for each write, and beside many lines joined for each. */
  readonly toLines: Figure
  readonly toJoinedLines: Figure
  /** Beside the quickest row of gRPC. */
  readonly toGrpc: Figure | undefined
  readonly senderNanoseconds: number
  readonly receiverNanoseconds: number
}

/** A rate of bytes. */
export interface ByteRate {
  readonly name: string
  /** What each process holds beside the way, in megabytes. */
  readonly heapMegabytes: number
  /** Bytes a second. */
  readonly perSecond: Figure
  /** Beside `node:net` in processes that hold the same. */
  readonly toPlain: Figure
  /** Processor time of both sides beside that of `node:net`. */
  readonly cpuToPlain: Figure
}

/** What streams come to. */
export interface StreamResults {
  readonly messages: readonly StreamRate[]
  readonly bytes: readonly ByteRate[]
  /** The versions of the others, or why they are not measured. */
  readonly about: readonly string[]
}

/** Measures streams; gRPC only if it is installed. */
export async function measureStreams(options: Options): Promise<StreamResults> {
  const version = grpcVersion()
  return {
    messages: await measureMessages(options, version !== undefined),
    bytes: await measureBytes(options),
    about: [version === undefined ? `${grpc}: skipped, not installed` : `@grpc/grpc-js ${version}`],
  }
}

async function measureMessages(options: Options, hasGrpc: boolean): Promise<StreamRate[]> {
  const rows: Row<Result>[] = []
  for (const [name, load] of Object.entries(streamWays)) {
    if (name === grpc && !hasGrpc) continue
    const { produce } = await load()
    for (const manner of Object.keys(produce)) {
      rows.push({ name: `${name}: ${manner}`, measure: () => measureOnce(name, manner, options) })
    }
  }
  const results = await rounds(rows, options.runs)
  const of = (name: string) => results.get(name) ?? []
  const rates = (name: string) => of(name).map(({ perSecond }) => perSecond)
  const median = (name: string) => figure(rates(name)).median
  const [quickest] = rows
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${grpc}: `))
    .sort((one, other) => median(other) - median(one))
  return rows.map(({ name }) => ({
    name,
    perSecond: figure(rates(name)),
    toLines: ratio(rates(name), rates(`${lines}: write`)),
    toJoinedLines: ratio(rates(name), rates(`${lines}: joined`)),
    toGrpc: quickest === undefined ? undefined : ratio(rates(name), rates(quickest)),
    senderNanoseconds: figure(of(name).map(({ producerNanoseconds = 0 }) => producerNanoseconds)).median,
    receiverNanoseconds: figure(of(name).map(({ consumerNanoseconds = 0 }) => consumerNanoseconds)).median,
  }))
}

/** What one run of a way to move bytes comes to. */
interface ByteResult {
  readonly piecesPerSecond: number
  /** Of both sides for a piece. */
  readonly cpuNanoseconds: number
}

async function measureBytes(options: Options): Promise<ByteRate[]> {
  const rowName = (name: string, heapMegabytes: number) => `${name}, ${heapMegabytes} MB`
  const rows = heaps.flatMap((heapMegabytes) => Object.keys(byteWays).map((name) => ({ name, heapMegabytes })))
  const results = await rounds(
    rows.map(({ name, heapMegabytes }) => ({
      name: rowName(name, heapMegabytes),
      measure: () => measurePieces(name, heapMegabytes, options),
    })),
    options.runs,
  )
  return rows.map(({ name, heapMegabytes }) => {
    const part = (way: string, key: keyof ByteResult) =>
      (results.get(rowName(way, heapMegabytes)) ?? []).map((result) => result[key])
    return {
      name,
      heapMegabytes,
      perSecond: figure(part(name, 'piecesPerSecond').map((pieces) => pieces * pieceBytes)),
      toPlain: ratio(part(name, 'piecesPerSecond'), part(plain, 'piecesPerSecond')),
      cpuToPlain: ratio(part(name, 'cpuNanoseconds'), part(plain, 'cpuNanoseconds')),
    }
  })
}

async function measurePieces(way: string, heapMegabytes: number, { warmUpMs, forMs }: Options): Promise<ByteResult> {
  await using receiver = new Player(way, 'bench/byte-child.ts')
  await using sender = new Player(way, 'bench/byte-child.ts')
  await Promise.all([receiver, sender].map((player) => player.order({ do: 'fillHeap', megabytes: heapMegabytes })))
  const endpoints = await receiver.order<Endpoints>({ do: 'receive' })
  await sender.order({ do: 'send', endpoints })
  const stretch = { do: 'measure', warmUpMs, forMs } as const
  const [received, sent] = await Promise.all([receiver.order<Stretch>(stretch), sender.order<Stretch>(stretch)])
  const piecesPerSecond = (received.messages / received.ms) * 1000
  const cpuMs = received.cpuMs / received.ms + sent.cpuMs / sent.ms
  return { piecesPerSecond, cpuNanoseconds: (cpuMs / piecesPerSecond) * 1e9 }
}
