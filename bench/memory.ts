/**
 * Memory: a producer that would send for ever, held by a consumer that works on one message a millisecond.
 *
 * What both processes hold must stop growing; the figures show where.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Memory } from './child.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { type Endpoints, type Way, ways } from './ways/index.js'

/** How long the consumer works on a message, in milliseconds. */
const workMs = 1

/** How often the processes are looked at in all that time. */
const looks = 10

/** One row of the table: resident bytes of a process at the first and the last sample, and the maximum. */
export interface MemoryUse {
  readonly name: string
  readonly first: number
  readonly last: number
  readonly most: number
  /** Messages that the consumer has worked on by the last look. */
  readonly messages: number
}

/** Measures every way with a consumer that can hold its producer, and every manner of sending. */
export async function measureMemory(options: Options): Promise<MemoryUse[]> {
  return measureSlowly(ways, options)
}

/** The same for a table of ways. */
export async function measureSlowly(
  table: Readonly<Record<string, () => Promise<Way>>>,
  options: Options,
): Promise<MemoryUse[]> {
  const rows: MemoryUse[] = []
  for (const [name, load] of Object.entries(table)) {
    const { produce, consumeSlowly } = await load()
    if (!consumeSlowly) continue
    for (const manner of Object.keys(produce)) rows.push(...(await measureOnce(name, manner, options)))
  }
  return rows
}

async function measureOnce(way: string, manner: string, { warmUpMs, forMs }: Options): Promise<MemoryUse[]> {
  await using consumer = new Player(way)
  await using producer = new Player(way)
  const endpoints = await consumer.order<Endpoints>({ do: 'consumeSlowly', workMs })
  await producer.order({ do: 'produce', manner, endpoints })
  await delay(warmUpMs)
  const seen: (readonly [Memory, Memory])[] = []
  for (let look = 0; look < looks; look++) {
    if (look > 0) await delay((2 * forMs) / looks)
    seen.push(await Promise.all([producer.order<Memory>({ do: 'memory' }), consumer.order<Memory>({ do: 'memory' })]))
  }
  const messages = seen.at(-1)?.[1].messages ?? 0
  return (['producer', 'consumer'] as const).map((role, index) => {
    const bytes = seen.map((pair) => (pair[index] as Memory).rssBytes)
    const [first = 0] = bytes
    return { name: `${way}: ${manner}, ${role}`, first, last: bytes.at(-1) ?? 0, most: Math.max(...bytes), messages }
  })
}
