/** Frames for logs: as a publisher numbers them, and what a replay says of them. */
import type { LoggedFrame, LogPart, LogReplay, TopicEnd, TopicLog } from '../../patterns/pubsub/topic-log.js'

const schemaId = Buffer.alloc(16, 7)

/** A source of frames, with the numbers of a publisher. */
export class FrameSource {
  position: number
  readonly #numbers = new Map<string, number>()

  /** Continues where topics have ended. */
  constructor(ends: Iterable<TopicEnd> = [], position = 0) {
    this.position = position
    for (const { topic, sequence } of ends) this.#numbers.set(topic, sequence)
  }

  /** The next frame of a topic. Its bytes say what it is, and so many more. */
  frame(topic: string, count = 1, more: Partial<LoggedFrame> & { readonly size?: number } = {}): LoggedFrame {
    const { size = 0, ...fields } = more
    const sequence = (this.#numbers.get(topic) ?? 0) + 1
    const position = this.position + 1
    this.#numbers.set(topic, sequence + count - 1)
    this.position += count
    const bytes = Buffer.from(`${topic}:${sequence}+${count}@${position};${'.'.repeat(size)}`)
    return {
      topic,
      bytes,
      position,
      sequence,
      count,
      time: 0,
      schemaId,
      schemaText: '"int"',
      isRetained: false,
      ...fields,
    }
  }
}

/** Appends frames one after the other. */
export async function append(log: TopicLog, ...frames: LoggedFrame[]): Promise<void> {
  await Promise.all(frames.map((frame) => log.append(frame)))
}

/** The parts of a replay from here on. */
export function partsOf(replay: LogReplay, bytes = 1): LogPart[] {
  const parts: LogPart[] = []
  for (let part = replay.take(bytes); part !== undefined; part = replay.take(bytes)) parts.push(part)
  return parts
}

/** A part as texts: what was given up, then frames, each as `topic:number+count@position`. */
export function textsOf({ expired, frames }: Pick<LogPart, 'expired' | 'frames'>): string[] {
  return [
    ...expired.map(({ topic, sequence, position }) => `${topic} to ${sequence}@${position}`),
    ...frames.map(({ frame }) => Buffer.from(frame).toString().split(';')[0] as string),
  ]
}

/** What a replay says from here on, as texts. */
export function said(replay: LogReplay, bytes = 1): string[] {
  return partsOf(replay, bytes).flatMap(textsOf)
}
