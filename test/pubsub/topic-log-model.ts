/**
 * The expected contents and replays of a log, from a list of all frames that it was ever given.
 *
 * It is slow and simple: bounds take the first of the list, and a replay looks at every frame each time.
 */
import type { LoggedFrame, LogPart } from '../../patterns/pubsub/topic-log.js'
import { topicPattern } from '../../patterns/pubsub/topic-name.js'
import type { Range } from '../../patterns/pubsub/topics-wire.js'

interface Entry {
  readonly frame: LoggedFrame
  isKept: boolean
}

/** The bounds of a model. */
export interface ModelBounds {
  readonly maxMessages: number
  readonly maxAgeMs: number
}

/** A log of one source. */
export class LogModel {
  readonly #bounds: ModelBounds
  /** By position. */
  readonly entries: Entry[] = []
  readonly retained = new Map<string, LoggedFrame>()
  readonly replays = new Set<ReplayModel>()
  expired = 0

  constructor(bounds: ModelBounds) {
    this.#bounds = bounds
  }

  get kept(): Entry[] {
    return this.entries.filter(({ isKept }) => isKept)
  }

  get position(): number {
    return this.entries.reduce((position, { frame }) => Math.max(position, lastOf(frame)), 0)
  }

  add(frame: LoggedFrame, now: number): void {
    const isGivenUpBehind = this.entries.some((entry) => !entry.isKept && entry.frame.position > frame.position)
    if (isGivenUpBehind || this.entries.some((entry) => entry.frame.position === frame.position)) return
    this.entries.push({ frame, isKept: true })
    this.entries.sort((one, other) => one.frame.position - other.frame.position)
    if (frame.isRetained && frame.position > (this.retained.get(frame.topic)?.position ?? 0)) {
      this.retained.set(frame.topic, frame)
    }
    this.refresh(now)
  }

  refresh(now: number): void {
    for (;;) {
      const [first] = this.kept
      const messages = this.kept.reduce((sum, { frame }) => sum + frame.count, 0)
      if (first === undefined) return
      if (messages <= this.#bounds.maxMessages && first.frame.time >= now - this.#bounds.maxAgeMs) return
      first.isKept = false
      this.expired += first.frame.count
      for (const replay of this.replays) replay.givenUp(first.frame)
    }
  }

  /** The last message of a topic up to a position: its number, and its position. */
  end(topic: string, upTo = Number.POSITIVE_INFINITY): { sequence: number; position: number } {
    let end = { sequence: 0, position: 0 }
    for (const { frame } of this.entries) {
      if (frame.topic !== topic || frame.position > upTo) continue
      const position = Math.min(upTo, lastOf(frame))
      end = { sequence: frame.sequence + position - frame.position, position }
    }
    return end
  }

  get topics(): string[] {
    return [...new Set(this.entries.map(({ frame }) => frame.topic))]
  }
}

/** A range, and the first number of each topic that `last` asks for. */
interface AskedRange {
  readonly pattern: string
  readonly after: number
  readonly upTo: number
  readonly last: number
  readonly since: Date | null
  readonly retained: boolean
  readonly minSequence: ReadonlyMap<string, number>
}

/** One replay: checks each part. */
export class ReplayModel {
  readonly #log: LogModel
  readonly #ranges: readonly AskedRange[]
  readonly #begun: number
  /** Messages that were asked for and given up, and are not reported yet: positions by topic. */
  readonly #outstanding = new Map<string, number[]>()
  #given = 0
  #covered: number
  /** What is wrong, if anything is. */
  readonly faults: string[] = []

  constructor(log: LogModel, ranges: readonly Range[]) {
    this.#log = log
    this.#begun = log.position
    this.#ranges = ranges.map(({ pattern, after = 0, upTo = 0, last = 0, since = null, retained = false }) => {
      const end = upTo > 0 ? upTo : Number.POSITIVE_INFINITY
      const minSequence = new Map(
        log.topics.map((topic) => [topic, log.end(topic, Math.min(end, this.#begun)).sequence - last + 1] as const),
      )
      return { pattern, after, upTo: end, last, since, retained, minSequence }
    })
    this.#covered = Math.min(...this.#ranges.map(({ after, upTo }) => Math.min(after, upTo)))
    for (const { frame, isKept } of log.entries) if (!isKept) this.givenUp(frame)
    log.replays.add(this)
  }

  /** A frame is given up. */
  givenUp(frame: LoggedFrame): void {
    if (frame.position <= this.#given) return
    const asked = this.#asked(frame).filter((position) => position > this.#covered)
    if (asked.length === 0) return
    this.#outstanding.set(frame.topic, [...(this.#outstanding.get(frame.topic) ?? []), ...asked])
  }

  /** Checks a part, or the end; the log was refreshed. */
  check(part: LogPart | undefined): void {
    for (const expired of part?.expired ?? []) this.#checkExpired(expired)
    for (const { frame } of part?.frames ?? []) this.#checkFrame(Buffer.from(frame).toString())
    if (part === undefined) {
      for (const [topic, positions] of this.#outstanding) {
        if (positions.length > 0) this.faults.push(`never reported: ${topic} ${positions}`)
      }
      const [next] = this.#next()
      if (next) this.faults.push(`ended before ${next.position}`)
      this.#covered = Math.max(this.#covered, Math.min(this.#end, this.#log.position))
    } else {
      if (part.position < this.#covered) this.faults.push(`position ${part.position} after ${this.#covered}`)
      const [next] = this.#next()
      if (next && next.position <= part.position)
        this.faults.push(`covers ${part.position}, and ${next.position} is left`)
      this.#covered = Math.max(this.#covered, part.position)
    }
  }

  get #end(): number {
    return Math.max(...this.#ranges.map(({ upTo }) => upTo))
  }

  #checkExpired({ topic, sequence, position }: LogPart['expired'][number]): void {
    const entry = this.#log.entries.find(({ frame }) => frame.topic === topic && lastOf(frame) === position)
    if (!entry || entry.isKept || entry.frame.sequence + entry.frame.count - 1 !== sequence) {
      this.faults.push(`no message that was given up: ${topic} ${sequence} at ${position}`)
    }
    const outstanding = this.#outstanding.get(topic) ?? []
    const left = outstanding.filter((other) => other > position)
    // behind what was asked for, it need not be known what was given up before
    const isBehind = this.#ranges.some(({ upTo }) => position > upTo)
    if (left.length === outstanding.length && !isBehind)
      this.faults.push(`reported without a reason: ${topic} to ${position}`)
    this.#outstanding.set(topic, left)
  }

  #checkFrame(text: string): void {
    const [next] = this.#next()
    const position = Number(text.slice(text.indexOf('@') + 1, text.indexOf(';')))
    if (next?.position !== position)
      this.faults.push(`${text} instead of ${next?.topic} at ${next?.position} for ${JSON.stringify(this.#ranges)}`)
    const before = this.#outstanding.get(next?.topic ?? '')?.filter((other) => other < position) ?? []
    if (before.length > 0) this.faults.push(`${text} before ${before} are reported`)
    this.#given = position
  }

  /** Frames that fit and were not given out, by position. */
  #next(): LoggedFrame[] {
    const kept = this.#log.kept.map(({ frame }) => frame).filter((frame) => this.#asked(frame).length > 0)
    const retained = [...this.#log.retained.values()].filter((frame) => this.#isAskedRetained(frame))
    return [...kept, ...retained]
      .filter((frame) => frame.position > this.#given && lastOf(frame) > this.#covered)
      .sort((one, other) => one.position - other.position)
  }

  #asked(frame: LoggedFrame): number[] {
    const positions = Array.from({ length: frame.count }, (_, at) => frame.position + at)
    return positions.filter((position) => {
      return this.#ranges.some(({ pattern, after, upTo, last, since, retained, minSequence }) => {
        if (retained || !fits(pattern, frame.topic) || position <= after || position > upTo) return false
        if (since && frame.time < since.getTime()) return false
        const from = last > 0 ? (minSequence.get(frame.topic) ?? 0) : 0
        return frame.sequence + position - frame.position >= from
      })
    })
  }

  #isAskedRetained({ topic, position, time }: LoggedFrame): boolean {
    return this.#ranges.some(({ pattern, after, upTo, since, retained }) => {
      if (!retained || !fits(pattern, topic) || position <= after) return false
      return position <= Math.min(upTo, this.#begun) && (!since || time >= since.getTime())
    })
  }
}

function fits(pattern: string, topic: string): boolean {
  return topicPattern(pattern).matches(topic.split('.'))
}

function lastOf({ position, count }: LoggedFrame): number {
  return position + count - 1
}
