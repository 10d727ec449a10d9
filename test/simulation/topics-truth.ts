/** What one publisher of a simulation has published, as it was: against this, everything that arrives is held. */
import type { TopicLog } from '../../patterns/pubsub/topic-log.js'
import { topicPart } from '../../patterns/pubsub/topic-name.js'
import { openDataFrame } from '../../src/wire/index.js'
import type { Keeping, KeepingPlan } from './topics-plan.js'

/** One message. */
export interface TrueMessage {
  readonly id: number
  readonly position: number
  /** When its frame left, by the wall clock of the publisher. */
  readonly time: number
  readonly isRetained: boolean
  /** Whether somebody has got it. */
  isSeen: boolean
}

/** Stands for the prefixes of a request that came before the subscriptions of its connection. */
const early = '\0'

/** The messages of one source. */
export class SourceTruth {
  readonly id: string
  readonly keeping: Keeping
  /** Whether it gives up nothing that it keeps. */
  readonly keepsAll: boolean
  /** The log of its last life, which may begin with a retained value. */
  #log: () => TopicLog | undefined = () => undefined
  /** Whether its publisher is there, or comes back as the same source. */
  isThere = true
  readonly topics = new Map<string, TrueMessage[]>()
  /** The position of its last message. */
  position = 0
  /** Everything up to here was flushed: no crash takes it back. */
  flushedUpTo = 0
  /** Of topics whose retained value was removed: their messages then. */
  readonly #cleared = new Map<string, number>()
  /** By inbox and prefix: where it stood when it was first asked with that subscription in force. */
  readonly #served = new Map<string, number>()

  constructor(id: string, { keeping, maxMessages }: KeepingPlan) {
    this.id = id
    this.keeping = keeping
    this.keepsAll = keeping !== 'nowhere' && maxMessages === Number.POSITIVE_INFINITY
  }

  get log(): TopicLog | undefined {
    return this.#log()
  }

  /** Whether it keeps more than retained values. */
  get keepsMessages(): boolean {
    return this.keeping !== 'nowhere'
  }

  /** It begins a life. */
  opened(log: () => TopicLog | undefined, position: number): void {
    this.#log = log
    this.position = position
  }

  /**
   * It is asked over a connection with these subscriptions.
   *
   * A request that waited for its connection goes before the subscriptions: if its answer comes before the subscriber knows of the
   * connection, it is taken for one that covers them.
   */
  requested(inbox: string, prefixes: Iterable<string>): void {
    const inForce = [...prefixes]
    for (const prefix of inForce.includes(inbox) ? inForce : [early]) {
      const key = `${inbox} ${prefix}`
      this.#served.set(key, Math.min(this.#served.get(key) ?? Number.POSITIVE_INFINITY, this.position))
    }
  }

  /** Whether it may say that it serves a subscription since a position. */
  mayServe(inbox: string, prefix: string, position: number): boolean {
    return [prefix, early].some((one) => {
      const first = this.#served.get(`${inbox} ${one}`)
      return first !== undefined && first <= position && position <= this.position
    })
  }

  /** The retained value of a topic is removed. */
  cleared(topic: string): void {
    this.#cleared.set(topic, this.count(topic))
  }

  /** The topics whose retained values were removed, with the numbers that were reached then, as far as that outlives a crash. */
  removed(): ReadonlyMap<string, number> {
    return new Map(this.keeping === 'disk' ? [] : this.#cleared)
  }

  /** The number of the retained value of a topic; 0 if it has none. */
  retained(topic: string): number {
    const number = (this.topics.get(topic)?.findLastIndex(({ isRetained }) => isRetained) ?? -1) + 1
    return number > (this.#cleared.get(topic) ?? 0) ? number : 0
  }

  /** Messages of a topic. */
  count(topic: string): number {
    return this.topics.get(topic)?.length ?? 0
  }

  /** The number of the last message of a topic up to a position; 0 if there is none. */
  numberAt(topic: string, position: number): number {
    const messages = this.topics.get(topic) ?? []
    let low = 0
    let high = messages.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((messages[middle] as TrueMessage).position <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  message(topic: string, number: number): TrueMessage | undefined {
    return this.topics.get(topic)?.[number - 1]
  }

  /** A crash takes messages behind a position back; returns one that somebody has got. */
  takeBack(position: number): string | undefined {
    if (position < this.flushedUpTo) return `what was flushed up to ${this.flushedUpTo}`
    for (const [topic, messages] of this.topics) {
      const left = this.numberAt(topic, position)
      for (const [at, { isSeen }] of messages.splice(left).entries())
        if (isSeen) return `${topic} ${left + at + 1}, which somebody has got`
    }
    return undefined
  }

  /** Whether its log has any of some messages. */
  keeps(topic: string, from: number, to: number): boolean {
    const first = this.message(topic, from)
    const last = this.message(topic, to)
    const { log } = this
    if (log === undefined || first === undefined || last === undefined) return false
    const replay = log.replay([{ pattern: topic, after: first.position - 1, upTo: last.position }])
    const part = topicPart(topic)
    for (let taken = replay.take(1_000_000); taken !== undefined; taken = replay.take(1_000_000)) {
      for (const { frame } of taken.frames) {
        const { sequence, count } = openDataFrame(frame as Buffer, part, 1_000_000).header
        if (sequence <= to && sequence + count > from) return true
      }
    }
    return false
  }
}
