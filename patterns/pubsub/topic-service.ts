/**
 * The service of history, as a publisher or a hub serves it: replays, heads, and the list of sources.
 *
 * A pure machine over logs. Credit of links bounds what each call has in transit; how much all calls take of a turn is bounded in
 * `replay-turns.ts`.
 */
import { serviceOf } from '../../src/avro/service-codec.js'
import type { CallContext, CallHandler, CallStream, Implementation, ReadySource } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { type PartPorts, PartSource } from './part-source.js'
import { ReplayTurns } from './replay-turns.js'
import { SignsOfLife } from './signs-of-life.js'
import { SourcesWatch } from './sources-watch.js'
import type { TopicAccess, TopicAccesses } from './topic-access.js'
import type { TopicFeed } from './topic-feed.js'
import type { LogReplay, TopicLog } from './topic-log.js'
import { topicPattern } from './topic-name.js'
import {
  type FollowRequest,
  type Head,
  type HeadsPart,
  type HeadsRequest,
  type MissedRequest,
  maxWildRanges,
  type Range,
  type ReplayPart,
  type ReplayRequest,
  refusals,
  TopicsService,
} from './topics-wire.js'

/** What the service needs of its owner. */
export interface TopicServicePorts {
  readonly clock: Clock
  /** Calls back in the next turn of the event loop. */
  nextTurn(callback: () => void): void
  /** A number that changes when a message of any source is sent, so that replays leave time to others. */
  readonly sent?: (() => number) | undefined
  /** Whose messages are kept, 16 hexadecimal digits each. */
  sources(): Iterable<string>
  /** The log of one of them. */
  log(source: string): TopicLog | undefined
  /** A subscriber has missed so many messages of a source. */
  missed(source: string, messages: number): void
  /** Left out where logs have all that there is. */
  readonly completes?: LogCompletion
  /** What is served as it leaves; left out where the socket brings that. */
  readonly feed?: TopicFeed | undefined
  /** What peers may have; without a policy, everything. */
  readonly accesses?: TopicAccesses | undefined
}

/**
 * Completes logs before they are read: a hub asks its publishers for what it does not have.
 *
 * What it returns makes it not call back any more. It may call back at once.
 */
export interface LogCompletion {
  /** Calls back when a log has what is wanted, as far as it can be had; `progress` when something of it has arrived. */
  replay(source: string, ranges: readonly Range[], done: () => void, progress: () => void): () => void
  /** Calls back with where topics stand at the publisher, and at which position; 0 if it cannot be asked. */
  heads(
    source: string,
    patterns: readonly string[],
    after: number,
    done: (heads: ReadonlyMap<string, Head>, position: number) => void,
  ): () => void
}

/** What the service has served. */
export interface TopicServiceStats {
  /** Replays that are open. */
  readonly open: number
  /** Replays that have completed. */
  readonly served: number
  /** Bytes of frames in all replays. */
  readonly bytes: number
}

/** The most ranges or patterns of one request. */
const maxRanges = 1024

/** A replay of at most so many positions is a short one: the repair of a gap, which goes before late subscribers. */
const shortPositions = 65_536

/** What replays take: `npm run soak -- topic-joiners` tells what late subscribers leave to others. */
const bounds = { turnBytes: 262_144, partBytes: 65_536, most: 64, mostOfLink: 4, idleMs: 500 }

/** Heads in one part. */
const headsPerPart = 512

/** What a long way without a head costs, as bytes of a turn. */
const headsPauseBytes = 262_144

/** What a head takes beside its topic, in bytes. */
const headBytes = 24

/** The service of one publisher or hub. */
export class TopicService {
  readonly implementation: Implementation
  readonly #ports: TopicServicePorts
  readonly #turns: ReplayTurns
  readonly #signs: SignsOfLife
  readonly #watches = new Set<SourcesWatch>()
  #open = 0
  #served = 0
  #bytes = 0

  constructor(ports: TopicServicePorts) {
    this.#ports = ports
    this.#turns = new ReplayTurns(ports, bounds)
    this.#signs = new SignsOfLife(ports.clock)
    const handlers = new Map<string, CallHandler>([
      ['sources', (_, context) => this.#watch(context)],
      ['replay', (request, { peer }) => this.#replay(request as ReplayRequest, peer)],
      ['heads', (request, { peer }) => this.#heads(request as HeadsRequest, peer)],
      ['missed', (request) => this.#missed(request as MissedRequest)],
    ])
    const { feed } = ports
    if (feed) handlers.set('follow', (requests, call) => feed.follow(requests as CallStream<FollowRequest>, call))
    this.implementation = { codec: serviceOf(TopicsService), handlers }
  }

  stats(): TopicServiceStats {
    return { open: this.#open, served: this.#served, bytes: this.#bytes }
  }

  /** A source has come. */
  added(source: string): void {
    for (const watch of this.#watches) watch.added(source)
  }

  /** Nothing of a source is kept any more. */
  removed(source: string): void {
    for (const watch of this.#watches) watch.removed(source)
  }

  close(): void {
    this.#turns.close()
    this.#signs.close()
  }

  #watch({ draining, peer }: CallContext): SourcesWatch {
    const access = this.#ports.accesses?.of(peer)
    const isAdmitted = access === undefined || access.isAdmitted
    const watch: SourcesWatch = new SourcesWatch(
      isAdmitted ? this.#ports.sources() : [],
      (source) => this.#ports.log(source)?.position ?? 0,
      () => this.#watches.delete(watch),
    )
    if (isAdmitted) this.#watches.add(watch)
    else {
      // one who may have nothing learns of no source
      access.onAdmitted = () => {
        if (watch.hasEnded) return
        this.#watches.add(watch)
        for (const source of this.#ports.sources()) watch.added(source)
      }
    }
    if (draining.aborted) watch.end()
    else draining.addEventListener('abort', () => watch.end(), { once: true })
    return watch
  }

  #replay({ source, ranges }: ReplayRequest, peer: PeerInfo): ReadySource<ReplayPart> {
    const log = this.#logOf('replay', source)
    const fault =
      ranges.length > maxRanges
        ? tooMany(ranges.length)
        : (ranges.map(faultOf).find((one) => one) ?? wildFaultOf(ranges))
    if (fault !== undefined) throw refused('replay', 'RIVULET_INVALID_REQUEST', fault)
    const patterns = ranges.map(({ pattern }) => pattern)
    const access = this.#accessTo('replay', patterns, peer)
    this.#open += 1
    let replay: LogReplay | undefined
    let cost = 0
    const take = (bytes: number): ReplayPart | undefined => {
      replay ??= log.replay(ranges)
      const part = replay.take(bytes)
      cost = replay.cost ?? 0
      if (part === undefined || access === undefined) return part
      const allowed = allowedOf(part, access)
      // what is left out was taken as well
      cost += bytesOf(part) - bytesOf(allowed)
      return allowed
    }
    const left = (isComplete: boolean) => {
      this.#open -= 1
      if (isComplete) this.#served += 1
    }
    const sizeOf = (part: ReplayPart) => {
      const bytes = bytesOf(part)
      this.#bytes += bytes
      return bytes + cost
    }
    const { completes } = this.#ports
    const name = hexOf(source)
    const prepare: PartPorts<ReplayPart>['prepare'] =
      completes && ((done, progress) => completes.replay(name, ranges, done, progress))
    // a caller that waits for its turn, or for fetched messages, sees that it is served
    const none = { schemas: [], expired: [], frames: [], position: Math.min(...ranges.map(({ after = 0 }) => after)) }
    const ports = { take, sizeOf, left, prepare, none, isPatient: false, signs: this.#signs }
    return new PartSource<ReplayPart>((ready) => this.#turns.add(peer.id, ranges.every(isShort), ready), ports)
  }

  #heads({ source, patterns, after }: HeadsRequest, peer: PeerInfo): ReadySource<HeadsPart> {
    const log = this.#logOf('heads', source)
    const fault = patterns.length > maxRanges ? tooMany(patterns.length) : patterns.map(patternFault).find((one) => one)
    if (fault !== undefined) throw refused('heads', 'RIVULET_INVALID_REQUEST', fault)
    const access = this.#accessTo('heads', patterns, peer)
    let heads: Iterator<Head | undefined> | undefined
    let position = 0
    let isEnded = false
    let cost = 0
    const { completes } = this.#ports
    let above: ReadonlyMap<string, Head> = new Map()
    const prepare =
      completes &&
      ((done: () => void) =>
        completes.heads(hexOf(source), patterns, after, (found, at) => {
          above = found
          position = at
          done()
        }))
    const take = (): HeadsPart | undefined => {
      if (isEnded) return undefined
      if (heads === undefined) {
        // what moves while this is read is above that position
        position = Math.max(position, log.position)
        heads = higherHeads(log.heads(patterns, after), above)
      }
      const part: Head[] = []
      cost = 0
      while (part.length < headsPerPart) {
        const { done, value } = heads.next()
        if (done) isEnded = true
        else if (value === undefined) cost = headsPauseBytes
        if (value === undefined) break
        if (access?.allows(value.topic) !== false) part.push(value)
      }
      return { heads: part, position }
    }
    const sizeOf = ({ heads = [] }: HeadsPart) =>
      heads.reduce((sum, { topic }) => sum + topic.length + headBytes, headBytes + cost)
    const none = { heads: [], position: 0 }
    const ports = { take, sizeOf, left: () => {}, prepare, none, isPatient: true, signs: this.#signs }
    return new PartSource<HeadsPart>((ready) => this.#turns.add(peer.id, true, ready), ports)
  }

  #missed({ source, messages }: MissedRequest): void {
    const name = hexOf(source)
    if (messages > 0 && this.#ports.log(name) !== undefined) this.#ports.missed(name, messages)
  }

  /** What a peer may have of all that it asks for; `undefined` if that is everything. */
  #accessTo(method: 'replay' | 'heads', patterns: readonly string[], peer: PeerInfo): TopicAccess | undefined {
    const access = this.#ports.accesses?.of(peer)
    const denied = access && patterns.find((pattern) => !access.permits(pattern))
    if (denied === undefined) return access
    const text = `the policy of the publisher does not allow this subscriber to subscribe to '${denied}'`
    throw refused(method, 'RIVULET_PERMISSION_DENIED', text)
  }

  #logOf(method: 'replay' | 'heads', source: Uint8Array): TopicLog {
    const name = hexOf(source)
    const log = this.#ports.log(name)
    if (log === undefined) throw refused(method, 'RIVULET_NO_HISTORY', `no history of publisher ${name} is kept here`)
    return log
  }
}

/** Where topics stand by one log or another, whichever has come further. */
function* higherHeads(
  own: Iterable<Head | undefined>,
  above: ReadonlyMap<string, Head>,
): Generator<Head | undefined, undefined> {
  const left = new Map(above)
  for (const head of own) {
    if (head === undefined) {
      yield head
      continue
    }
    const other = left.get(head.topic)
    left.delete(head.topic)
    yield other && other.previous > head.previous ? other : head
  }
  yield* left.values()
  return undefined
}

/** What a peer may have of a part. */
function allowedOf({ expired = [], frames = [], ...part }: ReplayPart, access: TopicAccess): ReplayPart {
  const isAllowed = ({ topic }: { readonly topic: string }) => access.allows(topic)
  return { ...part, expired: expired.filter(isAllowed), frames: frames.filter(isAllowed) }
}

function bytesOf({ schemas = [], expired = [], frames = [] }: ReplayPart): number {
  let bytes = headBytes
  for (const { text } of schemas) bytes += text.length + headBytes
  for (const { topic } of expired) bytes += topic.length + headBytes
  for (const { topic, frame } of frames) bytes += topic.length + frame.length + 8
  return bytes
}

function isShort({ after = 0, upTo = 0, retained }: Range): boolean {
  return retained === true || (upTo > 0 && upTo - after <= shortPositions)
}

function faultOf({ pattern, after = 0, upTo = 0, last = 0 }: Range): string | undefined {
  if (after < 0 || upTo < 0 || last < 0) return `a range has a negative number: ${after}, ${upTo}, ${last}`
  return patternFault(pattern)
}

function wildFaultOf(ranges: readonly Range[]): string | undefined {
  const wild = ranges.filter(({ pattern }) => !topicPattern(pattern).exact).length
  return wild > maxWildRanges ? `a replay has ${wild} ranges with wildcards, more than ${maxWildRanges}` : undefined
}

function patternFault(pattern: string): string | undefined {
  try {
    topicPattern(pattern)
    return undefined
  } catch (error) {
    return (error as RivuletError).message
  }
}

function tooMany(count: number): string {
  return `a request has ${count} ranges or patterns, more than ${maxRanges}`
}

function refused(method: 'replay' | 'heads', code: ErrorCode, text: string) {
  return refusals.errorOf(method, new RivuletError(code, text))
}

function hexOf(source: Uint8Array): string {
  return Buffer.from(source.buffer, source.byteOffset, source.length).toString('hex')
}
