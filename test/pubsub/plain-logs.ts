/** The plainest logs that keep the contract of `topic-log.ts`: everything in a list, given up by hand. */
import type { LoggedFrame, LogPart, LogReplay, TopicEnd, TopicLog } from '../../patterns/pubsub/topic-log.js'
import { topicPattern } from '../../patterns/pubsub/topic-name.js'
import type { Head, Range } from '../../patterns/pubsub/topics-wire.js'
import { openDataFrame } from '../../src/wire/index.js'

/** One log. */
export class PlainLog implements TopicLog {
  readonly source: string
  readonly frames: LoggedFrame[] = []
  position = 0
  /** How many parts were taken. */
  parts = 0

  constructor(source = '0123456789abcdef') {
    this.source = source
  }

  append(frame: LoggedFrame): undefined {
    this.frames.push(frame)
    this.position = frame.position + frame.count - 1
  }

  insert(): undefined {}

  retain(): undefined {}

  clear(): undefined {}

  replay(ranges: readonly Range[]): LogReplay {
    const wanted = this.frames.filter(({ topic, position, count }) =>
      ranges.some(
        ({ pattern, after = 0, upTo = 0 }) =>
          topicPattern(pattern).matches(topic.split('.')) &&
          position + count - 1 > after &&
          (upTo === 0 || position <= upTo),
      ),
    )
    const told = new Set<string>()
    let at = 0
    return {
      take: (bytes): LogPart | undefined => {
        if (at === wanted.length) return undefined
        this.parts += 1
        const taken: LoggedFrame[] = []
        for (let size = 0; at < wanted.length && size < bytes; at++) {
          const frame = wanted[at] as LoggedFrame
          taken.push(frame)
          size += frame.bytes.length
        }
        const fresh = taken.filter(({ schemaText }) => !told.has(schemaText) && told.add(schemaText))
        const last = taken.at(-1) as LoggedFrame
        return {
          schemas: fresh.map(({ schemaId, schemaText: text }) => ({ schemaId, text })),
          expired: [],
          frames: taken.map(({ topic, bytes: frame }) => ({ topic, frame })),
          position: last.position + last.count - 1,
        }
      },
    }
  }

  *heads(patterns: readonly string[], after: number): Iterable<Head> {
    for (const { topic, sequence, position } of this.ends()) {
      const fits = patterns.some((pattern) => topicPattern(pattern).matches(topic.split('.')))
      if (fits && position > after) yield { topic, next: sequence + 1, previous: position }
    }
  }

  *ends(): Iterable<TopicEnd> {
    const last = new Map(this.frames.map((frame) => [frame.topic, frame]))
    for (const [topic, { schemaText, sequence, position, count }] of last) {
      yield { topic, schemaText, sequence: sequence + count - 1, position: position + count - 1 }
    }
  }
}

/** A frame of nothing but its place, for logs that open none. */
export function placedFrame(topic: string, position: number, sequence: number, bytes: Buffer, count = 1): LoggedFrame {
  const schemaId = Buffer.alloc(16, 1)
  return { topic, bytes, position, sequence, count, time: 0, schemaId, schemaText: '"int"', isRetained: false }
}

/** Opens a frame of a replay. */
export function replayed({ topic, frame }: { topic: string; frame: Uint8Array }) {
  const { header } = openDataFrame(Buffer.from(frame), Buffer.from(`${topic}.`), 1 << 24)
  return { topic, kind: header.kind, position: header.position, sequence: header.sequence, count: header.count }
}
