/**
 * Where the frames of one source are, in memory: by position, and by topic. Both kinds of logs have one.
 *
 * It decides nothing about bounds: its caller makes it give up the oldest frame. The bytes of frames are here or elsewhere.
 */
import { type EntryKeys, entryBytes, type FrameSegment } from './frame-segment.js'
import { FrameTable } from './frame-table.js'
import { LoggedTopic, type MessagePlace, retainedCost, topicCost } from './logged-topic.js'
import type { HeapItem } from './order-heap.js'
import { PatternTrie } from './pattern-trie.js'
import { SchemaTexts } from './schema-texts.js'
import type { LoggedFrame, TopicEnd } from './topic-log.js'
import { topicPattern } from './topic-name.js'
import type { Head } from './topics-wire.js'

/** Topics that are looked at for heads before the reader may pause. */
const looksPerPause = 4096

/** Where the bytes of frames are, if they are not kept in memory. */
export interface FrameBytes {
  /** The bytes of the frame at a position; `undefined` if they are corrupt. */
  read(position: number): Buffer | undefined
  /** The frame of the retained value at a position. */
  readRetained(position: number): Buffer | undefined
  /** The retained value at a position is no longer kept. */
  removeRetained(position: number): void
  /** A topic of which nothing is kept is forgotten. */
  forgotten(topic: LoggedTopic): void
}

/** A topic and the schema of its last frame. */
type SchemaOfTopic = Pick<LoggedFrame, 'topic' | 'schemaId' | 'schemaText'>

/** What all logs of one set of bounds keep. */
export interface Kept {
  messages: number
  bytes: number
  /** Of these, what topics take of which no message is kept; and the logs that have such topics. */
  endedBytes: number
  readonly ended: Set<LogIndex>
  expired: number
}

/** The index of one source. */
export class LogIndex implements HeapItem {
  /** Of logs, the one with the oldest frame comes first. */
  order = 0
  place = -1
  readonly source: string
  readonly table = new FrameTable()
  /** By their keys, which are not given again. */
  readonly topics = new Map<number, LoggedTopic>()
  readonly schemas = new SchemaTexts()
  readonly elsewhere: FrameBytes | undefined
  readonly #byName = new Map<string, LoggedTopic>()
  readonly #kept: Kept
  /** The key of the next new topic. */
  nextKey = 0
  /** Topics of which nothing is kept but where they ended; the one that is so for longest first. */
  readonly #ended = new Set<LoggedTopic>()
  /** Topics with a retained value, the oldest first. */
  readonly #retained = new Set<LoggedTopic>()
  /** The last message, and the last one that was given up. */
  position = 0
  expiredPosition = 0
  /** How often frames were put between others: walks look for their places again. */
  insertions = 0

  constructor(source: string, kept: Kept, elsewhere?: FrameBytes) {
    this.source = source
    this.#kept = kept
    this.elsewhere = elsewhere
  }

  /** When the oldest frame left; `undefined` if there is none. */
  get oldest(): number | undefined {
    const { first } = this.table
    return first && (first.times[first.start] as number)
  }

  topic(name: string): LoggedTopic | undefined {
    return this.#byName.get(name)
  }

  /** Adds a frame behind all others. */
  append(frame: LoggedFrame, time: number): void {
    const topic = this.#topicOf(frame)
    this.table.push(frame, this.#keysOf(frame, topic, time), this.elsewhere ? undefined : frame.bytes)
    topic.frames.push(frame.position)
    this.#look(topic)
    this.#moveTo(topic, frame)
    if (frame.isRetained) this.#retain(topic, frame, time)
  }

  /** Enters a frame behind all others of which nothing is kept but its retained value. */
  pass(frame: LoggedFrame, time: number): void {
    const topic = this.#topicOf(frame)
    this.#schemaOf(frame, topic)
    this.#moveTo(topic, frame)
    topic.expiredSequence = topic.sequence
    topic.expiredPosition = this.expiredPosition = topic.position
    topic.expiredTime = time
    this.#kept.expired += frame.count
    if (frame.isRetained) this.#retain(topic, frame, time)
    this.#look(topic)
  }

  /** Enters the frame of a retained value alone; the newest of a topic stays. */
  retainFrame(frame: LoggedFrame): void {
    const topic = this.#topicOf(frame)
    this.#moveTo(topic, frame)
    if (frame.position > (topic.retained?.position ?? 0)) this.#retain(topic, frame, frame.time)
  }

  /** Enters a topic as it was left: what was given up of it. */
  restore(frame: SchemaOfTopic, expired: MessagePlace, time: number): void {
    const topic = this.#topicOf(frame)
    topic.sequence = topic.expiredSequence = expired.sequence
    topic.position = topic.expiredPosition = expired.position
    topic.expiredTime = time
    this.#look(topic)
    this.expiredPosition = Math.max(this.expiredPosition, expired.position)
    this.position = Math.max(this.position, expired.position)
  }

  /** Puts a frame where it is missing; returns whether it was. Frames before the last one that was given up are left out. */
  insert(frame: LoggedFrame, time: number): boolean {
    if (frame.position <= this.expiredPosition || !this.table.isFree(frame.position, frame.count)) return false
    const topic = this.#topicOf(frame)
    this.table.insert(frame, this.#keysOf(frame, topic, time), this.elsewhere ? undefined : frame.bytes)
    topic.frames.insert(frame.position)
    this.#look(topic)
    this.insertions++
    this.#moveTo(topic, frame)
    if (frame.isRetained && frame.position > (topic.retained?.position ?? 0)) this.#retain(topic, frame, time)
    return true
  }

  /** Gives up the oldest frame, and returns its topic. */
  shift(): LoggedTopic {
    const segment = this.table.first as FrameSegment
    const slot = segment.start
    const topic = this.topics.get(segment.topics[slot] as number) as LoggedTopic
    const count = segment.counts[slot] as number
    const length = segment.lengths[slot] as number
    const last = segment.lastOf(slot)
    topic.frames.shift()
    topic.expiredSequence = (segment.sequences[slot] as number) + count - 1
    topic.expiredPosition = this.expiredPosition = last
    topic.expiredTime = segment.times[slot] as number
    this.#look(topic)
    const kept = this.#kept
    // one that could not be read was given up then
    if (length > 0) {
      kept.messages -= count
      kept.expired += count
    }
    kept.bytes -= length + entryBytes
    this.#drop(segment.schemas[slot] as number)
    this.table.shift()
    return topic
  }

  /** The bytes of a frame; `undefined` if they cannot be read, and then it is given up in its place. */
  bytesOf(segment: FrameSegment, slot: number): Buffer | undefined {
    if (segment.lengths[slot] === 0) return undefined
    if (this.elsewhere === undefined) return segment.bytesOf(slot)
    const bytes = this.elsewhere.read(segment.positions[slot] as number)
    if (bytes === undefined) this.#lose(segment, slot)
    return bytes
  }

  #lose(segment: FrameSegment, slot: number): void {
    const count = segment.counts[slot] as number
    this.#kept.messages -= count
    this.#kept.expired += count
    this.#kept.bytes -= segment.lengths[slot] as number
    segment.lengths[slot] = 0
  }

  /** Makes the message of a frame the retained value of its topic. */
  #retain(topic: LoggedTopic, frame: LoggedFrame, time: number): void {
    this.clear(topic)
    const { bytes, sequence, position } = frame
    const copy = Buffer.allocUnsafeSlow(this.elsewhere ? 0 : bytes.length)
    if (!this.elsewhere) copy.set(bytes)
    const schema = this.#named(frame.schemaId, frame.schemaText)
    topic.retained = {
      topic,
      sequence,
      position,
      time,
      schema,
      length: bytes.length,
      bytes: this.elsewhere ? undefined : copy,
    }
    this.#kept.bytes += bytes.length + retainedCost
    this.#retained.add(topic)
    this.#look(topic)
  }

  /** Removes the retained value of a topic, if it has one. */
  clear(topic: LoggedTopic): void {
    const { retained } = topic
    if (!retained) return
    topic.retained = undefined
    this.elsewhere?.removeRetained(retained.position)
    this.#kept.bytes -= retained.length + retainedCost
    this.#drop(retained.schema)
    this.#retained.delete(topic)
    this.#look(topic)
  }

  /** The topic whose retained value is the oldest. */
  get oldestRetained(): LoggedTopic | undefined {
    for (const topic of this.#retained) return topic
    return undefined
  }

  /** Forgets the topic that has ended for longest, if there is one. */
  forgetEnded(): void {
    for (const topic of this.#ended) {
      this.#setEnded(topic, false)
      this.#drop(topic.schema)
      this.#kept.bytes -= costOf(topic)
      this.topics.delete(topic.key)
      this.#byName.delete(topic.name)
      this.elsewhere?.forgotten(topic)
      return
    }
  }

  /** Notes whether anything of a topic is kept. */
  #look(topic: LoggedTopic): void {
    const hasEnded = topic.frames.length === 0 && topic.retained === undefined
    if (hasEnded !== this.#ended.has(topic)) this.#setEnded(topic, hasEnded)
  }

  #setEnded(topic: LoggedTopic, hasEnded: boolean): void {
    const kept = this.#kept
    kept.endedBytes += hasEnded ? costOf(topic) : -costOf(topic)
    if (hasEnded) this.#ended.add(topic)
    else this.#ended.delete(topic)
    if (this.#ended.size > 0) kept.ended.add(this)
    else kept.ended.delete(this)
  }

  /** Gives up everything, without counting it as expired. */
  removeAll(): void {
    const { expired } = this.#kept
    while (this.table.first) this.shift()
    for (const topic of this.#retained) this.clear(topic)
    while (this.#ended.size > 0) this.forgetEnded()
    this.#kept.expired = expired
  }

  /** See `TopicLog`. */
  heads(patterns: readonly string[], after: number): Iterable<Head | undefined> {
    const named = new Set<LoggedTopic>()
    const wild = new PatternTrie<true>()
    for (const pattern of patterns.map(topicPattern)) {
      const topic = pattern.exact ? this.#byName.get(pattern.text) : undefined
      if (topic) named.add(topic)
      if (!pattern.exact) wild.add(pattern, true)
    }
    return this.#headsOf(named, wild, after)
  }

  *#headsOf(named: ReadonlySet<LoggedTopic>, wild: PatternTrie<true>, after: number): Iterable<Head | undefined> {
    for (const topic of named) if (topic.position > after) yield headOf(topic)
    if (wild.isEmpty) return
    let looks = 0
    for (const topic of this.topics.values()) {
      if (++looks % looksPerPause === 0) yield undefined
      if (topic.position > after && !named.has(topic) && wild.matchesAny(topic.words)) yield headOf(topic)
    }
  }

  /** See `TopicLog`. */
  *ends(): Iterable<TopicEnd> {
    for (const { name, schema, sequence, position } of this.topics.values()) {
      yield { topic: name, schemaText: this.schemas.at(schema).text, sequence, position }
    }
  }

  #topicOf({ topic: name, schemaId, schemaText }: SchemaOfTopic): LoggedTopic {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const schema = this.#named(schemaId, schemaText)
    const topic = new LoggedTopic(name, this.nextKey++, schema)
    this.topics.set(topic.key, topic)
    this.#byName.set(name, topic)
    this.#kept.bytes += costOf(topic)
    return topic
  }

  /** The schema of a frame, from then on that of its topic. */
  #schemaOf({ schemaId, schemaText }: SchemaOfTopic, topic: LoggedTopic): number {
    // the identity of a schema is a hash of its text
    if (this.schemas.at(topic.schema).text !== schemaText) {
      const schema = this.#named(schemaId, schemaText)
      this.#drop(topic.schema)
      topic.schema = schema
    }
    return topic.schema
  }

  #keysOf(frame: LoggedFrame, topic: LoggedTopic, time: number): EntryKeys {
    const { bytes, count } = frame
    const schema = this.#schemaOf(frame, topic)
    this.schemas.name(schema)
    // what was damaged on disk is given up in its place
    if (bytes.length > 0) this.#kept.messages += count
    else this.#kept.expired += count
    this.#kept.bytes += bytes.length + entryBytes
    return { topic: topic.key, schema, time }
  }

  #named(schemaId: Buffer, text: string): number {
    const before = this.schemas.bytes
    const key = this.schemas.keyOf(schemaId, text)
    this.schemas.name(key)
    this.#kept.bytes += this.schemas.bytes - before
    return key
  }

  #drop(schema: number): void {
    const before = this.schemas.bytes
    this.schemas.drop(schema)
    this.#kept.bytes += this.schemas.bytes - before
  }

  #moveTo(topic: LoggedTopic, { position, sequence, count }: LoggedFrame): void {
    const last = position + count - 1
    if (last > topic.position) {
      topic.position = last
      topic.sequence = sequence + count - 1
    }
    if (last > this.position) this.position = last
  }
}

function headOf({ name, sequence, position }: LoggedTopic): Head {
  return { topic: name, next: sequence + 1, previous: position }
}

function costOf({ name }: LoggedTopic): number {
  return topicCost + 2 * name.length
}
