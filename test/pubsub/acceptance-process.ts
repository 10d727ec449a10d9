/**
 * A process of the soak of topics: one publisher, or many subscribers, and what the parent orders.
 *
 * Arguments: `publish` and the options of the publisher, or `subscribe` and `Crowd`, as JSON.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createPublisher, createSubscriber, type PublisherOptions } from '../../patterns/pubsub/index.js'
import { Job } from '../support/job.js'
import { NumberCheck } from './number-check.js'

/** So many subscribers of one publisher that follow the topic `a` up to a number. */
export interface Crowd {
  readonly connect: string
  readonly subscribers: number
  readonly messages: number
}

/** What a publisher is told; each order has one answer. */
export type Order =
  /** Sends messages on `a` as fast as it can; answers when the library has them all. */
  | { readonly kind: 'burst'; readonly count: number }
  /** Sends so many messages on `a` every few milliseconds, until it is told to stop or has sent `count`. */
  | {
      readonly kind: 'stream'
      readonly each: number
      readonly everyMs: number
      readonly count?: number
      readonly noteBytes?: number
    }
  | { readonly kind: 'stop' }
  /** Sends one message with this id on each of the topics `t.0`, `t.1`, and so on. */
  | { readonly kind: 'spread'; readonly topics: number; readonly id: number }
  | { readonly kind: 'stats' }

/** Some weight, in bytes: a million messages are more than the buffers of the system hold, and less than the history. */
const lightBytes = 40

const [role, settings = '{}'] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
if (role === 'publish') await publish(JSON.parse(settings) as PublisherOptions)
else await subscribe(JSON.parse(settings) as Crowd)

async function publish(options: PublisherOptions): Promise<void> {
  const publisher = await createPublisher(options)
  const reported: Record<string, number> = {}
  publisher.errors.subscribe(({ code }) => {
    reported[code] = (reported[code] ?? 0) + 1
  })
  const topic = publisher.topic('a', Job)
  let published = 0
  let note = 'x'.repeat(lightBytes)
  let isStreaming = false
  let streaming = Promise.resolve()

  function* next(count: number): Iterable<Job> {
    for (let n = 0; n < count; n++) yield { id: ++published, note }
  }

  async function stream(each: number, everyMs: number, count: number): Promise<void> {
    isStreaming = true
    while (isStreaming && published < count) {
      await topic.sendAll(next(Math.min(each, count - published)))
      await delay(everyMs)
    }
  }

  const obey = async (order: Order): Promise<unknown> => {
    if (order.kind === 'burst') await topic.sendAll(next(order.count))
    else if (order.kind === 'stream') {
      note = 'x'.repeat(order.noteBytes ?? lightBytes)
      streaming = stream(order.each, order.everyMs, order.count ?? Number.POSITIVE_INFINITY)
      if (order.count !== undefined) await streaming
    } else if (order.kind === 'stop') {
      isStreaming = false
      await streaming
    } else if (order.kind === 'spread') {
      for (let n = 0; n < order.topics; n++) await publisher.topic(`t.${n}`, Job).send({ id: order.id })
      await publisher.flush()
    }
    return { published, stats: publisher.stats(), reported, peakMb: peakMb() }
  }
  process.on('message', async (order: Order) => process.send?.(await obey(order)))
  process.send?.({ endpoint: publisher.endpoint })
}

async function subscribe({ connect, subscribers, messages }: Crowd): Promise<void> {
  const all = await Promise.all(Array.from({ length: subscribers }, () => createSubscriber({ connect })))
  const reported: Record<string, number> = {}
  for (const { errors } of all) {
    errors.subscribe(({ code }) => {
      reported[code] = (reported[code] ?? 0) + 1
    })
  }
  const checks = all.map((subscriber) => new NumberCheck(subscriber.events('a', Job)))
  await Promise.all(all.map(({ ready }) => ready))
  process.send?.({ ready: true })
  await Promise.all(checks.map((check) => check.when(messages)))
  const sum = (count: (check: NumberCheck) => number) => checks.reduce((total, check) => total + count(check), 0)
  process.send?.({
    delivered: sum(({ delivered }) => delivered),
    missed: sum(({ missed }) => missed),
    reasons: addedUp(checks.map(({ reasons }) => reasons)),
    repaired: all.reduce((total, subscriber) => total + subscriber.stats().repaired, 0),
    faults: checks.flatMap(({ faults }) => faults).slice(0, 10),
    reported,
    peakMb: peakMb(),
  })
}

function addedUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const [name, count] of counts.flatMap(Object.entries<number>)) total[name] = (total[name] ?? 0) + count
  return total
}

/** The most memory that this process has had resident. `resourceUsage` may give that of the parent: it outlives `exec`. */
function peakMb(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
}
