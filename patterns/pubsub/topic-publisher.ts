/**
 * One topic of a publisher: a sink with its own schema, numbers and frames.
 *
 * It shares the outbox, the counts and the life of its publisher.
 */
import type { Codec } from '../../src/avro/codec.js'
import { defaults } from '../../src/options/index.js'
import type { FrameGate, Outbox } from '../../src/socket/index.js'
import { type Intake, MessageSink, type Outgoing, type Sink } from '../../src/stream/index.js'
import { BatchWriter, type CutFrame, type Origin, type TopicNumbers } from '../../src/wire/index.js'
import { type Beaconed, unused } from './topic-beacons.js'
import { retainExtension } from './topics-wire.js'

/** The extensions of a frame with a retained value. */
const retained = Object.freeze({ [retainExtension]: Buffer.alloc(0) })

/** A topic to publish on: a sink, open as long as its publisher. */
export interface TopicPublisher<In> extends Sink<In> {
  /** The topic's name. */
  readonly name: string
  /** Whether any subscription is known that may match, at this moment. */
  readonly subscribed: boolean
  /**
   * Sends a message that is the value of the topic until the next one: subscribers that come later get it at once.
   *
   * Resolves as `send` does, and in order with it. The value is kept, with or without `history`, until another one is
   * retained or `clear` is called; it counts in `history.maxBytes`, and is given up last.
   *
   * Backpressure: waits for room, if the overflow policy is `block`.
   *
   * @param value - The message: a value of the schema..
   * @error RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL (policy `error`), RIVULET_CLOSED
   */
  retain(value: In): Promise<void>
  /**
   * Removes the retained value, also one that still waits for room: subscribers that come later get none.
   *
   * @throws RIVULET_CLOSED
   */
  clear(): void
}

/** Where a topic stands. */
export interface PublishedNumbers extends TopicNumbers {
  /** When its last frame with messages left, in milliseconds since 1970; 0 if that is not known. */
  time: number
}

/** What a topic is made of. */
interface TopicParts<In> {
  readonly name: string
  /** The name as on the wire. */
  readonly part: Buffer
  readonly codec: Codec<In, unknown>
  readonly origin: Origin
  /** Shared with the table of topics, which outlives this. */
  readonly numbers: PublishedNumbers
  readonly outgoing: Outgoing
  readonly outbox: () => Outbox
  readonly maxBatchMessages: number
  readonly maxMessageBytes: number
  readonly subscribed: () => boolean
  /** A frame leaves. */
  readonly used: (topic: PublishedTopic<never>) => void
  /** @throws RIVULET_CLOSED */
  readonly checkOpen: () => void
  readonly history: TopicHistory
  /** Returns what is to be called when a frame leaves, if links are fed. Default: none are. */
  readonly leaving?: Leaving | undefined
}

/** Takes a frame that is to leave; returns what is to be called when it does. */
export type Leaving = (
  part: Buffer,
  topic: string,
  codec: Pick<Codec<never, unknown>, 'schemaId' | 'text'>,
  bytes: Buffer,
  messages: number,
) => (() => void) | undefined

/** What is kept of the messages of topics. */
export interface TopicHistory {
  /** Whether anything is kept. */
  readonly isKept: boolean
  /** Keeps retained values from now on. */
  retain(): void
  /** Keeps a frame with messages; returns what it waits for before it may leave. */
  keep(topic: string, schemaText: string, frame: CutFrame): FrameGate | undefined
  /** Removes the retained value of a topic. */
  clear(topic: string): FrameGate | undefined
}

/** What beacons need of a topic; it outlives the sink. */
export interface TopicTail extends Beaconed {
  readonly name: string
  readonly part: Buffer
  readonly codec: Codec<never, unknown>
  readonly numbers: PublishedNumbers
  /** Whether a beacon waits in the outbox. */
  isWaiting: boolean
}

/** The implementation of `TopicPublisher`. */
export class PublishedTopic<In> extends MessageSink<In> implements TopicPublisher<In> {
  readonly name: string
  readonly schemaText: string
  readonly numbers: PublishedNumbers
  readonly tail: TopicTail
  readonly #writer: BatchWriter<In>
  readonly #isSubscribed: () => boolean
  readonly #part: Buffer
  readonly #outbox: () => Outbox
  readonly #history: TopicHistory
  readonly #leaving: Leaving | undefined
  readonly #checkOpen: () => void
  /** Takes messages that are to be retained. */
  readonly #retaining: Intake<In>
  /** Whether the topic may have a retained value; `undefined` as long as that is not known. */
  #hasRetained: boolean | undefined
  /** Calls of `retain` so far, and those of them whose values were cleared since. */
  #retains = 0
  #cleared = 0
  /** Frames without messages that wait to leave: they bring the schema to new subscribers. */
  #introductions = 0
  readonly #introductionLeaves = () => {
    this.#introductions -= 1
  }
  /** Whether one waits in the place of a frame that was dropped. */
  #isAnnouncedAgain = false
  readonly #announcementLeaves = () => {
    this.#introductions -= 1
    this.#isAnnouncedAgain = false
  }

  constructor(parts: TopicParts<In>) {
    const {
      name,
      part,
      codec,
      origin,
      numbers,
      outgoing,
      outbox,
      maxBatchMessages,
      maxMessageBytes,
      subscribed,
      used,
      checkOpen,
      history,
      leaving,
    } = parts
    // whatever still writes on the topic holds it, so that there is one writer at a time
    const holder: { topic?: PublishedTopic<never> } = {}
    const writer = new BatchWriter<In>({
      codec,
      origin,
      numbers,
      topic: part,
      frameBytes: defaults.frameBytes,
      maxBatchMessages,
      maxMessageBytes,
      // every subscriber gets every frame
      spread: () => 1,
      cut: (frame) => {
        const topic = holder.topic as PublishedTopic<never>
        used(topic)
        topic.#cut(frame)
      },
    })
    super(outgoing.intake(writer))
    this.#retaining = outgoing.intake<In, never>({
      count: 0,
      bytes: 0,
      append: (value) => {
        history.retain()
        const refusal = writer.appendAlone(value, retained)
        if (refusal === undefined) this.#hasRetained = true
        return refusal
      },
      flush() {},
    })
    this.#checkOpen = checkOpen
    this.#history = history
    this.#leaving = leaving
    this.tail = { name, part, codec: codec as Codec<never, unknown>, numbers, usedIn: unused, isWaiting: false }
    this.name = name
    this.schemaText = codec.text
    this.numbers = numbers
    holder.topic = this as unknown as PublishedTopic<never>
    this.#writer = writer
    this.#isSubscribed = subscribed
    this.#part = part
    this.#outbox = outbox
  }

  get subscribed(): boolean {
    return this.#isSubscribed()
  }

  retain(value: In): Promise<void> {
    this.#retains += 1
    const call = this.#retains
    return this.sendBy(() => {
      const refusal = this.#retaining.offer(value)
      // it has waited for room, and was cleared meanwhile
      if (refusal === undefined && call <= this.#cleared) this.#clear()
      return refusal
    })
  }

  clear(): void {
    this.#checkOpen()
    this.#cleared = this.#retains
    this.#clear()
  }

  #clear(): void {
    if (this.#hasRetained ?? this.#history.isKept) this.#writer.clear()
    this.#hasRetained = false
  }

  /** Tells a new subscriber the schema, with at most one frame that waits. */
  introduce(): void {
    this.#writer.introduce(1, false, this.#introductions)
  }

  #cut(frame: CutFrame): void {
    const { bytes, messages, header, announcement } = frame
    const part = this.#part
    const leaves = this.#leaving?.(part, this.name, this.tail.codec, bytes, messages)
    const out = { parts: [part, bytes], messages, bytes: part.length + bytes.length }
    if (messages > 0) {
      this.numbers.time = header.time as number
      const gate = this.#history.keep(this.name, this.schemaText, frame)
      const dropped = announcement && this.#announcesAgain(announcement, gate)
      this.#outbox().add({ leaves, dropped, gate, ...out })
    } else if (header.kind === 'tombstone') {
      this.#outbox().add({ leaves, gate: this.#history.clear(this.name), ...out })
    } else {
      this.#introductions += 1
      this.#outbox().add({ leaves: both(this.#introductionLeaves, leaves), ...out })
    }
  }

  /** What is done when a frame with the schema was dropped: what is left cannot be read without. */
  #announcesAgain(announcement: () => Buffer, gate: FrameGate | undefined): () => void {
    return () => {
      if (this.#isAnnouncedAgain) return
      this.#introductions += 1
      this.#isAnnouncedAgain = true
      const bytes = announcement()
      const parts = [this.#part, bytes]
      const size = this.#part.length + bytes.length
      this.#outbox().addFirst({ parts, messages: 0, bytes: size, leaves: this.#announcementLeaves, gate })
    }
  }
}

function both(one: () => void, other: (() => void) | undefined): () => void {
  if (other === undefined) return one
  return () => {
    one()
    other()
  }
}
