/** What is promised of the counts and the contents of a queue. */
import type { QueuedMessage, QueueHandle } from '../../patterns/queue/index.js'
import { total } from '../support/events.js'
import { Job } from '../support/job.js'
import type { OneQueue, Sent, World } from './queue-handle-world.js'

const defaultDedupeMs = 120_000
const endless = Number.POSITIVE_INFINITY
/** What is on its way between a call and the store, in milliseconds at the most that a sequence lets pass by then. */
const clockMs = 5

/** The counts add up, and no limit is exceeded. */
export function checkSums({ lab }: World, one: OneQueue): void {
  const { options, redriven, purged, purgedDead } = one
  const stats = one.handle.stats()
  const dead = one.dead.stats()
  const text = () => `${JSON.stringify({ ...options, stats, dead, redriven })}`
  for (const { depth, ready, delayed, leased } of [stats, dead]) lab.expect(depth === ready + delayed + leased, text)
  lab.expect(stats.stored === stats.depth + stats.acked + stats.deadLettered + total(stats.dropped), text)
  lab.expect(dead.stored === stats.deadLettered, text)
  const left = dead.stored - dead.depth - dead.acked - total(dead.dropped)
  lab.expect(redriven.pending > 0 ? left >= redriven.count : left === redriven.count, text)
  if (purged.pending === 0) lab.expect((stats.dropped.purged ?? 0) === purged.count, text)
  if (purgedDead.pending === 0) lab.expect((dead.dropped.purged ?? 0) === purgedDead.count, text)
  const { maxLength = endless, maxBytes = endless, overflow } = options
  lab.expect(stats.depth <= maxLength && stats.bytes <= maxBytes, text)
  lab.expect(overflow === 'drop-oldest' || stats.dropped.overflow === undefined, text)
  lab.expect(stats.acked + stats.nacked <= stats.delivered, text)
}

/** An id is stored once within its time, and again after it. */
export function checkIds({ lab }: World, { options, sent, handle }: OneQueue): void {
  const { dedupeMs = defaultDedupeMs } = options
  const stored = [...sent.values()].filter(({ result, own }) => result && !result.duplicate && own.id !== undefined)
  const duplicates = [...sent.values()].filter(({ result }) => result?.duplicate)
  const counts = handle.stats().duplicates
  lab.expect(counts === duplicates.length, `${counts} duplicates are counted, ${duplicates.length} were told`)
  for (const one of stored) {
    for (const other of stored) {
      if (one.number >= other.number || one.own.id !== other.own.id) continue
      const apartMs = (other.settledAt ?? 0) - one.calledAt
      lab.expect(apartMs + clockMs >= dedupeMs, () => `${one.own.id} is stored twice within ${apartMs} ms`)
    }
  }
  for (const { own, calledAt } of duplicates) {
    const isFounded = stored.some(
      (one) => one.own.id === own.id && calledAt - (one.settledAt ?? 0) < dedupeMs + clockMs,
    )
    lab.expect(isFounded, () => `${own.id} is a duplicate of nothing`)
  }
}

/** What is there is what was sent; what is missing was done, purged, or dropped for a reason. */
export async function checkContents(world: World, one: OneQueue): Promise<void> {
  const { lab } = world
  const { sent, options } = one
  const present = await contentsOf(world, one.handle)
  const dead = await contentsOf(world, one.dead)
  const there = new Set<number>()
  for (const message of [...present.messages, ...dead.messages]) {
    const number = message.value?.id ?? -1
    const origin = sent.get(number)
    const text = () => `message ${number}, ${JSON.stringify(origin)}, is ${JSON.stringify(message)}`
    lab.expect(!there.has(number) && origin !== undefined, text)
    there.add(number)
    if (!origin) continue
    lab.expect(message.id === origin.own.id && message.key === origin.own.key, text)
    lab.expect(origin.result?.duplicate === false && origin.acked !== true, text)
    if (message.attempts === 0 && message.history.length === 0) checkTimes(world, origin, message, present, text)
  }
  for (const message of dead.messages) {
    const { origin, history } = message
    const text = () => `a dead letter: ${JSON.stringify(message)}`
    lab.expect(origin?.queue === one.handle.name && history.length > 0, text)
  }
  const { maxAgeMs = endless, overflow } = options
  const mayVanish = overflow === 'drop-oldest' || maxAgeMs < endless || one.purged.count + one.purgedDead.count > 0
  for (const { number, own, result, acked, maybeAcked } of sent.values()) {
    if (!result || result.duplicate || acked || maybeAcked || mayVanish || own.ttlMs !== undefined) continue
    lab.expect(there.has(number), `message ${number} is missing`)
  }
  checkRefusals(world, one)
}

/** A message that is delayed is so until it is due. */
function checkTimes(
  { lab }: World,
  { own }: Sent,
  message: QueuedMessage,
  { between: [from, to] }: Contents,
  text: () => string,
): void {
  const { state, time, due } = message
  const dueAt = time.getTime() + (own.delayMs ?? 0)
  if (state === 'delayed') lab.expect(due?.getTime() === dueAt && dueAt > from - clockMs, text)
  else lab.expect(dueAt <= to + clockMs, text)
}

/** A message is refused where there is a limit, and is not there then. */
function checkRefusals({ lab }: World, { options, sent }: OneQueue): void {
  const isLimited = options.maxLength !== undefined || options.maxBytes !== undefined
  for (const { number, error } of sent.values()) {
    if (error)
      lab.expect(isLimited && options.overflow !== 'drop-oldest', `message ${number} was refused: ${error.code}`)
  }
}

interface Contents {
  readonly messages: readonly QueuedMessage<Job>[]
  /** The time of day before they were looked at, and after. */
  readonly between: readonly [number, number]
}

async function contentsOf(world: World, handle: QueueHandle): Promise<Contents> {
  const { lab } = world
  const before = handle.stats()
  const from = world.hostTime
  const messages = await lab.within(handle.peek(10_000, { schema: Job }), 'peek')
  const after = handle.stats()
  const between = [from, world.hostTime] as const
  const [one, other] = [before, after].map(({ depth, delayed, dropped }) => JSON.stringify({ depth, delayed, dropped }))
  const states = () => messages.map(({ state, time, due }) => `${state} ${time.getTime()} ${due?.getTime()}`).join(', ')
  const counts = () => `${handle.name} had ${one}, has ${other}, and shows between ${between}: ${states()}`
  // meanwhile delays end, and what is too old is dropped
  lab.expect(messages.length <= before.depth && messages.length >= after.depth, counts)
  const delayed = messages.filter(({ state }) => state === 'delayed').length
  lab.expect(delayed <= before.delayed && delayed >= after.delayed, counts)
  return { messages, between }
}
