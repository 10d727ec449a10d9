/**
 * One call `follow`: what a peer follows, and the frames and answers that wait for its link.
 *
 * The link takes them when it has room, so that its credit bounds what is in transit. What finds no room here is dropped for this
 * peer alone; the numbers of the frames behind it show what is missing.
 */
import { type CallStream, type ReadyItems, ReadySource } from '../../src/call/index.js'
import { RivuletError, receivedError } from '../../src/errors/index.js'
import { Fifo } from '../../src/lifecycle/index.js'
import { HubInterest } from './hub-interest.js'
import type { Interested } from './interest.js'
import type { TopicAccess } from './topic-access.js'
import { type TopicPattern, topicPattern } from './topic-name.js'
import {
  type FollowPart,
  type FollowRequest,
  type KeptFrame,
  type KeptSchema,
  refusals,
  type Unfollowed,
} from './topics-wire.js'

/** A frame that has left. */
export interface FedFrame {
  readonly topic: string
  readonly bytes: Buffer
  readonly messages: number
  readonly schemaId: Buffer
  /** The text of its schema; `undefined` where this side does not know it. */
  readonly schemaText: string | undefined
}

/** A pattern that a reader has asked for. */
export interface FollowedPattern extends Interested {
  readonly reader: FeedReader
  readonly isDenied: boolean
}

/** What a reader needs of its feed. */
export interface FeedReaderPorts {
  /** Who serves it. */
  readonly server: Buffer
  /** What may wait for its link, in bytes. */
  readonly limitBytes: number
  /** What its patterns may add up to, in bytes. */
  readonly patternBytes: number
  /** What it may follow; without a policy, everything. */
  readonly access: TopicAccess | undefined
  entered(followed: FollowedPattern): void
  left(followed: FollowedPattern): void
  /** It follows something with this prefix, or does not any more. */
  subscription(subscribed: boolean, prefix: Buffer): void
  /** The same, of what it has asked for and was denied, too. */
  asked(asks: boolean, prefix: Buffer, reader: FeedReader): void
  /** It asks; what it has asked to follow before is in force. */
  requested(frame: Buffer, reader: FeedReader): void
  /** It does not take a topic. */
  untaken(error: RivuletError): void
  /** It may have room again. */
  taken(reader: FeedReader): void
  dropped(messages: number): void
  denied(): void
  ended(reader: FeedReader): void
}

/** What one part has of frames and answers, in bytes; a larger frame has a part of its own. */
const partBytes = 65_536

/** What a frame takes beside its bytes, about. */
const overheadBytes = 128

/** What a pattern takes beside its text, as a subscription of a socket. */
const patternOverheadBytes = 15

/** Patterns of one request; refusals in one part, and those that may wait before no more requests are taken. */
const maxPatterns = 1024
const refusalsPerPart = 128

/** Topics of one request that it does not take, and all that are remembered. */
const maxUntaken = 4096

/** Schemas that a peer is known to have. */
const maxSchemas = 1024

type Waiting = FedFrame | { readonly answer: Buffer }

/** One peer that follows topics. */
export class FeedReader extends ReadySource<FollowPart> implements ReadyItems<FollowPart> {
  /** As a consumer of the requests. */
  demand = 1
  readonly #ports: FeedReaderPorts
  readonly #requests: CallStream<FollowRequest>
  #detach = () => {}
  readonly #asked = new Map<string, FollowedPattern>()
  /** The prefixes of all that was asked for, and of what is followed. */
  readonly #askedPrefixes = new HubInterest()
  readonly #prefixes = new HubInterest()
  #patternBytes = 0
  readonly #waiting = new Fifo<Waiting>()
  #bytes = 0
  readonly #refused: Unfollowed[] = []
  readonly #schemas = new Set<string>()
  /** Topics that it does not take. */
  readonly #untaken = new Set<string>()
  #ready = () => {}
  #isFirst = true
  /** Whether nothing more is added. */
  #isEnding = false
  #hasLeft = false
  #failure: Error | undefined

  constructor(requests: CallStream<FollowRequest>, ports: FeedReaderPorts) {
    super()
    this.#requests = requests
    this.#ports = ports
  }

  /** Takes requests from now on. */
  start(): this {
    this.#detach = this.#requests.attach(this)
    this.#requests.resume()
    return this
  }

  /** What waits for its link, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether it was allowed anything that it has asked for. */
  get isAdmitted(): boolean {
    return this.#ports.access?.isAdmitted !== false
  }

  /** Whether a frame finds no room. */
  get isFull(): boolean {
    return this.#bytes >= this.#ports.limitBytes
  }

  get isEnded(): boolean {
    return this.#hasLeft || (this.#isEnding && this.#waiting.length === 0)
  }

  /** Puts a frame behind what waits, or drops it if there is no room. */
  push(frame: FedFrame): void {
    const { topic, bytes, messages } = frame
    if (this.#isEnding || this.#ports.access?.allows(topic) === false || this.#untaken.has(topic)) return
    if (this.isFull) {
      this.#ports.dropped(messages)
      return
    }
    this.#bytes += bytes.length + overheadBytes
    this.#waiting.push(frame)
    this.#ready()
  }

  /** Puts an answer behind what waits: one that finds no room is asked for again. */
  answer(answer: Buffer): void {
    if (this.#isEnding || this.isFull) return
    this.#bytes += answer.length + overheadBytes
    this.#waiting.push({ answer })
    this.#ready()
  }

  /** Ends the call behind what waits. */
  end(failure?: Error): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#failure = failure
    this.#detach()
    for (const followed of [...this.#asked.values()]) this.#drop(followed)
    this.#ports.ended(this)
    this.#ready()
  }

  next({ follow = [], leave = [], requests = [], denied = [] }: FollowRequest): void {
    try {
      const patterns = follow.length + leave.length
      if (patterns > maxPatterns) {
        throw new RivuletError(
          'RIVULET_INVALID_REQUEST',
          `a request has ${patterns} patterns, more than ${maxPatterns}`,
        )
      }
      for (const pattern of leave) {
        const followed = this.#asked.get(pattern)
        if (followed !== undefined) this.#drop(followed)
      }
      for (const pattern of follow) this.#follow(pattern)
      for (const frame of requests) this.#ports.requested(Buffer.from(frame), this)
      for (const one of denied) this.#leaveOut(one)
    } catch (cause) {
      this.end(refusals.errorOf('follow', cause as RivuletError))
    }
    if (this.#refused.length > 0) this.#ready()
    this.#grant()
  }

  complete(): void {
    // a failure is the end of the call, which needs no report
    this.end()
  }

  open(ready: () => void): this {
    this.#ready = ready
    return this
  }

  take(): FollowPart | undefined {
    if (this.#hasLeft) return undefined
    const server = this.#isFirst ? this.#ports.server : null
    const refused = this.#refused.splice(0, refusalsPerPart)
    const schemas: KeptSchema[] = []
    const frames: KeptFrame[] = []
    const answers: Buffer[] = []
    let bytes = 0
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      // answers come behind the frames of their part
      if ('bytes' in next && answers.length > 0) break
      const size = 'bytes' in next ? next.bytes.length : next.answer.length
      if (bytes > 0 && bytes + size > partBytes) break
      this.#waiting.shift()
      this.#bytes -= size + overheadBytes
      bytes += size + overheadBytes
      if (!('bytes' in next)) {
        answers.push(next.answer)
        continue
      }
      this.#announce(next, schemas)
      frames.push({ topic: next.topic, frame: next.bytes })
    }
    if (bytes > 0) this.#ports.taken(this)
    if (server === null && refused.length === 0 && bytes === 0) {
      const failure = this.#failure
      this.#failure = undefined
      if (failure !== undefined) throw failure
      return undefined
    }
    this.#isFirst = false
    if (this.demand === 0) this.#grant()
    return { server, refused, schemas, frames, answers }
  }

  leave(): void {
    this.#hasLeft = true
    this.#waiting.clear()
    this.#bytes = 0
    this.end()
    this.#ports.taken(this)
  }

  #grant(): void {
    if (this.#isEnding || this.#refused.length >= refusalsPerPart) return
    this.demand = 1
    this.#requests.resume()
  }

  #follow(text: string): void {
    if (this.#asked.has(text)) return
    let pattern: TopicPattern
    try {
      pattern = topicPattern(text)
    } catch (cause) {
      throw new RivuletError('RIVULET_INVALID_REQUEST', (cause as RivuletError).message)
    }
    const { access, patternBytes, denied, entered, subscription, asked } = this.#ports
    const bytes = text.length + patternOverheadBytes
    if (this.#patternBytes + bytes > patternBytes) {
      const message = `the patterns of this subscriber take more than ${patternBytes} bytes`
      this.#refused.push({ pattern: text, code: 'RIVULET_TOO_MANY_SUBSCRIPTIONS', message })
      return
    }
    this.#patternBytes += bytes
    const isDenied = access?.permits(text) === false
    const followed = { pattern, reader: this, isDenied }
    this.#asked.set(text, followed)
    const { prefix } = pattern
    if (this.#askedPrefixes.change(true, prefix) !== undefined) asked(true, prefix, this)
    if (isDenied) {
      const message = `the policy of the publisher does not allow this subscriber to subscribe to '${text}'`
      this.#refused.push({ pattern: text, code: 'RIVULET_PERMISSION_DENIED', message })
      denied()
      return
    }
    entered(followed)
    if (this.#prefixes.change(true, prefix) !== undefined) subscription(true, prefix)
  }

  #drop(followed: FollowedPattern): void {
    const { text, prefix } = followed.pattern
    const { left, subscription, asked } = this.#ports
    this.#asked.delete(text)
    this.#patternBytes -= text.length + patternOverheadBytes
    if (this.#askedPrefixes.change(false, prefix) !== undefined) asked(false, prefix, this)
    if (followed.isDenied) return
    left(followed)
    if (this.#prefixes.change(false, prefix) !== undefined) subscription(false, prefix)
  }

  /** A topic is not taken: what it would bring stays here. */
  #leaveOut({ pattern: topic, code, message }: Unfollowed): void {
    if (this.#untaken.size >= maxUntaken || this.#untaken.has(topic)) return
    this.#untaken.add(topic)
    this.#ports.untaken(receivedError(code, `'${topic}' is not taken by a subscriber: ${message}`))
  }

  #announce({ schemaId, schemaText }: FedFrame, schemas: KeptSchema[]): void {
    if (schemaText === undefined) return
    const id = schemaId.toString('latin1')
    if (this.#schemas.has(id)) return
    if (this.#schemas.size >= maxSchemas) this.#schemas.clear()
    this.#schemas.add(id)
    schemas.push({ schemaId, text: schemaText })
  }
}
