/** The durable subscription of docs/patterns/durable-subscriptions.md: a topic's messages enter a durable queue, each once. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { auditTime, filter, lastValueFrom, takeWhile, tap } from 'rxjs'
import type { Cursor, SinceEvent, TopicMessage, TopicSubscriber } from '../../patterns/pubsub/index.js'
import type { Producer } from '../../patterns/queue/index.js'
import { defineSchema, type Infer, nullable, record } from '../../src/avro/index.js'

/** What is published. */
export const Tick = defineSchema(record('Tick', { price: 'double' }))
/** A message of a topic, or with `null` the numbers of a gap. */
export const Entry = defineSchema(
  record('Entry', { topic: 'string', publisher: 'string', from: 'long', to: 'long', tick: nullable(Tick.json) }),
)
type Tick = Infer<typeof Tick>
/** An entry of the queue. */
export type Entry = Infer<typeof Entry>

/** Enters what a topic brings into a queue until the subscriber closes, or history is unavailable; rejects when the queue refuses an entry. */
export async function join(subscriber: TopicSubscriber, producer: Producer<Entry>, file: string): Promise<void> {
  const since = existsSync(file) ? (readFileSync(file, 'utf8') as Cursor) : 'all'
  let stored: Promise<unknown> = Promise.resolve() // resolves when all entries so far are in the queue
  let isCutOff = false // what is missing may be had later: the cursor stays before it
  const enter = (event: SinceEvent<Tick>) => {
    if (event.kind === 'gap' && event.reason === 'unavailable') isCutOff = true
    if (event.kind !== 'live' && !isCutOff) {
      const { topic, publisher } = event
      const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
      const entry = { topic, publisher, from, to, tick: event.kind === 'gap' ? null : event.value }
      const before = stored
      stored = producer.send(entry, { id: `${publisher}/${topic}/${from}-${to}`, key: topic }).then(() => before)
    }
    return stored.then(
      () => event,
      (cause: Error) => cause,
    )
  }
  const entered = subscriber.events('ticks.#', Tick, { since }).process(enter, { concurrency: 256 })
  const saved = entered.pipe(
    takeWhile(() => !isCutOff),
    filter((event): event is TopicMessage<Tick> => {
      if (event instanceof Error) throw event
      return event.kind === 'message'
    }),
    auditTime(50), // the latest of 50 ms
    tap(({ cursor }) => {
      writeFileSync(`${file}.new`, cursor, { flush: true })
      renameSync(`${file}.new`, file)
    }),
  )
  await lastValueFrom(saved, { defaultValue: undefined })
}
