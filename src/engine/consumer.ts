/**
 * A consumer as its queue sees it: what it may still be given, and how to reach it.
 *
 * What it says goes through the engine; this is only what is remembered of it.
 */
import type { ConsumerPorts } from './engine.js'

/** A consumer that is attached, or was. */
export class Consumer {
  readonly name: string
  readonly ports: ConsumerPorts
  /** Messages that it may still be given. */
  credit = 0
  /** Messages that it has and has not settled. */
  outstanding = 0
  isAttached = true
  /** Whether it is attached and what is dealt to it would not reach it. */
  isSuspended = false
  /** When a lease of it lapsed while it was silent; `undefined` if it was heard of since. */
  silentAt: number | undefined

  constructor(name: string, ports: ConsumerPorts) {
    this.name = name
    this.ports = ports
  }
}
