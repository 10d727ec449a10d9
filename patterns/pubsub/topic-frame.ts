/** A frame of a topic, with the parts that were read already. */
import type { DataFrame } from '../../src/wire/index.js'
import type { FollowedFrame } from './followed-frame.js'

/** A frame of a topic. */
export interface TopicFrame extends FollowedFrame {
  readonly frame: DataFrame
  readonly writerText: string
  readonly publisher: string
}

/** Puts together what is known of a frame. */
export function topicFrame(frame: DataFrame, writerText: string, topic: string): TopicFrame {
  const { header, bytes } = frame
  return {
    frame,
    writerText,
    topic,
    publisher: (header.source as Buffer).toString('hex'),
    place: header,
    bytes: bytes.length,
  }
}
