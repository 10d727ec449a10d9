/**
 * A subscriber of a simulation: it is that of the package, with simulated sockets and links. It may crash, and comes back with a
 * cursor or from the beginning.
 */
import { Subscription } from 'rxjs'
import type { Cursor } from '../../patterns/pubsub/cursor.js'
import type { PublisherChange } from '../../patterns/pubsub/publisher-presence.js'
import { type Since, startOf } from '../../patterns/pubsub/since.js'
import { type MadeStream, SubscriberCore } from '../../patterns/pubsub/subscriber-core.js'
import type { SinceEvent } from '../../patterns/pubsub/topic-event.js'
import { inboxMark, topicPattern } from '../../patterns/pubsub/topic-name.js'
import type { RivuletError } from '../../src/errors/index.js'
import { addressOf } from './link-ends.js'
import { TopicClient } from './topics-client.js'
import { SimulatedHistory } from './topics-history.js'
import { Note } from './topics-notes.js'
import type { RealmGuard } from './topics-realm.js'
import { hubReachOf } from './topics-shape.js'
import type { Endpoints } from './topics-sockets.js'
import type { StreamMark } from './topics-stream-shown.js'
import { StreamTruth } from './topics-stream-truth.js'
import type { TopicsWorld } from './topics-world.js'
import { TurnProcess, wallStart } from './turn-process.js'

/** A stream, and what it is held against. */
interface HeldStream {
  readonly subscription: MadeStream<NoteEvent>
  readonly pattern: string
  readonly truth: StreamTruth
  /** Ends the present use of the stream; `undefined` while nobody uses it. */
  leave: (() => void) | undefined
}

type NoteEvent = SinceEvent<{ readonly id: number }>

/** A cursor that is kept, and what was shown there. */
interface KeptCursor {
  readonly pattern: string
  readonly cursor: () => Cursor
  readonly shown: StreamMark
}

/** What one life is made of. */
interface Life {
  readonly core: SubscriberCore
  readonly history: SimulatedHistory
  readonly client: TopicClient
  readonly inbox: string
  readonly streams: HeldStream[]
  /** The publishers that are there, as it knows. */
  readonly publishers: Map<string, PublisherChange['kind']>
  readonly guard: RealmGuard | undefined
  /** What it was denied. */
  readonly denials: string[]
}

/** Streams of a subscriber. */
const maxStreams = 4

/** A subscriber. */
export class SimulatedSubscriber extends TurnProcess {
  declare readonly world: TopicsWorld
  readonly #endpoints: Endpoints
  readonly #accepts: number
  readonly #patterns: readonly string[]
  /** Whether streams are left in the middle of what they show. */
  mayLeave = true
  #it: Life | undefined
  #kept: KeptCursor | undefined
  #lives = 0

  /**
   * @param connect - Where it connects.
   * @param accepts - How many publishers connect to it.
   */
  constructor(
    name: string,
    world: TopicsWorld,
    {
      connect,
      accepts,
      patterns,
    }: { readonly connect: readonly string[]; readonly accepts: number; readonly patterns: readonly string[] },
  ) {
    super(name, world, world.plan.links.link.heartbeatMs)
    this.#endpoints = { bind: accepts > 0 ? addressOf(name) : undefined, connect }
    this.#accepts = accepts
    this.#patterns = patterns
  }

  get isConnected(): boolean {
    return this.#it?.client.isConnected(this.#accepts) === true
  }

  /** Loses its connections to publishers, or those of its links. */
  cut(): void {
    for (const connection of this.#it?.client.connections ?? []) connection.cut()
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => this.#open())
  }

  override crash(): void {
    this.note('crashes')
    const it = this.#it
    it?.core.readiness.close()
    it?.core.close()
    it?.client.drop()
    it?.history.drop()
    it?.guard?.guard.close()
    this.#it = undefined
    this.stop()
  }

  override report({ code, message }: RivuletError): void {
    this.note(code)
    if (code === 'RIVULET_PERMISSION_DENIED') this.#it?.denials.push(message)
    if (code === 'RIVULET_BAD_FRAME' || code === 'RIVULET_CORRUPT_FRAME') this.world.oracle.fail(message)
  }

  /** What its streams miss of sources that are there. */
  missing(sources: readonly string[]): string | undefined {
    const it = this.#it
    if (it === undefined) return `${this.name} is not open`
    for (const { truth, subscription } of it.streams) {
      for (const source of sources) {
        const missing = truth.missing(source)
        if (missing !== undefined) return missing
      }
      if (subscription.held > 0) return `${this.name} holds ${subscription.held} messages`
    }
    for (const source of sources) {
      const isKnown = it.streams.some(({ truth }) => truth.isServed(source))
      if (isKnown && it.publishers.get(source) !== 'joined') return `${this.name} does not know that ${source} is there`
    }
    if (it.history.budget.bytes > 0) return `${this.name} holds ${it.history.budget.bytes} bytes`
    return undefined
  }

  /** A stream that is denied by a policy, and was not told so. */
  untold(): string | undefined {
    const { realm } = this.world
    const { streams = [], denials = [] } = this.#it ?? {}
    const untold = streams.find(
      ({ pattern }) => realm?.isDenied(this.name, pattern) && !denials.some((text) => text.includes(`'${pattern}'`)),
    )
    return untold && `${this.name} does not learn that it may not have ${untold.pattern}`
  }

  /** Whether it may have a pattern that a topic fits. */
  wants(topic: string): boolean {
    const { realm } = this.world
    const { streams = [] } = this.#it ?? {}
    if (realm?.roleOf(this.name) === undefined) return false
    return streams.some(
      ({ pattern }) => !realm?.isDenied(this.name, pattern) && topicPattern(pattern).matches(topic.split('.')),
    )
  }

  /** A publisher that a hub keeps, and one of its streams does not know. */
  unknown(sources: readonly string[]): string | undefined {
    for (const { truth } of this.#it?.streams ?? []) {
      const unknown = sources.find((source) => truth.isServed(source) && !truth.knows(source))
      if (unknown !== undefined) return `${this.name} does not know of ${unknown}, which a hub keeps`
    }
    return undefined
  }

  /** A publisher that it takes for present though it has left, of those that are not there any more. */
  presumed(sources: readonly string[]): string | undefined {
    const left = [...(this.#it?.publishers.keys() ?? [])].find((publisher) => !sources.includes(publisher))
    return left && `${this.name} does not know that ${left} has left`
  }

  /** Follows another pattern. */
  followAnother(): void {
    this.enqueue(() => {
      const it = this.#it
      if (it && it.streams.length < maxStreams) this.#follow(this.random.pick(this.#patterns), this.#since())
    })
  }

  /** Leaves a stream, or uses one again that was left; sometimes both in one turn. */
  comeOrGo(): void {
    this.enqueue(() => {
      const { random } = this
      const stream = random.pick(this.#it?.streams ?? [])
      if (stream === undefined) return
      if (stream.leave === undefined) this.#return(stream)
      else this.#leave(stream)
      if (stream.leave === undefined && random.chance(0.2)) this.#return(stream)
    })
  }

  /** Uses all streams again that were left, and leaves none any more. */
  comeBack(): void {
    this.mayLeave = false
    this.enqueue(() => {
      for (const stream of this.#it?.streams ?? []) if (stream.leave === undefined) this.#return(stream)
    })
  }

  protected override tick(): void {
    this.#it?.history.tick()
  }

  #open(): void {
    const { clock, world } = this
    const { oracle } = world
    const guard = world.realm?.open(this.name, this)
    const followed = world.realm && {
      opened: () => core.linked(),
      lost: () => core.unlinked(),
      refused: (error: RivuletError) => this.report(error),
      learn: (schemaId: Buffer, text: string) => core.learn(schemaId, text),
      frame: (...frame: Parameters<SubscriberCore['linkFrame']>) => core.linkFrame(...frame),
      answer: (...answer: Parameters<SubscriberCore['answered']>) => core.answered(...answer),
      denied: () => this.note('denies'),
    }
    const ask = () => core.readiness.ask()
    const history = new SimulatedHistory(this, world, this.#endpoints, ask, followed, guard?.guard)
    const isThis = () => this.#it?.core === core
    const client = new TopicClient(this, this.#endpoints, {
      linked: () => isThis() && core.linked(),
      unlinked: () => isThis() && core.unlinked(),
      frame: (topic, frame) => isThis() && core.onFrame([topic, frame]),
    })
    const inbox = Buffer.concat([Buffer.of(inboxMark), this.random.bytes(16)])
    const core: SubscriberCore = new SubscriberCore({
      clock,
      maxMessageBytes: 1000,
      inbox,
      history,
      name: () => this.name,
      isOpen: isThis,
      connected: () => client.connected,
      sendUp: (frame) => client.sendUp(frame),
      changed: () => {},
      newSchema: () => {},
      reject: (error) => oracle.fail(`${this.name} rejects ${error.message}`),
      report: (error) => this.report(error),
    })
    const publishers: Life['publishers'] = new Map()
    core.publishers.subscribe(({ kind, publisher }) => {
      if (kind === 'left') publishers.delete(publisher)
      else publishers.set(publisher, kind)
    })
    this.#it = { core, history, client, inbox: inbox.toString('latin1'), streams: [], publishers, guard, denials: [] }
    core.open()
    const kept = this.random.chance(0.8) ? this.#kept : undefined
    this.#kept = undefined
    if (kept) this.#follow(kept.pattern, kept.cursor(), kept)
    else this.#follow(this.random.pick(this.#patterns), this.#since())
    if (this.random.chance(0.3)) this.#follow(this.random.pick(this.#patterns), this.#since())
  }

  #since(): Since {
    const { random } = this
    const what = random.below(10)
    if (what < 3) return 'now'
    if (what < 6) return 'all'
    if (what < 7) return { last: random.pick([1, 3, 50]) }
    if (what < 8) return new Date(this.clock.wallNow() - random.below(10_000))
    return 'retained'
  }

  #follow(pattern: string, since: Since, kept?: KeptCursor): void {
    const it = this.#it as Life
    const { oracle } = this.world
    const { start } = startOf(since)
    this.#lives += 1
    const name = `${this.name}.${this.#lives} ${pattern} ${start.kind}`
    this.note(`follows ${pattern} ${start.kind}`)
    const mark = kept && { cursor: since as string, shown: kept.shown }
    const isCalm = () => this.now > this.world.troubledUntil
    const isUnreached = (source: string) => it.history.isUnreached(source, pattern)
    const { inbox } = it
    const prefix = topicPattern(pattern).prefix.toString('latin1')
    const reach = hubReachOf(this.world.plan)
    const { realm } = this.world
    const access = realm && {
      mayHave: (source: string, topic: string, at: number) => realm.mayHave(this.name, source, topic, at - wallStart),
      wasDenied: (source: string, topic: string) => realm.wasDenied(this.name, source, topic),
      isServed: (source: string, topic?: string) => realm.isServed(this.name, source, pattern, topic),
    }
    const settings = { reach, name, pattern, start, inbox, prefix, mark, isCalm, isUnreached, access }
    const truth = new StreamTruth(oracle, settings)
    const made = it.core.events<{ id: number }>(pattern, Note, { since })
    if (it.streams.some(({ subscription }) => subscription === made)) return
    const served = made.served.bind(made)
    made.served = (source, position, epoch) => {
      this.note('is served', position)
      truth.served(source, position)
      served(source, position, epoch)
    }
    const stream: HeldStream = { subscription: made, pattern, truth, leave: undefined }
    it.streams.push(stream)
    this.#use(stream)
  }

  #use(stream: HeldStream): void {
    const { life } = this
    stream.truth.used()
    const used = new Subscription()
    stream.leave = () => used.unsubscribe()
    used.add(
      stream.subscription.stream.subscribe((event) => {
        if (life !== this.life) return
        this.#show(stream, event)
        const { leaving } = this.world.plan
        if (leaving > 0 && this.mayLeave && stream.leave && this.random.chance(leaving / 10)) this.#leave(stream)
      }),
    )
  }

  #return(stream: HeldStream): void {
    this.note(`uses ${stream.pattern} again`)
    this.#use(stream)
  }

  #leave(stream: HeldStream): void {
    this.note(`leaves ${stream.pattern}`)
    stream.truth.left()
    stream.leave?.()
    stream.leave = undefined
  }

  #show({ truth, pattern }: HeldStream, event: NoteEvent): void {
    const { publisher } = event
    if (event.kind === 'live') {
      this.note('is live')
      truth.live(publisher)
    } else if (event.kind === 'gap') {
      const { topic, from, to, reason } = event
      this.note(`gap ${topic} ${reason}`, from, to)
      truth.gap(publisher, topic, from, to, reason, this.#it?.history.mayLose(publisher) === true)
    } else {
      const { topic, sequence, value } = event
      this.note(`gets ${topic}`, sequence)
      truth.message(publisher, topic, sequence, value.id)
      const { random } = this
      if (!random.chance(0.1)) return
      if (random.chance(0.1)) void event.cursor // makes it shorter, if it is long
      this.#kept = { pattern, cursor: () => event.cursor, shown: truth.mark() }
    }
  }
}
