/** Subscribers of topics beside a model: what their streams bring must be published, in order, and complete but for gaps. */
import { Subscription } from 'rxjs'
import { createSubscriber, type TopicEvent, type TopicSubscriber } from '../../patterns/pubsub/index.js'
import type { Schema } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import type { Random } from '../simulation/random.js'
import { total, turn } from '../support/events.js'
import type { Lab } from './lab.js'
import { versions } from './transient-workers.js'

/** Topics and patterns, few enough that they meet. */
export const topics = ['a', 'a.b', 'a.b.c', 'a.c', 'b', 'b.b'] as const
export const patterns = ['a', 'a.b', 'a.*', 'a.#', 'a.#', '#', '#', '*.b', 'b', 'a.*.c', 'none'] as const

/** How a stream is taken: `slow` work ends when the stream is taken in another way, and holds up all streams of its subscriber. */
export const readings = ['subscribe', 'process', 'failing', 'iterate', 'slow', 'nothing'] as const

/** One of them. */
export type Reading = (typeof readings)[number]

/** What is drawn of a stream. */
export interface StreamPlan {
  readonly kind: 'topic' | 'events'
  readonly pattern: string
  readonly version: keyof typeof versions
  readonly reading: Reading
}

/** Draws a stream. */
export function drawStream(random: Random): StreamPlan {
  return {
    kind: random.pick(['events', 'events', 'topic']),
    pattern: random.pick(patterns),
    version: random.pick(['same', 'same', 'same', 'later', 'other']),
    reading: random.pick(readings),
  }
}

/** What publishers were given, by the ids of the messages. */
export class Published {
  readonly #given = new Map<number, { readonly topic: string; readonly publisher: number }>()
  readonly #identities = new Map<string, number>()
  /** Whether the messages of each topic were taken in the order of their ids. */
  ordered = true

  /** A new message; returns its id. */
  give(topic: string, publisher: number): number {
    this.#given.set(this.#given.size, { topic, publisher })
    return this.#given.size - 1
  }

  given(id: number) {
    return this.#given.get(id)
  }

  /** Whether a publisher keeps its identity, and nobody else has it. */
  isIdentity(identity: string, publisher: number): boolean {
    const known = this.#identities.get(identity)
    if (known === undefined) this.#identities.set(identity, publisher)
    return known === undefined || known === publisher
  }
}

/** One stream, and what it has brought. */
export class TopicReader {
  readonly plan: StreamPlan
  messages = 0
  /** The last message of each topic of each publisher. */
  readonly lastIds = new Map<string, number>()
  readonly #lab: Lab
  readonly #published: Published
  readonly #stream: Stream<unknown>
  /** The number that follows on each topic of each publisher, and how often others were left out. */
  readonly #next = new Map<string, { sequence: number; jumps: number }>()
  /** How often what was published in between is no gap. */
  #pauses = 0
  #inOrder = true
  #reading = new Subscription()
  #iterates = false

  constructor(lab: Lab, published: Published, subscriber: TopicSubscriber, plan: StreamPlan) {
    this.#lab = lab
    this.#published = published
    this.plan = plan
    const { kind, pattern, version, reading } = plan
    const schema: Schema = versions[version]
    const make = (): Stream<unknown> =>
      kind === 'topic' ? subscriber.topic(pattern, schema) : subscriber.events(pattern, schema)
    this.#stream = make()
    lab.expect(this.#stream === make(), 'another stream for the same pattern and schema')
    this.read(reading)
  }

  /** Takes messages in this way from now on. */
  read(reading: Reading): void {
    this.#reading.unsubscribe()
    // an iterator that was left has taken one later
    if (this.#iterates) this.#inOrder = false
    this.#iterates = reading === 'iterate'
    this.#pauses += 1
    const subscription = new Subscription()
    this.#reading = subscription
    const take = (item: unknown) => this.#take(item)
    if (reading === 'subscribe') subscription.add(this.#stream.subscribe(take))
    else if (reading === 'iterate') void this.#iterate(subscription)
    else if (reading !== 'nothing') {
      const ended = new Promise<void>((resolve) => subscription.add(resolve))
      const work = async (item: unknown) => {
        take(item)
        await (reading === 'slow' ? ended : turn())
        if (reading === 'failing') throw new Error('as it was told to')
      }
      subscription.add(this.#stream.process(work, { concurrency: 1 + (this.messages % 3) }).subscribe())
    }
  }

  /** Whether messages on a topic are for this stream, and can be read. */
  isFor(topic: string): boolean {
    return this.plan.version !== 'other' && fits(this.plan.pattern, topic)
  }

  /** Whether this message was taken, or a later one of its topic. */
  hasSeen(id: number): boolean {
    const given = this.#published.given(id)
    return given !== undefined && (this.lastIds.get(`${given.publisher} ${given.topic}`) ?? -1) >= id
  }

  #take(item: unknown): void {
    if (this.plan.kind === 'topic') {
      this.#message((item as { id: number }).id)
      return
    }
    const event = item as TopicEvent<{ id: number }>
    const isMessage = event.kind === 'message'
    const [from, to] = isMessage ? [event.sequence, event.sequence] : [event.from, event.to]
    const given = isMessage ? this.#message(event.value.id) : undefined
    if (given) {
      this.#expect(given.topic === event.topic, 'a message with the name of another topic')
      this.#expect(this.#published.isIdentity(event.publisher, given.publisher), 'a publisher with another identity')
    }
    this.#expect(fits(this.plan.pattern, event.topic) && from <= to, `a ${event.kind} of ${event.topic} ${from} ${to}`)
    if (this.plan.version === 'other' || !this.#inOrder) return
    const key = `${event.publisher} ${event.topic}`
    const before = this.#next.get(key) ?? { sequence: from, jumps: 0 }
    const jumps = before.jumps + (from > before.sequence ? 1 : 0)
    const text = () =>
      `${event.topic}: ${from} to ${to} after ${before.sequence - 1}, ${jumps} of ${this.#pauses} jumps`
    this.#expect(from >= before.sequence && jumps < this.#pauses, text)
    this.#next.set(key, { sequence: to + 1, jumps })
  }

  #message(id: number) {
    this.messages += 1
    const given = this.#published.given(id)
    this.#expect(given !== undefined && this.isFor(given.topic), () => `message ${id} of ${JSON.stringify(given)}`)
    if (!given) return undefined
    const key = `${given.publisher} ${given.topic}`
    const last = this.lastIds.get(key) ?? -1
    if (this.#inOrder && this.#published.ordered) this.#expect(id > last, () => `message ${id} of ${key} after ${last}`)
    this.lastIds.set(key, Math.max(id, last))
    return given
  }

  #expect(condition: boolean, text: string | (() => string)): void {
    this.#lab.expect(condition, () => `${JSON.stringify(this.plan)}: ${typeof text === 'string' ? text : text()}`)
  }

  async #iterate(subscription: Subscription): Promise<void> {
    const iterator = this.#stream[Symbol.asyncIterator]()
    subscription.add(() => void iterator.return?.())
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) break
      this.#take(value)
    }
  }
}

/** One subscriber and its streams. */
export class Listener {
  readonly subscriber: TopicSubscriber
  readonly readers: TopicReader[] = []
  closing = false
  readonly #lab: Lab
  readonly #published: Published

  constructor(lab: Lab, published: Published, subscriber: TopicSubscriber) {
    this.#lab = lab
    this.#published = published
    this.subscriber = lab.watch(subscriber)
  }

  static async open(lab: Lab, published: Published, place: { bind: string } | { connect: string | string[] }) {
    return new Listener(lab, published, await createSubscriber({ runtime: lab.runtime, ...place }))
  }

  /** Takes another stream, or the one that it has already. */
  listen(plan: StreamPlan): void {
    if (this.closing) return
    const { kind, pattern, version } = plan
    const same = this.readers.find(
      ({ plan }) => plan.kind === kind && plan.pattern === pattern && plan.version === version,
    )
    if (same) same.read(plan.reading)
    else this.readers.push(new TopicReader(this.#lab, this.#published, this.subscriber, plan))
  }

  close(drain: boolean): void {
    this.closing = true
    this.#lab.close(this.subscriber, { drain, timeoutMs: 50 })
  }

  /** Checks the counts. */
  check(): void {
    const stats = this.subscriber.stats()
    const { received, delivered, pending, dropped } = stats
    const text = () => `a subscriber: ${JSON.stringify(stats)}`
    this.#lab.expect(received === delivered + pending + total(dropped), text)
  }

  /** Checks what was taken, when nothing is in flight. */
  checkAtRest(): void {
    const stats = this.subscriber.stats()
    const taken = this.readers.reduce((sum, { messages }) => sum + messages, 0)
    this.#lab.expect(stats.delivered === taken, () => `a subscriber has ${taken}: ${JSON.stringify(stats)}`)
    this.#lab.expect(stats.gaps <= stats.missed, () => `more gaps than missed: ${JSON.stringify(stats)}`)
  }
}

/** Whether a topic fits a pattern, word by word. */
export function fits(pattern: string, topic: string): boolean {
  const words = topic.split('.')
  const wanted = pattern.split('.')
  if (wanted.at(-1) !== '#')
    return wanted.length === words.length && wanted.every((word, at) => word === '*' || word === words[at])
  return wanted.slice(0, -1).every((word, at) => word === words[at] || (word === '*' && words[at] !== undefined))
}
