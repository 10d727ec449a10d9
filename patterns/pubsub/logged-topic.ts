/**
 * One topic of a log: where its frames are, where it ended, what was given up, and its retained value.
 */
import { PositionList } from './position-list.js'

/** What a topic takes beside its name, in bytes. */
export const topicCost = 400

/** What a retained value takes beside its frame, in bytes. */
export const retainedCost = 200

/** A message by its number on the topic, and its position in the log. */
export interface MessagePlace {
  readonly sequence: number
  readonly position: number
}

/** The retained value of a topic. */
export interface RetainedValue extends MessagePlace {
  readonly topic: LoggedTopic
  /** The frame; `undefined` if it is kept elsewhere. */
  readonly bytes: Buffer | undefined
  readonly length: number
  readonly time: number
  readonly schema: number
}

/** One topic. */
export class LoggedTopic {
  readonly name: string
  readonly key: number
  /** Where its frames are, by the position of their first message. */
  readonly frames = new PositionList()
  /** The schema of its last frame. */
  schema: number
  /** The last message; 0 if there is none. */
  sequence = 0
  position = 0
  /** The last message that was given up, and when its frame left; 0 if none was. */
  expiredSequence = 0
  expiredPosition = 0
  expiredTime = 0
  retained: RetainedValue | undefined
  #words: readonly string[] | undefined

  constructor(name: string, key: number, schema: number) {
    this.name = name
    this.key = key
    this.schema = schema
  }

  /** The words of its name. */
  get words(): readonly string[] {
    this.#words ??= this.name.split('.')
    return this.#words
  }
}
