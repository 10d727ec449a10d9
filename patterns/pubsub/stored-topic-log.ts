/**
 * The log of one source on disk: its index is in memory, its frames are records of a store.
 *
 * A frame enters the index when the store has confirmed it, so that a replay never reads what a crash can take back. Frames
 * that were given up are removed with the next batch that is written; until then they are on disk without a use.
 */
import type { Change, Store } from '../../src/store/index.js'
import type { LogBounds } from './log-bounds.js'
import { type FrameBytes, LogIndex } from './log-index.js'
import { frameHead, readFrame, recordKey, recordKind, schemaKey, sourceRecords, topicRecord } from './log-records.js'
import { LogWalk } from './log-walk.js'
import type { LoggedTopic } from './logged-topic.js'
import type { LoggedFrame, LogReplay, TopicEnd, TopicLog } from './topic-log.js'
import type { Head, Range } from './topics-wire.js'

/** Removals that are written without waiting for the next frame. */
const maxRemovals = 256

/** What is asked of a log, in order. */
type Step = { readonly frame: LoggedFrame } | { readonly retain: LoggedFrame } | { readonly clear: string }

/** What the logs of one store share. */
export interface StoredLogPorts {
  readonly store: Store
  readonly bounds: LogBounds
  /** @throws RIVULET_CLOSED */
  check(): void
}

/** The implementation of `TopicLog` over a store. */
export class StoredTopicLog implements TopicLog, FrameBytes {
  readonly source: string
  readonly index: LogIndex
  readonly #id: Buffer
  readonly #ports: StoredLogPorts
  /** Schemas whose texts are on disk. */
  readonly schemas = new Set<string>()
  /** The records of topics by their names. */
  readonly #topicNumbers = new Map<string, number>()
  #nextTopic = 0
  /** Records were damaged: the numbers of any topic may be lost. */
  isDamaged = false
  /** Topics were forgotten; and whether the disk has that. */
  #hasForgotten = false
  #isForgettingKept = false
  /** What waits for the end of this turn, and what becomes of it. */
  #steps: Step[] = []
  #written: Promise<void> | undefined
  /** What was given up and is still on disk. */
  #removals: Buffer[] = []
  readonly #touched = new Set<LoggedTopic>()
  /** Resolves when all that was written has its outcome. */
  #last: Promise<void> = Promise.resolve()
  /** The position in the record of the source. */
  #accepted = 0
  /** What it was asked so far. */
  steps = 0

  constructor(source: string, ports: StoredLogPorts) {
    this.source = source
    this.#id = Buffer.from(source, 'hex')
    this.#ports = ports
    this.index = new LogIndex(source, ports.bounds.kept, this)
  }

  get position(): number {
    return this.index.position
  }

  get areNumbersLost(): boolean {
    return this.isDamaged || this.#hasForgotten
  }

  append(frame: LoggedFrame): Promise<void> {
    return this.#add([{ frame }])
  }

  insert(frames: readonly LoggedFrame[]): Promise<void> {
    const { table, expiredPosition } = this.index
    const missing = frames.filter(({ position, count }) => position > expiredPosition && table.isFree(position, count))
    return this.#add(missing.map((frame) => ({ frame })))
  }

  retain(frame: LoggedFrame): Promise<void> {
    return this.#add([{ retain: frame }])
  }

  clear(topic: string): Promise<void> {
    return this.#add([{ clear: topic }]).then(() => this.#writeRemovals())
  }

  replay(ranges: readonly Range[]): LogReplay {
    return new LogWalk(this.index, ranges, () => {
      this.#ports.check()
      this.#ports.bounds.refresh()
    })
  }

  heads(patterns: readonly string[], after: number): Iterable<Head | undefined> {
    return this.index.heads(patterns, after)
  }

  *ends(): Iterable<TopicEnd> {
    const { position } = this.index
    for (const end of this.index.ends()) yield this.isDamaged ? { ...end, sequence: position, position: 0 } : end
  }

  read(position: number): Buffer | undefined {
    return this.#read(recordKind.frame, position)
  }

  readRetained(position: number): Buffer | undefined {
    return this.#read(recordKind.retained, position)
  }

  removeRetained(position: number): void {
    this.#removals.push(recordKey(recordKind.retained, this.#id, position))
  }

  forgotten(topic: LoggedTopic): void {
    this.#hasForgotten = true
    this.#touched.delete(topic)
    const number = this.#topicNumbers.get(topic.name)
    if (number === undefined) return
    this.#topicNumbers.delete(topic.name)
    this.#removals.push(recordKey(recordKind.topic, this.#id, number))
  }

  /** A frame was given up. */
  givenUp(position: number, topic: LoggedTopic): void {
    this.#removals.push(recordKey(recordKind.frame, this.#id, position))
    this.#touched.add(topic)
    if (this.#removals.length >= maxRemovals && this.#steps.length === 0)
      void this.#writeRemovals().catch(() => undefined)
  }

  /** Frames may have been given up for their age. */
  aged(): void {
    // what fails is tried again with the next batch
    if (this.#removals.length > 0) void this.#writeRemovals().catch(() => undefined)
  }

  /** Resolves when everything has its outcome, and what was given up is removed. */
  async settle(): Promise<void> {
    await this.flush()
    await this.#writeRemovals()
  }

  /** Resolves when everything that was appended so far has its outcome. */
  async flush(): Promise<void> {
    await this.#last
    // a value is cleared in two steps
    await this.#last
  }

  /** The outcome of a write is awaited with those before it; nothing of them is kept. */
  #follow(written: Promise<void>): void {
    const before = this.#last
    this.#last = written.then(
      () => before,
      () => before,
    )
  }

  #read(kind: number, position: number): Buffer | undefined {
    const value = this.#ports.store.get(recordKey(kind, this.#id, position))
    return value && readFrame(position, bufferOf(value))?.bytes
  }

  #add(steps: readonly Step[]): Promise<void> {
    this.#ports.check()
    this.#steps.push(...steps)
    this.steps += steps.length
    if (this.#written === undefined) {
      // what one turn appends is one batch
      const before = this.#last
      this.#written = Promise.resolve().then(() => this.#write(before))
      this.#follow(this.#written)
    }
    return this.#written
  }

  /** @param before - The outcome of the batches before this one. */
  async #write(before: Promise<void>): Promise<void> {
    const steps = this.#steps
    this.#steps = []
    this.#written = undefined
    const changes: Change[] = []
    for (const step of steps) {
      if ('frame' in step) this.#addFrame(changes, step.frame)
      else if ('retain' in step) this.#addRetained(changes, step.retain)
    }
    if (changes.length > 0) {
      changes.push({ key: this.#sourceKey(sourceRecords.position), value: recordKey(0, this.#id, this.#accepted) })
    }
    try {
      // a batch that only clears writes nothing itself, and must not overtake a value that is being written
      if (changes.length === 0) await before
      await this.#writeBatch(changes)
    } catch (error) {
      for (const step of steps) {
        const frame = 'frame' in step ? step.frame : 'retain' in step ? step.retain : undefined
        if (frame) this.schemas.delete(frame.schemaId.toString('latin1'))
      }
      throw error
    }
    for (const step of steps) {
      if ('frame' in step) {
        this.#ports.bounds.append(this.index, step.frame)
        continue
      }
      if ('retain' in step) {
        this.#ports.bounds.retain(this.index, step.retain)
        continue
      }
      const topic = this.index.topic(step.clear)
      if (topic) this.index.clear(topic)
    }
  }

  #addFrame(changes: Change[], frame: LoggedFrame): void {
    const { position, bytes, count } = frame
    this.#addSchema(changes, frame)
    const value = [frameHead(frame), bytes]
    changes.push({ key: recordKey(recordKind.frame, this.#id, position), value })
    if (frame.isRetained) changes.push({ key: recordKey(recordKind.retained, this.#id, position), value })
    this.#accepted = Math.max(this.#accepted, position + count - 1)
  }

  #addRetained(changes: Change[], frame: LoggedFrame): void {
    const { position, bytes, topic } = frame
    if (position <= (this.index.topic(topic)?.retained?.position ?? 0)) return
    this.#addSchema(changes, frame)
    changes.push({ key: recordKey(recordKind.retained, this.#id, position), value: [frameHead(frame), bytes] })
    this.#accepted = Math.max(this.#accepted, position)
  }

  #addSchema(changes: Change[], { schemaId, schemaText }: LoggedFrame): void {
    const name = schemaId.toString('latin1')
    if (this.schemas.has(name)) return
    changes.push({ key: schemaKey(this.#id, schemaId), value: Buffer.from(schemaText) })
    this.schemas.add(name)
  }

  /** Writes changes, with the removal of what was given up before. */
  async #writeBatch(changes: Change[]): Promise<void> {
    const removals = this.#removals
    const touched = [...this.#touched]
    if (changes.length === 0 && removals.length === 0) return
    this.#removals = []
    this.#touched.clear()
    for (const key of removals) changes.push({ key, value: undefined })
    for (const topic of touched) changes.push(this.#topicChange(topic))
    const isForgetting = this.#hasForgotten && !this.#isForgettingKept
    if (isForgetting) changes.push({ key: this.#sourceKey(sourceRecords.forgotten), value: Buffer.of(1) })
    try {
      await this.#ports.store.write(changes)
      this.#isForgettingKept ||= isForgetting
    } catch (error) {
      this.#removals = [...removals, ...this.#removals]
      for (const topic of touched) if (this.index.topic(topic.name) === topic) this.#touched.add(topic)
      throw error
    }
  }

  #sourceKey(number: number): Buffer {
    return recordKey(recordKind.source, this.#id, number)
  }

  #writeRemovals(): Promise<void> {
    const written = this.#writeBatch([])
    this.#follow(written)
    return written
  }

  /** Notes which record a topic has; without a name, that there is one. */
  numberTopic(name: string | undefined, number: number): void {
    if (name !== undefined) this.#topicNumbers.set(name, number)
    this.#nextTopic = Math.max(this.#nextTopic, number + 1)
  }

  #topicChange({ name, schema, expiredSequence, expiredPosition, expiredTime }: LoggedTopic): Change {
    let number = this.#topicNumbers.get(name)
    if (number === undefined) {
      number = this.#nextTopic
      this.numberTopic(name, number)
    }
    const { schemaId } = this.index.schemas.at(schema)
    const value = topicRecord({
      topic: name,
      schemaId,
      sequence: expiredSequence,
      position: expiredPosition,
      time: expiredTime,
    })
    return { key: recordKey(recordKind.topic, this.#id, number), value }
  }

  /** What was written before this process: the log continues behind it. */
  resume(position: number, hasForgotten: boolean): void {
    this.#hasForgotten ||= hasForgotten
    this.#isForgettingKept = hasForgotten
    this.#accepted = Math.max(position, this.index.position)
    this.index.position = this.#accepted
  }
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.length)
}
