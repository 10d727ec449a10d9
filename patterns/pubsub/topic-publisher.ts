/**
 * One topic of a publisher: a sink with its own schema, numbers and frames.
 *
 * It shares the outbox, the counts and the life of its publisher.
 */
import type { Codec } from '../../src/avro/codec.js'
import { defaults } from '../../src/options/index.js'
import type { Outbox } from '../../src/socket/index.js'
import { MessageSink, type Outgoing, type Sink } from '../../src/stream/index.js'
import { BatchWriter, type CutFrame, type Origin, type TopicNumbers } from '../../src/wire/index.js'

/** A topic to publish on: a sink, open as long as its publisher. */
export interface TopicPublisher<In> extends Sink<In> {
  /** The topic's name. */
  readonly name: string
  /** Whether any subscription is known that may match, at this moment. */
  readonly subscribed: boolean
}

/** What a topic is made of. */
interface TopicParts<In> {
  readonly name: string
  /** The name as on the wire. */
  readonly part: Buffer
  readonly codec: Codec<In, unknown>
  readonly origin: Origin
  /** Shared with the table of topics, which outlives this. */
  readonly numbers: TopicNumbers
  readonly outgoing: Outgoing
  readonly outbox: () => Outbox
  readonly maxBatchMessages: number
  readonly maxMessageBytes: number
  readonly subscribed: () => boolean
  /** A frame leaves. */
  readonly used: (topic: PublishedTopic<never>) => void
}

/** The implementation of `TopicPublisher`. */
export class PublishedTopic<In> extends MessageSink<In> implements TopicPublisher<In> {
  readonly name: string
  readonly schemaText: string
  readonly numbers: TopicNumbers
  readonly #writer: BatchWriter<In>
  readonly #isSubscribed: () => boolean
  readonly #part: Buffer
  readonly #outbox: () => Outbox
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

  /** Tells a new subscriber the schema, with at most one frame that waits. */
  introduce(): void {
    this.#writer.introduce(1, false, this.#introductions)
  }

  #cut({ bytes, messages, announcement }: CutFrame): void {
    const isIntroduction = messages === 0
    if (isIntroduction) this.#introductions += 1
    const dropped = isIntroduction ? undefined : announcement && this.#announcesAgain(announcement)
    const leaves = isIntroduction ? this.#introductionLeaves : undefined
    const part = this.#part
    this.#outbox().add({ parts: [part, bytes], messages, bytes: part.length + bytes.length, dropped, leaves })
  }

  /** What is done when a frame with the schema was dropped: what is left cannot be read without. */
  #announcesAgain(announcement: () => Buffer): () => void {
    return () => {
      if (this.#isAnnouncedAgain) return
      this.#introductions += 1
      this.#isAnnouncedAgain = true
      const bytes = announcement()
      const parts = [this.#part, bytes]
      const size = this.#part.length + bytes.length
      this.#outbox().addFirst({ parts, messages: 0, bytes: size, leaves: this.#announcementLeaves })
    }
  }
}
