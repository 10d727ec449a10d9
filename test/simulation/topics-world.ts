/** What all parts of a run of topics share. */
import type { TopicsOracle } from './topics-oracle.js'
import type { TopicsPlan } from './topics-plan.js'
import type { TopicsRealm } from './topics-realm.js'
import type { TurnWorld } from './turn-process.js'

/** The world. */
export interface TopicsWorld extends TurnWorld {
  readonly oracle: TopicsOracle
  readonly plan: TopicsPlan
  /** Who may have and bring what, if anybody holds others to a policy. */
  readonly realm: TopicsRealm | undefined
  /** Gives each message its id. */
  nextId(): number
  /** When trouble may have its last effect, in milliseconds. */
  troubledUntil: number
  /** There is trouble, for so many milliseconds. */
  troubled(ms: number): void
}
