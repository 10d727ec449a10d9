/** Logs against a simple model: appends, bounds, inserts, retained values, replays in pieces and reopening, all at random. */
import t from 'tap'
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import type { HistoryBounds, LoggedFrame, LogReplay, TopicLogs } from '../../patterns/pubsub/topic-log.js'
import type { Range } from '../../patterns/pubsub/topics-wire.js'
import { seeded } from '../support/seeded.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { FrameSource } from './topic-log-frames.js'
import { LogModel, ReplayModel } from './topic-log-model.js'
import { folderOf, openStored, unbounded } from './topic-logs.js'

const source = '00112233445566ff'
const topics = ['a', 'a.b', 'a.b.c', 'b', 'c.b']
const patterns = ['#', '*', 'a.#', '*.b', ...topics, 'none']

type Test = Parameters<typeof folderOf>[0]

/** How a run opens its logs, and opens them again; logs in memory have no second time. */
interface Opening {
  open(clock: VirtualClock): Promise<TopicLogs>
  readonly canOpenAgain: boolean
}

async function run(
  t: Test,
  seed: number,
  steps: number,
  opening: (t: Test, bounds: object) => Opening,
): Promise<string[]> {
  const random = seeded(seed)
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const upTo = (count: number) => Math.floor(random() * (count + 1))
  const bounds = {
    maxMessages: pick([0, 1, 5, 30, 200, Number.POSITIVE_INFINITY]),
    maxAgeMs: pick([50, 400, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]),
  }
  const way = opening(t, bounds)
  const clock = new VirtualClock()
  let logs = await way.open(clock)
  const frames = new FrameSource()
  const model = new LogModel(bounds)
  const withheld: LoggedFrame[] = []
  const faults: string[] = []
  let replays: { model: ReplayModel; replay: LogReplay }[] = []

  const range = (): Range => ({
    pattern: pick(patterns),
    ...(random() < 0.5 ? { after: upTo(frames.position) } : {}),
    ...(random() < 0.4 ? { upTo: upTo(frames.position + 5) } : {}),
    ...(random() < 0.2 ? { last: 1 + upTo(10) } : {}),
    ...(random() < 0.2 ? { since: new Date(clock.wallNow() - upTo(300)) } : {}),
    ...(random() < 0.2 ? { retained: true } : {}),
  })
  const take = ({ model: expected, replay }: { model: ReplayModel; replay: LogReplay }, bytes: number) => {
    model.refresh(clock.wallNow())
    const part = replay.take(bytes)
    expected.check(part)
    faults.push(...expected.faults.splice(0))
    return part
  }

  for (let step = 0; step < steps && faults.length === 0; step++) {
    const log = logs.log(source)
    const dice = random()
    if (dice < 0.5) {
      clock.advance(1 + upTo(5))
      const isRetained = random() < 0.15
      // what comes late has one message: it must not lie on both sides of what a replay has covered
      const isLate = random() < 0.1
      const count = isRetained || isLate ? 1 : 1 + upTo(4)
      const frame = frames.frame(pick(topics), count, { time: clock.wallNow(), isRetained })
      if (isLate) withheld.push(frame)
      else {
        await log.append(frame)
        model.add(frame, clock.wallNow())
      }
    } else if (dice < 0.55 && withheld.length > 0) {
      const frame = withheld.splice(upTo(withheld.length - 1), 1)[0] as LoggedFrame
      await log.insert([frame])
      model.add(frame, clock.wallNow())
    } else if (dice < 0.58) {
      const topic = pick(topics)
      await log.clear(topic)
      model.retained.delete(topic)
    } else if (dice < 0.63) {
      const ranges = Array.from({ length: 1 + upTo(2) }, range)
      model.refresh(clock.wallNow())
      logs.stats()
      const begun = { model: new ReplayModel(model, ranges), replay: log.replay(ranges) }
      replays.push(begun)
      // `last` goes by what is known at the first call
      take(begun, 1)
    } else if (dice < 0.9 && replays.length > 0) {
      take(pick(replays), pick([1, 1, 60, 200]))
    } else if (dice < 0.92 && replays.length > 0) {
      const ended = replays.splice(upTo(replays.length - 1), 1)[0] as (typeof replays)[number]
      while (faults.length === 0 && take(ended, 100) !== undefined);
      model.replays.delete(ended.model)
    } else if (dice < 0.93 && way.canOpenAgain) {
      await logs.close()
      logs = await way.open(clock)
      replays = []
      model.replays.clear()
    } else {
      model.refresh(clock.wallNow())
      const stats = logs.stats()
      const messages = model.kept.reduce((sum, { frame }) => sum + frame.count, 0)
      if (stats.messages !== messages) faults.push(`${stats.messages} messages instead of ${messages}`)
      if (!way.canOpenAgain && stats.expired !== model.expired) faults.push(`${stats.expired} expired`)
      if (log.position !== model.position) faults.push(`position ${log.position} instead of ${model.position}`)
      const ends = [...log.ends()].map(({ topic, sequence, position }) => `${topic} ${sequence} ${position}`).sort()
      const expected = model.topics.map((topic) => `${topic} ${Object.values(model.end(topic)).join(' ')}`).sort()
      if (ends.join() !== expected.join()) faults.push(`ends ${ends} instead of ${expected}`)
    }
  }
  await logs.close()
  return faults.map((fault) => `seed ${seed}: ${fault}`)
}

function inMemory(_: Test, bounds: Partial<HistoryBounds>): Opening {
  return { canOpenAgain: false, open: async (clock) => openTopicLogs({ ...unbounded, ...bounds, clock }) }
}

function onDisk(t: Test, bounds: Partial<HistoryBounds>): Opening {
  const path = folderOf(t)
  return { canOpenAgain: true, open: async (clock) => (await openStored(t, path, bounds, { clock })).logs }
}

/** Runs seeds until one has faults. */
async function faultsOf(t: Test, runs: number, steps: number, opening: typeof inMemory): Promise<string[]> {
  const first = Date.now() % 1_000_000_000
  const faults: string[] = []
  for (let seed = first; seed < first + runs && faults.length === 0; seed++) {
    faults.push(...(await run(t, seed, steps, opening)))
  }
  return faults
}

t.test('logs in memory agree with the model', async (t) => {
  t.strictSame(await faultsOf(t, 30, 250, inMemory), [])
})

t.test('logs on disk agree with the model, also after they are opened again', async (t) => {
  t.strictSame(await faultsOf(t, 2, 150, onDisk), [])
})
