/**
 * One process of a benchmark: plays one role of one way, and measures on request.
 *
 * It is started by `processes.ts` with the way and the role as arguments, and answers each message of its parent.
 */

import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { filter, map, type Observable } from 'rxjs'
import { measureStretch, type StretchOrder } from './stretch.js'
import { type Tick, tick } from './tick.js'
import {
  askWays,
  type Caller,
  type Counter,
  callWays,
  curveCallWays,
  curveWays,
  datagramWays,
  depthWays,
  durableWays,
  type Endpoints,
  messageWays,
  type OpenPublisher,
  type PublishManner,
  replayWays,
  streamWays,
  topicWays,
  ways,
} from './ways/index.js'
import { topicNames } from './ways/topic-way.js'

/** The requests of the parent, one at a time. */
export type Order =
  | { readonly do: 'consume' }
  | { readonly do: 'produce'; readonly manner: string; readonly endpoints: Endpoints }
  | { readonly do: 'echo' }
  | { readonly do: 'connect'; readonly endpoints: Endpoints }
  | { readonly do: 'exchange'; readonly count: number }
  | { readonly do: 'consumeSlowly'; readonly workMs: number }
  | { readonly do: 'serve' }
  | { readonly do: 'connectCaller'; readonly endpoints: Endpoints }
  /** Calls so often at the same time, without end. */
  | { readonly do: 'call'; readonly atOnce: number }
  | { readonly do: 'watch' }
  | { readonly do: 'host'; readonly folder: string }
  | { readonly do: 'publish'; readonly manner: PublishManner; readonly endpoints: Endpoints }
  | { readonly do: 'acknowledge'; readonly endpoints: Endpoints }
  | { readonly do: 'open'; readonly folder: string }
  | { readonly do: 'look' }
  | { readonly do: 'fill'; readonly endpoints: Endpoints; readonly messages: number }
  /** Answers with the port for the process that replaces messages. */
  | { readonly do: 'drain'; readonly endpoints: Endpoints }
  | { readonly do: 'hold'; readonly isHeld: boolean }
  | { readonly do: 'replace'; readonly endpoints: Endpoints; readonly port: number; readonly more: number }
  | { readonly do: 'end' }
  | { readonly do: 'openPublisher'; readonly server: Endpoints; readonly topics: number; readonly folder: string }
  | { readonly do: 'subscribeTopics'; readonly endpoints: Endpoints; readonly topics: number }
  | { readonly do: 'publishTopics' }
  /** Answers with how many messages were published in all. */
  | { readonly do: 'stopPublisher' }
  /** Waits until so many messages are counted, or none comes any more; answers with how many there were. */
  | { readonly do: 'settle'; readonly messages: number }
  | { readonly do: 'store'; readonly server: Endpoints; readonly messages: number; readonly folder: string }
  /** Answers with how long it took to read so many messages, in milliseconds. */
  | { readonly do: 'replay'; readonly endpoints: Endpoints; readonly messages: number }
  | StretchOrder
  | { readonly do: 'memory' }

/** How long the exchanges took, in microseconds. */
export interface Exchanges {
  readonly microseconds: readonly number[]
}

/** What a process holds, in bytes. */
export interface Memory {
  readonly rssBytes: number
  /** The most that it had resident so far; where the system does not tell it of the process alone, what it has. */
  readonly peakBytes: number
  readonly messages: number
}

/** How often messages are counted where there are no more than so many. */
const lookMs = 2

/** After so long without a message none comes any more, in milliseconds. */
const settledMs = 1000

const [, , name = ''] = process.argv
const way = await (ways[name] ?? curveWays[name] ?? messageWays[name] ?? datagramWays[name] ?? streamWays[name])?.()
const callWay = await (callWays[name] ?? curveCallWays[name] ?? askWays[name])?.()
const durableWay = await durableWays[name]?.()
const depthWay = await depthWays[name]?.()
const topicWay = await topicWays[name]?.()
const replayWay = await replayWays[name]?.()
const found = [way, callWay, durableWay, depthWay, topicWay, replayWay]
if (found.every((one) => one === undefined)) throw new Error(`there is no way named ${name}`)

let sendOne: ((value: Tick) => Promise<Tick>) | undefined
let caller: Caller | undefined
let publisher: OpenPublisher | undefined
const delivered = { messages: 0, sum: 0.5 }
let counter: Counter = () => delivered.messages

process.on('message', (order: Order) => {
  void carryOut(order).then((result) => process.send?.({ result }))
})
process.on('disconnect', () => process.exit())

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'consume':
      return way?.consume(count)
    case 'produce':
      void way?.produce[order.manner]?.(order.endpoints)
      return undefined
    case 'echo':
      return way?.echo?.()
    case 'connect':
      sendOne = await way?.exchange?.(order.endpoints)
      return undefined
    case 'exchange':
      return exchange(order.count)
    case 'consumeSlowly':
      return way?.consumeSlowly?.(order.workMs, () => {
        delivered.messages += 1
      })
    case 'serve':
      return callWay?.serve()
    case 'connectCaller':
      caller = await callWay?.connect(order.endpoints)
      sendOne = caller?.call
      return undefined
    case 'call':
      for (let one = 0; one < order.atOnce; one++) void callWithoutEnd()
      return undefined
    case 'watch':
      return caller?.watch?.(count)
    case 'host':
      return durableWay?.host?.(order.folder)
    case 'publish':
      if (durableWay) counter = await durableWay.publish[order.manner](order.endpoints)
      return undefined
    case 'acknowledge':
      if (durableWay) counter = await durableWay.consume(order.endpoints)
      return undefined
    case 'open':
      return depthWay?.open(order.folder)
    case 'look':
      return depthWay?.look()
    case 'fill':
      return depthWay?.fill(order.endpoints, order.messages)
    case 'drain': {
      const drained = await depthWay?.consume(order.endpoints)
      if (drained) counter = drained.counter
      return drained?.port
    }
    case 'hold':
      return depthWay?.hold(order.isHeld)
    case 'replace':
      return depthWay?.replace(order.endpoints, order.port, order.more)
    case 'end':
      return depthWay?.end()
    case 'openPublisher':
      publisher = await topicWay?.open(order.server, topicNames(order.topics), order.folder)
      return publisher?.endpoints
    case 'subscribeTopics':
      if (topicWay) counter = await topicWay.subscribe(order.endpoints, topicNames(order.topics))
      return undefined
    case 'publishTopics':
      if (publisher) counter = publisher.start()
      return undefined
    case 'stopPublisher':
      return publisher?.stop()
    case 'settle':
      return settle(order.messages)
    case 'store':
      return replayWay?.store(order.server, order.messages, order.folder)
    case 'replay':
      return replayWay?.replay(order.endpoints, order.messages)
    case 'measure':
      return measureStretch(counter, order)
    case 'memory':
      return memory()
  }
}

function count(messages: Observable<Tick>): void {
  const prices = messages.pipe(
    filter(({ price }) => price > 0),
    map(({ price }) => price),
  )
  prices.subscribe((price) => {
    delivered.messages += 1
    delivered.sum += price
  })
}

async function callWithoutEnd(): Promise<void> {
  if (!caller) throw new Error(`${name} calls nothing`)
  const value = tick(1)
  for (;;) {
    const { price } = await caller.call(value)
    delivered.messages += 1
    delivered.sum += price
  }
}

async function settle(messages: number): Promise<number> {
  let last = counter()
  for (let since = performance.now(); last < messages && performance.now() - since < settledMs; ) {
    await delay(lookMs)
    if (counter() !== last) since = performance.now()
    last = counter()
  }
  return counter()
}

function memory(): Memory {
  const rssBytes = process.memoryUsage.rss()
  return { rssBytes, peakBytes: Math.max(rssBytes, peakBytes()), messages: delivered.messages }
}

/** The peak that Linux keeps of this program; `maxRSS` counts the process that started it, too. */
function peakBytes(): number {
  if (!existsSync('/proc/self/status')) return 0
  const [, kibibytes = 0] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kibibytes) * 1024
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
