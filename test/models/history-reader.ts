/** Streams that begin with history beside a model: what each has shown is held against what was published. */
import { Subscription } from 'rxjs'
import type { Since, SinceEvent, TopicMessage } from '../../patterns/pubsub/index.js'
import type { Stream } from '../../src/stream/index.js'
import type { Random } from '../simulation/random.js'
import { turn } from '../support/events.js'
import type { Job } from '../support/job.js'
import type { Lab } from './lab.js'
import { fits } from './topic-readers.js'

/** How a publisher keeps its messages. */
export type Keeping = 'nowhere' | 'memory' | 'few' | 'disk'

/** How a stream is taken. */
export type Reading = 'subscribe' | 'process' | 'iterate'

/** What was published by one source, by topic; a message has the number of its place. */
export class Life {
  readonly keeping: Keeping
  readonly topics = new Map<string, { readonly id: number; readonly isRetained: boolean }[]>()
  /** How many messages of each topic were taken for sure. */
  readonly settled = new Map<string, number>()
  /** Up to which number retained values were removed, by topic. */
  readonly cleared = new Map<string, number>()
  /** Whether its publisher is there, and was all the time. */
  isWhole = true

  constructor(keeping: Keeping) {
    this.keeping = keeping
  }

  count(topic: string): number {
    return this.topics.get(topic)?.length ?? 0
  }
}

/** The sources that were there. */
export class Lives {
  readonly all: Life[] = []
  readonly identities = new Map<string, Life>()
  #ids = 0
  readonly #lifeOf = new Map<number, Life>()

  /** A new message of a topic; returns its id. */
  give(life: Life, topic: string, isRetained: boolean): number {
    this.#ids += 1
    const messages = life.topics.get(topic) ?? []
    life.topics.set(topic, messages)
    messages.push({ id: this.#ids, isRetained })
    this.#lifeOf.set(this.#ids, life)
    return this.#ids
  }

  /** A message shows whose identity one is. */
  identify(identity: string, id: number): void {
    const life = this.#lifeOf.get(id)
    if (life && !this.identities.has(identity)) this.identities.set(identity, life)
  }
}

/** From where a stream begins. */
export type Beginning = 'now' | 'retained' | 'all' | 'last' | 'date' | 'cursor'

/** Where a stream is continued. */
export interface Continued {
  readonly reader: HistoryReader
  /** Events before the place. */
  readonly events: number
}

/** The number that is next on a topic of a source, and whether some may be left out before it. */
interface State {
  next: number
  mayJump: boolean
}

/** One stream. */
export class HistoryReader {
  readonly pattern: string
  readonly beginning: Beginning
  readonly events: SinceEvent<Job>[] = []
  /** Whether an answer of the publisher came in time: then nothing may be unavailable. */
  isSure = false
  /** Whether its subscriber closes: what is missing is not waited for. */
  hasEnded = false
  /** Events before each time at which it was left. */
  readonly #leavings: number[] = []
  readonly #lab: Lab
  readonly #lives: Lives
  readonly #stream: Stream<SinceEvent<Job>>
  readonly #since: Since
  readonly #continued: Continued | undefined
  readonly #before: ReadonlyMap<
    Life,
    { readonly settled: ReadonlyMap<string, number>; readonly cleared: ReadonlyMap<string, number> }
  >
  /** What other streams of its subscriber had shown before it began. */
  readonly #shown: readonly SinceEvent<Job>[]
  #reading = new Subscription()

  /** @param beside - The other streams of its subscriber. */
  constructor(
    lab: Lab,
    lives: Lives,
    stream: Stream<SinceEvent<Job>>,
    plan: {
      readonly pattern: string
      readonly beginning: Beginning
      readonly since: Since
      readonly continued?: Continued
    },
    beside: readonly HistoryReader[],
  ) {
    this.#shown = beside.flatMap(({ events }) => events)
    this.#lab = lab
    this.#lives = lives
    this.#stream = stream
    this.pattern = plan.pattern
    this.beginning = plan.beginning
    this.#since = plan.since
    this.#continued = plan.continued
    this.#before = new Map(
      lives.all.map((life) => [life, { settled: new Map(life.settled), cleared: new Map(life.cleared) }]),
    )
  }

  get isRead(): boolean {
    return !this.#reading.closed && this.#hasRead
  }

  #hasRead = false

  /** Takes events in this way from now on. */
  read(reading: Reading): void {
    if (this.isRead) return
    this.#hasRead = true
    const subscription = new Subscription()
    this.#reading = subscription
    const take = (event: SinceEvent<Job>) => this.#take(event)
    if (reading === 'subscribe') subscription.add(this.#stream.subscribe(take))
    else if (reading === 'process') {
      const work = (event: SinceEvent<Job>) => {
        take(event)
        return turn()
      }
      subscription.add(this.#stream.process(work, { concurrency: 1 }).subscribe())
    } else void this.#iterate(subscription)
  }

  /** Leaves it. */
  leave(): void {
    if (!this.isRead) return
    this.#reading.unsubscribe()
    this.#leavings.push(this.events.length)
  }

  isFor(topic: string): boolean {
    return fits(this.pattern, topic)
  }

  /** What it has shown, in words. */
  get text(): string {
    return this.events
      .map((event) => (event.kind === 'live' ? 'live' : `${event.kind} ${event.topic} ${lastOf(event)}`))
      .join(', ')
  }

  /** Whether a number of a topic was shown, or a later one. */
  hasReached(life: Life, topic: string, number: number): boolean {
    return this.events.some((event) => {
      if (event.kind === 'live' || event.topic !== topic) return false
      return this.#isOf(event, life) && lastOf(event) >= number
    })
  }

  /** Whether it has shown that a source is live. */
  isLive(life: Life): boolean {
    return this.events.some((event) => event.kind === 'live' && this.#isOf(event, life))
  }

  /** Whether an event may be of a source: it is not known whose it is if no message of it was shown. */
  #isOf({ publisher }: SinceEvent<Job>, life: Life): boolean {
    return (this.#lives.identities.get(publisher) ?? life) === life
  }

  /** A message at which it can be continued, of those that it has shown. */
  messageAt(place: number): { readonly message: TopicMessage<Job>; readonly events: number } | undefined {
    const places = this.events.flatMap(({ kind }, at) => (kind === 'message' ? at : []))
    const at = places[place % Math.max(1, places.length)]
    return at === undefined ? undefined : { message: this.events[at] as TopicMessage<Job>, events: at + 1 }
  }

  /** Holds what was shown against what was published. */
  check(): void {
    const states = this.#continued ? this.#continued.reader.statesAt(this.#continued.events) : new Map<string, State>()
    const live = new Set<string>()
    for (const [at, event] of this.events.entries()) {
      this.#passLeaving(states, at)
      if (event.kind === 'live') {
        this.#expect(this.beginning !== 'now' && !live.has(event.publisher), () => 'it is live again')
        live.add(event.publisher)
      } else this.#follow(states, event, live.has(event.publisher))
    }
  }

  /** Where its topics stood behind so many events. */
  statesAt(events: number): Map<string, State> {
    const states = this.#continued ? this.#continued.reader.statesAt(this.#continued.events) : new Map<string, State>()
    for (const [at, event] of this.events.slice(0, events).entries()) {
      this.#passLeaving(states, at)
      if (event.kind === 'live') continue
      const isFirst = !states.has(keyOf(event))
      states.set(keyOf(event), { next: lastOf(event) + 1, mayJump: isFirst && this.#isSelected })
    }
    return states
  }

  /** A stream since `now` that was left misses what is published meanwhile; what arrived before may be shown behind that. */
  #passLeaving(states: ReadonlyMap<string, State>, at: number): void {
    if (this.beginning !== 'now' || at < (this.#leavings[0] ?? Number.POSITIVE_INFINITY)) return
    for (const state of states.values()) state.mayJump = true
  }

  /** Whether the first message of a topic may be one that `since` has selected. */
  get #isSelected(): boolean {
    return this.beginning === 'retained'
  }

  /** Whether every topic begins with its first message. */
  get isAll(): boolean {
    return this.beginning === 'all' || this.#continued?.reader.isAll === true
  }

  #follow(states: Map<string, State>, event: Exclude<SinceEvent<Job>, { kind: 'live' }>, isLive: boolean): void {
    const life = this.#lives.identities.get(event.publisher)
    if (!life) return
    const { topic } = event
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    const text = () => `${topic} ${from} to ${to} (${event.kind === 'gap' ? event.reason : event.value.id})`
    this.#expect(this.isFor(topic) && from <= to && to <= life.count(topic), () => `${text()} was not published`)
    if (event.kind === 'message')
      this.#expect(life.topics.get(topic)?.[from - 1]?.id === event.value.id, () => `${text()} is another message`)
    else this.#checkReason(life, event.reason, text)
    const state = states.get(keyOf(event))
    if (state)
      this.#expect(
        from === state.next || (from > state.next && state.mayJump),
        () => `${text()} behind ${state.next - 1}`,
      )
    else this.#begin(life, topic, from, event.kind === 'message', isLive)
    states.set(keyOf(event), { next: to + 1, mayJump: state === undefined && this.#isSelected })
  }

  #begin(life: Life, topic: string, from: number, isMessage: boolean, isLive: boolean): void {
    const text = () => `${topic} begins with ${from}`
    if (this.isAll) this.#expect(from === 1, text)
    const before = this.#before.get(life)
    const settled = before?.settled.get(topic) ?? 0
    if (life.keeping === 'nowhere' && this.beginning !== 'retained') return
    if (!this.isSure || isLive || from > settled) return
    if (this.beginning === 'last') this.#expect(from > settled - lastCount, () => `${text()} of ${settled}`)
    if (this.beginning === 'retained' && isMessage) {
      const isRetained = life.topics.get(topic)?.[from - 1]?.isRetained === true
      // one that keeps nothing else has sent it live, and it had not arrived when the stream began
      const isLate = life.keeping === 'nowhere' && !this.#hadArrived(life, topic, from)
      if (isLate && !isRetained) return
      this.#expect(isRetained, () => `${text()}, which is no retained value`)
      this.#expect(from > (before?.cleared.get(topic) ?? 0), () => `${text()}, which was cleared`)
    }
  }

  /** Whether another stream of its subscriber had shown a message, or a later one, before it began. */
  #hadArrived(life: Life, topic: string, number: number): boolean {
    return this.#shown.some(
      (event) =>
        event.kind === 'message' && event.topic === topic && this.#isOf(event, life) && event.sequence >= number,
    )
  }

  /** Messages may be missing only for a reason. */
  #checkReason({ keeping, isWhole }: Life, reason: string, text: () => string): void {
    const keepsAll = keeping === 'memory' || keeping === 'disk'
    if (reason === 'expired') {
      this.#expect(!keepsAll || !this.isSure, () => `${text()} is kept`)
    } else {
      const isLeft = this.hasEnded || this.#leavings.length > 0
      const isExcused = isLeft || !this.isSure || !isWhole || this.#lab.hasCut
      this.#expect(isExcused || keeping === 'nowhere', () => `${text()} could be had`)
    }
  }

  #take(event: SinceEvent<Job>): void {
    this.events.push(event)
    if (event.kind === 'message') this.#lives.identify(event.publisher, event.value.id)
  }

  async #iterate(subscription: Subscription): Promise<void> {
    const iterator = this.#stream[Symbol.asyncIterator]()
    subscription.add(() => void iterator.return?.())
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) break
      this.#take(value)
      await turn()
    }
  }

  #expect(condition: boolean, text: () => string): void {
    this.#lab.expect(condition, () => `${this.pattern} since ${JSON.stringify(this.#since)}: ${text()}`)
  }
}

/** The messages of each topic that `last` asks for. */
export const lastCount = 3

function keyOf({ publisher, topic }: Exclude<SinceEvent<Job>, { kind: 'live' }>): string {
  return `${publisher} ${topic}`
}

function lastOf(event: Exclude<SinceEvent<Job>, { kind: 'live' }>): number {
  return event.kind === 'gap' ? event.to : event.sequence
}

const patterns = ['#', '#', 'a.#', 'a', 'a.*', 'b.#'] as const
/** Ways to take a stream. */
export const readings: readonly Reading[] = ['subscribe', 'subscribe', 'process', 'iterate']

/** What is drawn of a stream. */
export interface StreamPlan {
  readonly pattern: string
  readonly beginning: Exclude<Beginning, 'cursor'>
  readonly reading: Reading
}

/** Draws a stream. */
export function drawStream(random: Random): StreamPlan {
  return {
    pattern: random.pick(patterns),
    beginning: random.pick(['now', 'retained', 'all', 'all', 'last', 'date'] as const),
    reading: random.pick(readings),
  }
}

/** From where it begins. */
export function sinceOf(lab: Lab, beginning: Exclude<Beginning, 'cursor'>): Since {
  if (beginning === 'last') return { last: lastCount }
  return beginning === 'date' ? new Date(lab.clock.wallNow() - 1000) : beginning
}
