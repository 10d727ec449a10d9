/**
 * The depth of a durable queue: what a million messages that wait cost beside a thousand.
 *
 * Each depth has a folder, filled once. Each run opens both with new hosts, lets messages pass in turns of half a second
 * while the depth stays, and kills the hosts: so the next run opens what a crash has left.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Memory } from './child.js'
import { makeFolder } from './clean-up.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { progress } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import { ahead, prefetch } from './ways/depth-way.js'
import type { Look, OpenedHost } from './ways/index.js'

const way = 'rivulet/queue, depth'

/** Messages that wait; the first is what the others are compared with. */
const depths = [1000, 1_000_000] as const

/** How long messages pass in one turn, and before that until they pass evenly, in milliseconds. */
const turnMs = 500
const startMs = 200

/** One row of the table. */
export interface DepthRow {
  /** Messages that wait, beside those that the consumer has. */
  readonly messages: number
  /** Messages a second that were acknowledged while as many were published. */
  readonly perSecond: Figure
  /** Processor time of the host for a message, all threads, in microseconds. */
  readonly hostMicroseconds: Figure
  /** Both beside the first depth, run by run. */
  readonly toFirst: Figure
  readonly hostToFirst: Figure
  /** How many did wait at the end of each turn. */
  readonly waiting: Figure
  /** From the call of `createQueueHost` until it resolves, in milliseconds: of this depth, and of an empty folder. */
  readonly openMs: Figure
  readonly emptyMs: number
  /** The most that a host had resident, in bytes: until the folder was filled, was opened again, had worked. */
  readonly filledBytes: number
  readonly openedBytes: Figure
  readonly workedBytes: Figure
  /** The data file at the end, in bytes. */
  readonly fileBytes: number
}

/** A folder with a queue of one depth. */
interface Filled {
  readonly messages: number
  readonly path: string
  readonly emptyMs: number
  readonly filledBytes: number
}

/** What one run came to at one depth. */
interface Result {
  readonly openMs: number
  readonly openedBytes: number
  readonly perSecond: number
  readonly hostMicroseconds: number
  readonly waiting: readonly number[]
  readonly workedBytes: number
}

/** Measures all depths in turn. */
export async function measureDepth(options: Options): Promise<DepthRow[]> {
  using folder = makeFolder()
  const queues: Filled[] = []
  for (const messages of depths) queues.push(await fill(join(folder.path, `${messages}`), messages))
  const results = new Map<Filled, Result[]>(queues.map((queue) => [queue, []]))
  for (let run = 0; run < options.runs; run++) {
    progress(`depth, run ${run + 1} of ${options.runs}`)
    for (const [queue, result] of await measureOnce(queues, options)) results.get(queue)?.push(result)
  }
  progress('')
  const all = (queue: Filled, what: (result: Result) => number): number[] => (results.get(queue) ?? []).map(what)
  const beside = (queue: Filled, what: (result: Result) => number): Figure =>
    ratio(all(queue, what), all(queues[0] as Filled, what))
  return queues.map((queue) => ({
    messages: queue.messages,
    perSecond: figure(all(queue, ({ perSecond }) => perSecond)),
    hostMicroseconds: figure(all(queue, ({ hostMicroseconds }) => hostMicroseconds)),
    toFirst: beside(queue, ({ perSecond }) => perSecond),
    hostToFirst: beside(queue, ({ hostMicroseconds }) => hostMicroseconds),
    waiting: figure((results.get(queue) ?? []).flatMap(({ waiting }) => waiting)),
    openMs: figure(all(queue, ({ openMs }) => openMs)),
    emptyMs: queue.emptyMs,
    filledBytes: queue.filledBytes,
    openedBytes: figure(all(queue, ({ openedBytes }) => openedBytes)),
    workedBytes: figure(all(queue, ({ workedBytes }) => workedBytes)),
    fileBytes: statSync(join(queue.path, 'data.mdb')).size,
  }))
}

async function fill(path: string, messages: number): Promise<Filled> {
  progress(`depth, filling with ${messages}`)
  await using host = new Player(way)
  const { ms, endpoints } = await host.order<OpenedHost>({ do: 'open', folder: path })
  await using producer = new Player(way)
  await producer.order({ do: 'fill', endpoints, messages: messages + prefetch })
  return { messages, path, emptyMs: ms, filledBytes: (await host.order<Memory>({ do: 'memory' })).peakBytes }
}

async function measureOnce(queues: readonly Filled[], { warmUpMs, forMs }: Options): Promise<Map<Filled, Result>> {
  const passings: Passing[] = []
  try {
    for (const queue of queues) passings.push(await Passing.begin(queue))
    for (const passing of passings) await passing.pass(warmUpMs, 0)
    for (let turn = 0; turn < (2 * forMs) / turnMs; turn++) {
      for (const passing of turn % 2 === 0 ? passings : passings.toReversed()) await passing.pass(startMs, turnMs)
    }
    const results = new Map<Filled, Result>()
    for (const passing of passings) results.set(passing.queue, await passing.end())
    return results
  } finally {
    await Promise.all(passings.map((passing) => passing[Symbol.asyncDispose]()))
  }
}

/** The processes around one queue, which let messages pass when it is their turn. */
class Passing implements AsyncDisposable {
  readonly queue: Filled
  readonly #host = new Player(way)
  readonly #consumer = new Player(way)
  readonly #producer = new Player(way)
  readonly #waiting: number[] = []
  #openMs = 0
  #openedBytes = 0
  #ms = 0
  #messages = 0
  #hostMs = 0

  private constructor(queue: Filled) {
    this.queue = queue
  }

  static async begin(queue: Filled): Promise<Passing> {
    const passing = new Passing(queue)
    try {
      await passing.#begin()
      return passing
    } catch (error) {
      await passing[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Lets messages pass, and counts after a while for a while. */
  async pass(warmUpMs: number, forMs: number): Promise<void> {
    await this.#consumer.order({ do: 'hold', isHeld: false })
    const order = { do: 'measure', warmUpMs, forMs } as const
    const [consumed, hosted] = await Promise.all([
      this.#consumer.order<Stretch>(order),
      this.#host.order<Stretch>(order),
    ])
    const { ready } = await this.#host.order<Look>({ do: 'look' })
    await this.#consumer.order({ do: 'hold', isHeld: true })
    if (forMs === 0) return
    this.#waiting.push(ready)
    this.#ms += consumed.ms
    this.#messages += consumed.messages
    this.#hostMs += hosted.cpuMs
  }

  /** Ends producer and consumer, and tells what all turns came to. */
  async end(): Promise<Result> {
    const { peakBytes } = await this.#host.order<Memory>({ do: 'memory' })
    // the consumer first: all that it has acknowledged is replaced
    await this.#consumer.order({ do: 'end' })
    await this.#producer.order({ do: 'end' })
    return {
      openMs: this.#openMs,
      openedBytes: this.#openedBytes,
      perSecond: (this.#messages / this.#ms) * 1000,
      hostMicroseconds: (this.#hostMs / this.#messages) * 1000,
      waiting: this.#waiting,
      workedBytes: peakBytes,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const players = [this.#producer, this.#consumer, this.#host]
    await Promise.all(players.map((player) => player[Symbol.asyncDispose]()))
  }

  async #begin(): Promise<void> {
    const { path, messages } = this.queue
    const { ms, endpoints } = await this.#host.order<OpenedHost>({ do: 'open', folder: path })
    this.#openMs = ms
    this.#openedBytes = (await this.#host.order<Memory>({ do: 'memory' })).peakBytes
    const { depth } = await this.#host.order<Look>({ do: 'look' })
    const port = await this.#consumer.order<number>({ do: 'drain', endpoints })
    // what a run before has lost or left over is made good
    const more = Math.max(0, messages + prefetch + ahead - depth)
    await this.#producer.order({ do: 'replace', endpoints, port, more })
  }
}
