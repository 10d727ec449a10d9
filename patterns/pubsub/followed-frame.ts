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
