/**
 * `npm run soak -- slow-consumer [--messages N] [--json]`: a producer far ahead of its consumer, in two processes.
 *
 * The consumer takes 1 ms for each of its first thousand messages. Held: the memory of each process, that nothing is lost
 * where nothing may be, and that the sums of both `stats()` add up. Each row is a pair of fresh processes.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { ReceiverStats, SenderStats, Stream } from '../../src/stream/index.js'

const Job = defineSchema({
  type: 'record',
  name: 'Job',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'text', type: 'string' },
    { name: 'weight', type: 'double' },
  ],
})

type Job = { id: number; text: string; weight: number }

/** How the consumer takes messages. */
const ways = ['subscribe', 'process', 'for-await'] as const
/** What connects the two. */
const links = ['queue', 'topic-wait', 'topic-drop'] as const

type Way = (typeof ways)[number]
type Link = (typeof links)[number]

/** The memory that neither process may go beyond, in MB. */
const memoryLimitMb = 200
const slowMessages = 1000
const slowMs = 1

interface Figures {
  readonly peakMb: number
  readonly stats: SenderStats & ReceiverStats & { missed?: number }
  /** Messages that came out of their order or twice. */
  readonly disordered: number
}

const [role, ...rest] = process.argv.slice(2)
if (role === 'produce') await produce(rest[0] as Link, Number(rest[1]))
else if (role === 'consume') await consume(rest[0] as Link, rest[1] as Way, Number(rest[2]), rest[3] as string)
else await main()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { messages: { type: 'string', default: '1000000' }, json: { type: 'boolean' } },
  })
  const messages = Number(values.messages)
  const rows = []
  for (const link of links) {
    for (const way of ways) {
      const row = await run(link, way, messages)
      rows.push(row)
      if (!values.json) console.log(line(row))
    }
  }
  if (values.json) console.log(JSON.stringify(rows))
  if (rows.some(({ faults }) => faults.length > 0)) process.exitCode = 1
}

async function run(link: Link, way: Way, messages: number) {
  const started = performance.now()
  const producer = child('produce', link, String(messages))
  const endpoint = (await message(producer)) as string
  const consumer = child('consume', link, way, String(messages), endpoint)
  // the producer ends when it is told that the consumer has everything
  const consumed = (await message(consumer)) as Figures
  producer.send('done')
  const produced = (await message(producer)) as Figures
  const seconds = (performance.now() - started) / 1000
  return { link, way, messages, seconds, produced, consumed, faults: faultsOf(link, messages, produced, consumed) }
}

function faultsOf(link: Link, messages: number, produced: Figures, consumed: Figures): string[] {
  const sent = produced.stats
  const got = consumed.stats
  const faults = []
  if (sent.accepted !== sent.sent + sent.pending + sum(sent.dropped))
    faults.push('the sums of the sender do not add up')
  if (got.received !== got.delivered + got.pending + sum(got.dropped))
    faults.push('the sums of the receiver do not add up')
  const missed = got.missed ?? 0
  if (link !== 'topic-drop' && (got.received !== messages || missed > 0)) faults.push(`${messages - got.received} lost`)
  // markers come behind the messages until one has arrived
  if (link === 'topic-drop' && got.received + missed < messages) faults.push('a loss that was not told')
  if (consumed.disordered > 0) faults.push(`${consumed.disordered} out of order`)
  if (Math.max(produced.peakMb, consumed.peakMb) >= memoryLimitMb) faults.push(`more than ${memoryLimitMb} MB`)
  return faults
}

function line({ link, way, seconds, produced, consumed, faults }: Awaited<ReturnType<typeof run>>): string {
  const { received, missed = 0 } = consumed.stats
  const figures = [
    `${link.padEnd(10)} ${way.padEnd(9)}`,
    `${received.toLocaleString('en')} received, ${missed.toLocaleString('en')} missed`,
    `producer ${produced.peakMb.toFixed(0)} MB, consumer ${consumed.peakMb.toFixed(0)} MB`,
    `${seconds.toFixed(1)} s`,
  ]
  return `${figures.join(' | ')} | ${faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok'}`
}

async function produce(link: Link, messages: number): Promise<void> {
  const bind = 'tcp://127.0.0.1:*'
  const done = once(process, 'message')
  if (link === 'queue') {
    await using push = await createPush({ schema: Job, bind })
    process.send?.(push.endpoint)
    await push.whenConnected()
    await push.sendAll(jobs(messages))
    await done
    report(push.stats(), 0)
    return
  }
  await using publisher = await createPublisher({ bind, slowSubscribers: link === 'topic-wait' ? 'wait' : 'drop' })
  process.send?.(publisher.endpoint)
  const topic = publisher.topic('jobs', Job)
  await new Promise<void>((resolve) => {
    publisher.subscriptions.subscribe(({ kind }) => kind === 'subscribed' && resolve())
  })
  await topic.sendAll(jobs(messages))
  // the last messages may be among the lost: markers behind them reveal that
  const marker = { id: messages, text: 'marker', weight: 0 }
  const markers = link === 'topic-drop' ? setInterval(() => topic.next(marker), 50) : undefined
  await done
  clearInterval(markers)
  report(publisher.stats(), 0)
}

async function consume(link: Link, way: Way, messages: number, connect: string): Promise<void> {
  let taken = 0
  let next = 0
  let disordered = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const handle = ({ id }: Job): void => {
    if (id < next) disordered += id === messages ? 0 : 1
    else next = id + 1
    taken += 1
    if (taken <= slowMessages) block(slowMs)
    if (id >= messages - (link === 'topic-drop' ? 0 : 1)) finish()
  }
  if (link === 'queue') {
    await using pull = await createPull({ schema: Job, connect })
    take(pull.messages, way, handle)
    await finished
    report(pull.stats(), disordered)
    return
  }
  await using subscriber = await createSubscriber({ connect })
  take(subscriber.topic('jobs', Job), way, handle)
  await finished
  report(subscriber.stats(), disordered)
}

function take(stream: Stream<Job>, way: Way, handle: (job: Job) => void): void {
  if (way === 'subscribe') stream.subscribe(handle)
  else if (way === 'process') stream.process(handle, { concurrency: 1 }).subscribe()
  else void iterate(stream, handle)
}

async function iterate(stream: Stream<Job>, handle: (job: Job) => void): Promise<void> {
  for await (const job of stream) handle(job)
}

function* jobs(count: number): Iterable<Job> {
  for (let id = 0; id < count; id++) yield { id, text: 'a job of a few words', weight: id / 2 }
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

function report(stats: unknown, disordered: number): void {
  process.send?.({ peakMb: process.resourceUsage().maxRSS / 1024, stats, disordered })
}

function sum(reasons: Readonly<Record<string, number>>): number {
  return Object.values(reasons).reduce((total, count) => total + count, 0)
}

function child(...args: string[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), args, { execArgv: process.execArgv })
}

/** The next message of a child; a child that dies instead fails the soak. */
async function message(process_: ChildProcess): Promise<unknown> {
  const died = once(process_, 'exit').then(([code]) => {
    throw new Error(`a process of the soak ended with ${code}`)
  })
  died.catch(() => {})
  const [value] = (await Promise.race([once(process_, 'message'), died])) as [unknown]
  return value
}
