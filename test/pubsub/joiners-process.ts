/**
 * A process of the soak of late subscribers: the publisher, or many subscribers that join when they are told to.
 *
 * Arguments: `publish` and how many bytes of history there are to be, or `join`, the endpoint and how many they are.
 */
import { readFileSync } from 'node:fs'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { turn } from '../support/events.js'
import { Job } from '../support/job.js'

/** What a publisher has done. */
export interface Published {
  readonly endpoint: string
  /** Messages of the history. */
  readonly kept: number
  /** Messages of the live topic that it has taken. */
  readonly live: number
  /** What it keeps of all topics. */
  readonly historyMb: number
  readonly replayedBytes: number
  readonly openReplays: number
  readonly replays: number
  /** What the thread of JavaScript has used, and the whole process, in seconds of a processor. */
  readonly threadSeconds: number
  readonly cpuSeconds: number
  readonly rssMb: number
  readonly peakMb: number
}

/** What one process of late subscribers has seen. */
export interface Joined {
  readonly messages: number
  /** Subscribers that have received anything, and that have everything. */
  readonly begun: number
  readonly complete: number
  /** Gaps, by their reason. */
  readonly gaps: Readonly<Record<string, number>>
  readonly errors: Readonly<Record<string, number>>
  readonly cpuSeconds: number
  readonly rssMb: number
}

/** The size of a kept message, in bytes. */
const noteBytes = 100_000

const [role, first = '', second = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
if (role === 'publish') await publish(Number(first))
else await join(first, Number(second))

/** Keeps some history, and sends on the topic `live` as fast as it can. */
async function publish(bytes: number): Promise<void> {
  const publisher = await createPublisher({
    bind: 'tcp://127.0.0.1:*',
    // the live messages are kept as well
    history: { maxBytes: bytes + 4 * 1024 * 1024 * 1024 },
    slowSubscribers: 'wait',
  })
  publisher.errors.subscribe()
  const kept = publisher.topic('kept', Job)
  const note = 'x'.repeat(noteBytes)
  const count = Math.ceil(bytes / noteBytes)
  for (let id = 1; id <= count; id++) await kept.send({ id, note })
  let sent = 0
  const told = (): Published => {
    const { history } = publisher.stats()
    const { replayedBytes, openReplays, replays, bytes: historyBytes } = history
    return {
      endpoint: publisher.endpoint,
      kept: count,
      live: sent,
      historyMb: historyBytes / 1e6,
      replayedBytes,
      openReplays,
      replays,
      threadSeconds: threadSeconds(),
      ...usage(),
      peakMb: process.resourceUsage().maxRSS / 1024,
    }
  }
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  process.on('message', (order) => {
    if (order === 'begin') begin()
    if (order === 'more') kept.next({ id: count + 1 })
    process.send?.(told())
  })
  process.send?.(told())
  await begun
  const live = publisher.topic('live', Job)
  const batch = Array.from({ length: 1000 }, (_, id) => ({ id }))
  while (process.connected) {
    await live.sendAll(batch)
    sent += batch.length
    // the outbox may have room at once
    await turn()
  }
}

async function join(endpoint: string, count: number): Promise<void> {
  let [messages, begun, complete] = [0, 0, 0]
  const gaps: Record<string, number> = {}
  const errors: Record<string, number> = {}
  const subscribers: Awaited<ReturnType<typeof createSubscriber>>[] = []
  for (let number = 0; number < count; number++) {
    const subscriber = await createSubscriber({ connect: endpoint, repairTimeoutMs: 60_000 })
    subscriber.errors.subscribe(({ code }) => {
      errors[code] = (errors[code] ?? 0) + 1
    })
    subscribers.push(subscriber)
  }
  process.on('message', (order) => {
    if (order === 'join') {
      for (const subscriber of subscribers) {
        let isFirst = true
        subscriber.events('kept', Job, { since: 'all' }).subscribe((event) => {
          if (event.kind === 'message') {
            messages += 1
            if (isFirst) begun += 1
            isFirst = false
          } else if (event.kind === 'gap') gaps[event.reason] = (gaps[event.reason] ?? 0) + 1
          else complete += 1
        })
      }
    }
    process.send?.({ messages, begun, complete, gaps, errors, ...usage() } satisfies Joined)
  })
  process.send?.({ ready: true })
}

function usage() {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, rssMb: process.memoryUsage.rss() / 1e6 }
}

/** What the first thread of this process has used; where the system does not say it, what all have used. */
function threadSeconds(): number {
  try {
    const [, fields = ''] = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1').split(') ')
    const numbers = fields.split(' ').map(Number)
    // utime and stime, in hundredths: proc(5)
    return ((numbers[11] ?? 0) + (numbers[12] ?? 0)) / 100
  } catch {
    return usage().cpuSeconds
  }
}
