/** A frame as followers see it: a topic, and a place among its messages. */

/** What a frame says of its place. */
export interface Place {
  /** The position of its first message over all topics. */
  readonly position: number
  /** The number of its first message on the topic. */
  readonly sequence: number
  /** The position of the message before it on the topic; 0 if there is none. */
  readonly previous: number
  readonly count: number
}

/** A frame of a topic. */
export interface FollowedFrame {
  readonly topic: string
  readonly place: Place
  /** Its size. */
  readonly bytes: number
}

/** A frame without messages, which says where its topic stands. */
export function beacon(topic: string, next: number, previous: number): FollowedFrame {
  return { topic, place: { position: previous + 1, sequence: next, previous, count: 0 }, bytes: 0 }
}

/** The position of the last message that a frame proves. */
export function endOf({ position, previous, count }: Place): number {
  return count > 0 ? position + count - 1 : previous
}
