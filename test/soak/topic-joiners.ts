/**
 * `npm run soak -- topic-joiners [--joiners N] [--megabytes M] [--seconds S] [--processes P] [--nice N] [--profile]
 * [--json]`: late subscribers that all want the whole history of a publisher, which sends as fast as it can to another subscriber meanwhile.
 *
 * Held: while they connect and ask, and while they read, the rate of the other subscriber stays above half of what it was; some
 * of them read, and none misses anything.
 * The late subscribers share the processors with the publisher and the other subscriber. `--nice N` gives their processes another
 * priority, so that they leave processors to the two as if they were on other machines; `--nice=-N` a higher one, where all of it
 * was begun with one. `ownShare` tells what the publisher's own thread does: live messages for each second that it has used,
 * compared with those without late subscribers. `rssMb` of the publisher has its history in it, `historyMb`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createSubscriber } from '../../patterns/pubsub/index.js'
import { plainPath, writePlain } from '../../tools/plain.js'
import type { Joined, Published } from '../pubsub/joiners-process.js'
import { Job } from '../support/job.js'

const { values } = parseArgs({
  options: {
    joiners: { type: 'string', default: '1000' },
    megabytes: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '15' },
    processes: { type: 'string', default: '16' },
    nice: { type: 'string', default: '0' },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const joiners = Number(values.joiners)
const processes = Math.min(joiners, Number(values.processes))

/** How long all late subscribers may take to have asked, in seconds. */
const joiningSeconds = 30

/** What some seconds have brought. */
interface Measured {
  readonly seconds: number
  /** Live messages a second that the subscriber got. */
  readonly rate: number
  /** Live messages for each second that the publisher's thread has used. */
  readonly perThreadSecond: number
  /** Processors that the publisher's thread, the publisher and the other subscriber have used. */
  readonly thread: number
  readonly publisher: number
  readonly subscriber: number
  readonly replayedMb: number
  /** What the publisher has in the end, and what it keeps of all topics. */
  readonly rssMb: number
  readonly historyMb: number
}

const plain = writePlain()
const children: ChildProcess[] = []
try {
  await run()
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(plain, { recursive: true })
}
process.exit()

async function run(): Promise<void> {
  const publisher = start(values.profile ? ['--cpu-prof'] : [], 'publish', `${Number(values.megabytes) * 1e6}`)
  const { endpoint, kept } = await answer<Published>(publisher)
  const subscriber = await createSubscriber({ connect: endpoint })
  let live = 0
  subscriber.topic('live', Job).subscribe(() => {
    live += 1
  })
  const late = Array.from({ length: processes }, (_, index) => {
    const count = Math.floor((joiners * (index + 1)) / processes) - Math.floor((joiners * index) / processes)
    return start([], 'join', endpoint, `${count}`)
  })
  await Promise.all(late.map((child) => answer(child)))
  for (const { pid } of late) setPriority(pid as number, Number(values.nice))
  note(`${joiners} late subscribers are connected`)

  const measure = async (whole: () => Promise<unknown>): Promise<Measured> => {
    const [before, beforeLive, beforeUsed, started] = [await ask<Published>(publisher), live, used(), performance.now()]
    await whole()
    const [seconds, afterLive] = [(performance.now() - started) / 1000, live]
    const after = await ask<Published>(publisher)
    const threadSeconds = after.threadSeconds - before.threadSeconds
    return {
      seconds: round(seconds),
      rate: Math.round((afterLive - beforeLive) / seconds),
      perThreadSecond: Math.round((after.live - before.live) / threadSeconds),
      thread: round(threadSeconds / seconds),
      publisher: round((after.cpuSeconds - before.cpuSeconds) / seconds),
      subscriber: round((used() - beforeUsed) / seconds),
      replayedMb: Math.round((after.replayedBytes - before.replayedBytes) / 1e6),
      rssMb: Math.round(after.rssMb),
      historyMb: Math.round(after.historyMb),
    }
  }

  await ask<Published>(publisher, 'begin')
  await delay(2000)
  const some = () => delay(Number(values.seconds) * 1000)
  const alone = await measure(some)
  note(`alone: ${JSON.stringify(alone)}`)
  const joining = await measure(async () => {
    await Promise.all(late.map((child) => ask<Joined>(child, 'join')))
    for (let second = 0; second < joiningSeconds; second++) {
      await delay(1000)
      const { openReplays, replays } = await ask<Published>(publisher)
      if (openReplays + replays >= joiners) break
    }
  })
  note(`joining: ${JSON.stringify(joining)}`)
  const reading = await measure(some)
  note(`reading: ${JSON.stringify(reading)}`)
  const joined = await Promise.all(late.map((child) => ask<Joined>(child)))
  const sum = (count: (one: Joined) => number) => joined.reduce((total, one) => total + count(one), 0)
  const { openReplays, replays, peakMb } = await ask<Published>(publisher)
  const figures = {
    joiners,
    alone,
    joining,
    reading,
    joiningShare: round(joining.rate / alone.rate),
    share: round(reading.rate / alone.rate),
    ownShare: round(reading.perThreadSecond / alone.perThreadSecond),
    late: {
      readMb: Math.round(sum(({ messages }) => messages) / 10),
      begun: sum(({ begun }) => begun),
      complete: sum(({ complete }) => complete),
      gaps: joined.map(({ gaps }) => gaps).filter((gaps) => Object.keys(gaps).length > 0),
      rssMb: Math.round(sum(({ rssMb }) => rssMb)),
      errors: joined.map(({ errors }) => errors).filter((errors) => Object.keys(errors).length > 0),
    },
    kept,
    openReplays,
    replays,
    publisherPeakMb: Math.round(peakMb),
  }
  const faults = [
    ...(Math.min(figures.joiningShare, figures.share) < 0.5 ? ['the live rate is below half'] : []),
    ...(figures.late.readMb === 0 ? ['nobody has read anything: this run shows nothing'] : []),
    ...(figures.late.gaps.length > 0 ? ['late subscribers have missed something'] : []),
  ]
  if (values.json) console.log(JSON.stringify({ ...figures, faults }))
  else console.log(figures, faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok')
  if (faults.length > 0) process.exitCode = 1
  if (values.profile) {
    const ended = once(publisher, 'exit')
    publisher.disconnect()
    await ended
  }
}

function start(execArgv: string[], ...args: string[]): ChildProcess {
  const child = fork(plainPath(plain, 'test/pubsub/joiners-process.ts'), args, { execArgv })
  children.push(child)
  return child
}

/** The next message of a child; a child that dies instead ends the run. */
async function answer<T>(child: ChildProcess): Promise<T> {
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`a process of the soak ended with ${code ?? signal}`)
  })
  died.catch(() => {})
  return ((await Promise.race([once(child, 'message'), died])) as [T])[0]
}

function ask<T>(child: ChildProcess, order = 'count'): Promise<T> {
  const answered = answer<T>(child)
  child.send(order)
  return answered
}

function used(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function note(text: string): void {
  if (!values.json) console.log(`${Math.round(performance.now() / 1000)} s: ${text}`)
}
