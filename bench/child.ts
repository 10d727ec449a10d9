/**
 * One process of a benchmark: plays one role of one way, and measures when it is told to.
 *
 * It is started by `processes.ts` with the way and the role as arguments, and answers each message of its parent.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { filter, map } from 'rxjs'
import { tick } from './tick.js'
import { type Endpoints, ways } from './ways/index.js'

/** What a child is told: one of these at a time. */
export type Order =
  | { readonly do: 'consume' }
  | { readonly do: 'produce'; readonly manner: string; readonly endpoints: Endpoints }
  | { readonly do: 'echo' }
  | { readonly do: 'connect'; readonly endpoints: Endpoints }
  | { readonly do: 'exchange'; readonly count: number }
  | { readonly do: 'consumeSlowly'; readonly workMs: number }
  /** Counts for a while, after a while. */
  | { readonly do: 'measure'; readonly warmUpMs: number; readonly forMs: number }
  | { readonly do: 'memory' }

/** What a process did in a stretch of time. */
export interface Stretch {
  readonly ms: number
  /** Messages that were delivered. */
  readonly messages: number
  /** Processor time of all threads. */
  readonly cpuMs: number
}

/** How long the exchanges took, in microseconds. */
export interface Exchanges {
  readonly microseconds: readonly number[]
}

/** What a process holds, in bytes. */
export interface Memory {
  readonly rssBytes: number
  readonly messages: number
}

const [, , name = ''] = process.argv
const load = ways[name]
if (!load) throw new Error(`there is no way named ${name}`)
const way = await load()

let sendOne: Awaited<ReturnType<NonNullable<typeof way.exchange>>> | undefined
const delivered = { messages: 0, sum: 0.5 }

process.on('message', (order: Order) => {
  void carryOut(order).then((result) => process.send?.({ result }))
})
process.on('disconnect', () => process.exit())

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'consume':
      return way.consume((messages) => {
        const prices = messages.pipe(
          filter(({ price }) => price > 0),
          map(({ price }) => price),
        )
        prices.subscribe((price) => {
          delivered.messages += 1
          delivered.sum += price
        })
      })
    case 'produce':
      void way.produce[order.manner]?.(order.endpoints)
      return undefined
    case 'echo':
      return way.echo?.()
    case 'connect':
      sendOne = await way.exchange?.(order.endpoints)
      return undefined
    case 'exchange':
      return exchange(order.count)
    case 'consumeSlowly':
      return way.consumeSlowly?.(order.workMs, () => {
        delivered.messages += 1
      })
    case 'measure':
      return measure(order.warmUpMs, order.forMs)
    case 'memory':
      return { rssBytes: process.memoryUsage.rss(), messages: delivered.messages } satisfies Memory
  }
}

async function measure(warmUpMs: number, forMs: number): Promise<Stretch> {
  await delay(warmUpMs)
  const before = snapshot()
  await delay(forMs)
  const after = snapshot()
  return { ms: after.ms - before.ms, messages: after.messages - before.messages, cpuMs: after.cpuMs - before.cpuMs }
}

function snapshot(): Stretch {
  const { user, system } = process.cpuUsage()
  return { ms: performance.now(), messages: delivered.messages, cpuMs: (user + system) / 1000 }
}

/** Sends one message at a time, the next when its echo has come. */
async function exchange(count: number): Promise<Exchanges> {
  if (!sendOne) throw new Error(`${name} has no exchange`)
  const microseconds: number[] = []
  for (let id = 0; id < count; id++) {
    const start = performance.now()
    const echo = await sendOne(tick(id))
    microseconds.push((performance.now() - start) * 1000)
    if (echo.id !== id) throw new Error(`message ${id} came back as ${echo.id}`)
  }
  return { microseconds }
}
