/**
 * One call of the service of history, for all who ask a publisher at the same time: a replay, or heads.
 *
 * It hands what arrives to those who asked for it. Frames are opened and checked like those of the socket.
 */
import { type CallStream, defaultStreamOptions } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { bufferOf } from '../../src/memory/index.js'
import type { Consumer } from '../../src/stream/index.js'
import { type DataFrame, FrameReceiver } from '../../src/wire/index.js'
import { type FetchOutcome, type HistoryFetch, isReplay } from './history-fetch.js'
import type { HistorySession } from './history-session.js'
import { type TopicFrame, topicFrame } from './topic-frame.js'
import { type TopicPattern, topicPattern, wordsOnWire } from './topic-name.js'
import type { HeadsPart, KeptSchema, ReplayPart } from './topics-wire.js'

/** Who asks. */
export interface HistoryAsker {
  /** Something has arrived, if only that more is to come. */
  progress?(fetch: HistoryFetch): void
  fetched(fetch: HistoryFetch, frame: TopicFrame): void
  expired(fetch: HistoryFetch, topic: string, sequence: number, position: number): void
  head(fetch: HistoryFetch, topic: string, next: number, previous: number): void
  ended(fetch: HistoryFetch, outcome: FetchOutcome, position: number): void
}

/** What one of them asks, and how far that was answered. */
export class Asked {
  readonly fetch: HistoryFetch
  readonly asker: HistoryAsker
  readonly pattern: TopicPattern
  /** Everything up to this position was said. */
  after: number
  hasEnded = false
  /** Whether it is asked for again, since nothing came, and nothing has come since. */
  isRepeated = false

  constructor(fetch: HistoryFetch, asker: HistoryAsker) {
    this.fetch = fetch
    this.asker = asker
    this.pattern = topicPattern(fetch.pattern)
    this.after = fetch.after
  }
}

/** How a call opens frames, and reports. */
export interface HistoryCallPorts {
  readonly maxMessageBytes: number
  readonly clock: Clock
  /** Something that arrived is malformed. */
  reject(error: RivuletError): void
  /** Whether no more should arrive for now. */
  isPaused(): boolean
  /** All of what one has asked has been answered. */
  answered(fetch: HistoryFetch): void
  /** The call has ended; what is left was not answered if it has failed. */
  ended(call: HistoryCall, failure: unknown): void
}

/** Schemas of one who has brought nothing that it may publish. */
const maxUnread = 64

/** One call. */
export class HistoryCall implements Consumer<ReplayPart | HeadsPart> {
  demand = 1
  /** When something arrived last, or it was made. */
  progressAt: number
  readonly source: string
  readonly #ports: HistoryCallPorts
  readonly #asked: readonly Asked[]
  readonly #exact = new Map<string, Asked[]>()
  readonly #wild: Asked[] = []
  readonly #receiver: FrameReceiver
  readonly #isReplay: boolean
  #session: HistorySession | undefined
  #topic = ''
  #position = 0
  #stream: CallStream<ReplayPart | HeadsPart> | undefined
  #detach: (() => void) | undefined
  #hasEnded = false
  /** What the peer may say something about. */
  #access: HistorySession['access']
  readonly #unread: KeptSchema[] = []

  /** @param asked - At least one, all of the same kind. */
  constructor(asked: readonly Asked[], ports: HistoryCallPorts) {
    const [first] = asked as readonly [Asked]
    this.source = first.fetch.source
    this.#isReplay = isReplay(first.fetch)
    this.#asked = asked
    this.#ports = ports
    this.progressAt = ports.clock.now()
    for (const one of asked) {
      const { exact, text } = one.pattern
      const same = this.#exact.get(text)
      if (!exact) this.#wild.push(one)
      else if (same) same.push(one)
      else this.#exact.set(text, [one])
    }
    const { maxMessageBytes, clock } = ports
    // schemas come before the frames that name them
    const options = { maxMessageBytes, clock, parkedFrames: 0, parkedMs: 0 }
    this.#receiver = new FrameReceiver(options, {
      accept: (frame, text) => this.#onFrame(frame, text),
      reject: (error) => ports.reject(error),
      newSchema() {},
      lose: (_, error) => error && ports.reject(error),
    })
  }

  /** What was not answered. */
  get left(): readonly Asked[] {
    return this.#asked.filter(({ hasEnded }) => !hasEnded)
  }

  /** Makes the call over a session. */
  start(session: HistorySession): void {
    const { calls, replay, heads, access } = session
    this.#session = session
    this.#access = access
    const source = Buffer.from(this.source, 'hex')
    const request = this.#isReplay
      ? { source, ranges: this.#asked.map(rangeOf) }
      : {
          source,
          patterns: [...new Set(this.#asked.map(({ fetch }) => fetch.pattern))],
          after: Math.min(...this.#asked.map(({ after }) => after)),
        }
    const method = this.#isReplay ? replay : heads
    const stream = calls.stream(method, request, defaultStreamOptions).responses as CallStream<ReplayPart | HeadsPart>
    this.#stream = stream
    this.demand = this.#ports.isPaused() ? 0 : 1
    this.#detach = stream.attach(this)
    stream.resume()
  }

  /** Continues after a pause. */
  resume(): void {
    if (this.#hasEnded || this.demand > 0) return
    this.demand = 1
    this.#stream?.resume()
  }

  /** Ends it; nothing more is said. */
  cancel(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#detach?.()
  }

  next(part: ReplayPart | HeadsPart): void {
    if (this.#hasEnded) return
    this.progressAt = this.#ports.clock.now()
    if (this.#session) this.#session.isSilent = false
    for (const one of this.#asked) one.isRepeated = false
    if (this.#isReplay) this.#onReplay(part as ReplayPart)
    else this.#onHeads(part as HeadsPart)
    const { left } = this
    for (const { asker, fetch } of left) asker.progress?.(fetch)
    if (left.length === 0) this.#finish(undefined)
    this.demand = this.#ports.isPaused() ? 0 : 1
  }

  complete(): void {
    if (this.#hasEnded) return
    const failure = this.#stream?.failure
    if (failure === undefined) {
      for (const one of this.left) this.#end(one, this.#position)
    }
    this.#finish(failure)
  }

  #finish(failure: unknown): void {
    if (this.#hasEnded) return
    this.cancel()
    this.#receiver.close()
    this.#ports.ended(this, failure)
  }

  #onReplay({ schemas = [], expired = [], frames = [], position }: ReplayPart): void {
    const allowed = frames.filter(({ topic }) => this.#isAllowed(topic))
    this.#learn(schemas)
    for (const { topic, sequence, position: at } of expired) {
      if (!this.#isAllowed(topic)) continue
      for (const one of this.#fit(topic)) {
        if (!one.hasEnded && at > one.after) one.asker.expired(one.fetch, topic, sequence, at)
      }
    }
    for (const { topic, frame } of allowed) {
      this.#topic = topic
      this.#receiver.receive(bufferOf(frame), Buffer.from(`${topic}.`))
    }
    for (const one of this.left) {
      one.after = Math.max(one.after, position)
      if (one.fetch.upTo > 0 && position >= one.fetch.upTo) this.#end(one, position)
    }
  }

  #onFrame(frame: DataFrame, writerText: string): void {
    const topic = this.#topic
    const opened = topicFrame(frame, writerText, topic)
    const { publisher, place } = opened
    if (publisher !== this.source || wordsOnWire(frame.topic as Buffer) === undefined) {
      this.#ports.reject(
        new RivuletError('RIVULET_BAD_FRAME', 'a frame of a replay is of another publisher, or has an invalid topic'),
      )
      return
    }
    for (const one of this.#fit(topic)) {
      const { fetch } = one
      const isWanted =
        place.position + place.count > one.after + 1 && place.position <= (fetch.upTo || Number.POSITIVE_INFINITY)
      if (isWanted && !one.hasEnded) one.asker.fetched(fetch, opened)
    }
  }

  #onHeads({ heads = [], position }: HeadsPart): void {
    this.#position = Math.max(this.#position, position)
    for (const { topic, next, previous } of heads) {
      if (!this.#isAllowed(topic)) continue
      for (const one of this.#fit(topic)) {
        if (!one.hasEnded && previous > one.fetch.after) one.asker.head(one.fetch, topic, next, previous)
      }
    }
  }

  /** Schemas of one who may publish nothing are not read: they wait until it has brought what it may. */
  #learn(schemas: readonly KeptSchema[]): void {
    if (this.#access?.isAdmitted === false) {
      this.#unread.push(...schemas.slice(0, maxUnread - this.#unread.length))
      return
    }
    for (const { schemaId, text } of this.#unread.splice(0)) this.#receiver.learn(bufferOf(schemaId), text)
    for (const { schemaId, text } of schemas) this.#receiver.learn(bufferOf(schemaId), text)
  }

  #isAllowed(topic: string): boolean {
    return this.#access?.admits(topic) !== false
  }

  #end(one: Asked, position: number): void {
    if (one.hasEnded) return
    one.hasEnded = true
    this.#ports.answered(one.fetch)
    one.asker.ended(one.fetch, 'complete', position)
  }

  /** Who asked for a topic. */
  #fit(topic: string): readonly Asked[] {
    const exact = this.#exact.get(topic)
    if (this.#wild.length === 0) return exact ?? []
    const words = topic.split('.')
    const fitting = this.#wild.filter(({ pattern }) => pattern.matches(words))
    return exact ? [...fitting, ...exact] : fitting
  }
}

function rangeOf({ fetch: { pattern, upTo, last, since, retained }, after }: Asked) {
  return { pattern, after, upTo, last, since, retained }
}
