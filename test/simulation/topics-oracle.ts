/**
 * What topics with history promise, held against what each stream has shown.
 *
 * Of each source and topic: in order, no message twice, none invented; each missing one named once, with a reason that is true;
 * `live` once, behind the history; a cursor that names exactly what was delivered. What one stream may begin with is in
 * `topics-stream-truth.ts`.
 */
import type { TopicLog } from '../../patterns/pubsub/topic-log.js'
import { topicPart } from '../../patterns/pubsub/topic-name.js'
import { type CutFrame, openDataFrame } from '../../src/wire/index.js'
import { BrokenPromise } from './session-oracle.js'
import type { RunOracle } from './simulation-run.js'
import { idsIn } from './topics-notes.js'
import type { KeepingPlan } from './topics-plan.js'
import { SourceTruth } from './topics-truth.js'

/** The oracle. */
export class TopicsOracle implements RunOracle {
  broken: BrokenPromise | undefined
  readonly sources = new Map<string, SourceTruth>()
  delivered = 0
  gaps = 0
  repaired = 0

  fail(what: string): void {
    this.broken ??= new BrokenPromise(what)
  }

  source(id: string): SourceTruth {
    const known = this.sources.get(id)
    if (known) return known
    this.fail(`nobody is ${id}`)
    return new SourceTruth(id, { keeping: 'nowhere', maxMessages: 0 })
  }

  /** A publisher begins a life: as the source that it was, or as a new one. */
  opened(id: string, log: () => TopicLog | undefined, position: number, plan: KeepingPlan): void {
    let source = this.sources.get(id)
    if (!source) {
      source = new SourceTruth(id, plan)
      this.sources.set(id, source)
    }
    source.opened(log, position)
    const taken = source.takeBack(position)
    if (taken !== undefined) this.fail(`${id} takes back ${taken}`)
  }

  /** A publisher crashes. */
  crashed(id: string): void {
    const source = this.source(id)
    if (source.keeping !== 'disk') source.isThere = false
  }

  /** A frame with messages was cut. */
  published(topic: string, { bytes, header }: CutFrame): void {
    const { position, sequence, time, extensions } = header
    const source = this.source((header.source as Buffer).toString('hex'))
    const messages = source.topics.get(topic) ?? []
    source.topics.set(topic, messages)
    if (sequence !== messages.length + 1)
      this.fail(`${topic} continues with ${sequence} behind ${messages.length} of ${source.id}`)
    const isRetained = extensions !== undefined
    for (const [at, id] of idsIn(openDataFrame(bytes, topicPart(topic), 1_000_000)).entries()) {
      source.position = position + at
      messages.push({ id, position: position + at, time, isRetained, isSeen: false })
    }
  }
}
