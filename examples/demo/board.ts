/**
 * The board of figures: what was last said on each topic, and how many messages came and did not come.
 *
 * Each schema has its own subscription. It takes events, not bare values, because a gap is something to show.
 */
import type { Schema } from 'rivulet/avro'
import type { TopicSubscriber } from 'rivulet/pubsub'
import { filter, firstValueFrom, Subject } from 'rxjs'
import { bytes, percent } from './format.js'
import { Cpu, Load, Memory, Network, topics } from './schemas.js'

/** A figure as it is shown. */
export interface Figure {
  /** 0 to 1, for a bar, where there is a most. */
  readonly share?: number
  readonly text: string
}

/** One topic. */
export interface TopicEntry {
  readonly topic: string
  messages: number
  /** Messages that were published and did not come. */
  missed: number
  figure: Figure
}

/** The topics of one subscriber. */
export class Board {
  readonly #entries = new Map<string, TopicEntry>()
  readonly #changes = new Subject<void>()
  readonly #subscriber: TopicSubscriber

  constructor(subscriber: TopicSubscriber) {
    this.#subscriber = subscriber
    this.#watch(`${topics.cpu}.*`, Cpu, ({ busy }) => ({ share: busy, text: percent(busy) }))
    this.#watch(topics.memory, Memory, ({ usedBytes, totalBytes }) => ({
      share: usedBytes / totalBytes,
      text: `${bytes(usedBytes)} of ${bytes(totalBytes)}`,
    }))
    this.#watch(topics.load, Load, ({ one, five, fifteen }) => ({
      text: [one, five, fifteen].map((load) => load.toFixed(2)).join('  '),
    }))
    this.#watch(`${topics.network}.*`, Network, ({ receivedBytesPerSecond, sentBytesPerSecond }) => ({
      text: `${bytes(receivedBytesPerSecond)}/s in, ${bytes(sentBytesPerSecond)}/s out`,
    }))
  }

  /** The topics by name. */
  get entries(): readonly TopicEntry[] {
    const byName = new Intl.Collator('en', { numeric: true })
    return [...this.#entries.values()].sort((a, b) => byName.compare(a.topic, b.topic))
  }

  /** Resolves when something was said on any topic. */
  async whenUsed(): Promise<void> {
    if (this.#entries.size > 0) return
    await firstValueFrom(this.#changes.pipe(filter(() => this.#entries.size > 0)))
  }

  #watch<Value>(pattern: string, schema: Schema<unknown, Value>, figureOf: (value: Value) => Figure): void {
    this.#subscriber.events(pattern, schema).subscribe((event) => {
      if (event.kind === 'message') this.#figure(event.topic, figureOf(event.value))
      else this.#gap(event.topic, event.to - event.from + 1)
      this.#changes.next()
    })
  }

  #figure(topic: string, figure: Figure): void {
    const entry = this.#entries.get(topic)
    if (entry === undefined) {
      this.#entries.set(topic, { topic, messages: 1, missed: 0, figure })
    } else {
      entry.messages += 1
      entry.figure = figure
    }
  }

  #gap(topic: string, messages: number): void {
    const entry = this.#entries.get(topic)
    if (entry !== undefined) entry.missed += messages
  }
}
