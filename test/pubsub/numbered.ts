/** Checks of the numbers and gaps of one topic, where each message has its number as its id. */
import type { TopicEvent } from '../../patterns/pubsub/index.js'
import type { Job } from '../support/job.js'

/** Checks that numbers and gaps of one topic cover 1 to `published` without holes, and returns how many are missing. */
export function missing(events: readonly TopicEvent<Job>[], published: number): number {
  let missed = 0
  let next = 1
  for (const event of events) {
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    if (from !== next) throw new Error(`${event.kind} from ${from} where ${next} was due`)
    if (event.kind === 'gap') missed += to - from + 1
    else if (event.value.id !== event.sequence) throw new Error(`message ${event.value.id} as number ${event.sequence}`)
    next = to + 1
  }
  if (next !== published + 1) throw new Error(`it ends before ${next}`)
  return missed
}

/** The number of the last message or gap; 0 without any. */
export function lastNumber(events: readonly TopicEvent<Job>[]): number {
  const event = events.at(-1)
  return event === undefined ? 0 : event.kind === 'gap' ? event.to : event.sequence
}
