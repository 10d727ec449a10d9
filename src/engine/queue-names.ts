/**
 * The queues of an engine by name: those on disk, those that were declared, and the dead letters of each.
 *
 * A queue has a number, which is what its keys begin with; the record of its name is all that says which.
 */
import { defaults, invalidOption } from '../options/index.js'
import type { QueueSettings } from './engine.js'
import type { EngineStore } from './ports.js'
import { Queue, type QueueOwner } from './queue.js'
import { queueOf, table } from './tables.js'

const { deadSuffix } = defaults

/** The longest name, in characters. */
const maxNameChars = 200

/** How a queue is treated that was never declared. */
export const defaultSettings: QueueSettings = Object.freeze({
  maxAttempts: defaults.maxAttempts,
  leaseMs: defaults.leaseMs,
  backoff: Object.freeze({
    initialMs: defaults.backoffInitialMs,
    factor: defaults.backoffFactor,
    maxMs: defaults.backoffMaxMs,
  }),
  maxLength: defaults.maxLength,
  maxBytes: defaults.maxQueueBytes,
  maxAgeMs: defaults.maxAgeMs,
  overflow: defaults.queueOverflow,
  dedupeMs: defaults.dedupeMs,
  keyOrder: defaults.keyOrder,
  unreadable: defaults.unreadable,
})

/** The queues of an engine. */
export class QueueNames {
  readonly #owner: QueueOwner
  readonly #queues = new Map<string, Queue>()
  /** Names that were declared, and not only follow from another one. */
  readonly #declared = new Set<string>()
  #next = 1

  constructor(owner: QueueOwner & { readonly store: EngineStore }) {
    this.#owner = owner
  }

  get all(): Iterable<Queue> {
    return this.#queues.values()
  }

  /** When any queue was last written, in milliseconds since 1970; 0 if none ever was. */
  get lastWrite(): number {
    let time = 0
    for (const { writtenAt } of this.all) time = Math.max(time, writtenAt)
    return time
  }

  has(name: string): boolean {
    return this.#queues.has(name)
  }

  /**
   * The queue of a name.
   *
   * @throws RIVULET_INVALID_OPTION
   */
  get(name: string): Queue {
    const queue = this.#queues.get(name)
    if (!queue) throw invalidOption('engine', 'queue', 'a queue that was declared', name)
    return queue
  }

  deadOf({ name }: Queue): Queue | undefined {
    return name.endsWith(deadSuffix) ? undefined : this.#queues.get(name + deadSuffix)
  }

  /** Reads the queues that are on disk; those whose names are lost get others. */
  load(now: number): void {
    const { store } = this.#owner
    const found = new Set<number>()
    for (const which of [table.name, table.state]) {
      for (const { key, value, damaged } of store.range(Buffer.of(which), Buffer.of(which + 1))) {
        const number = queueOf(key)
        const isNamed = which === table.name && !damaged
        if (found.has(number) || !(which === table.state || isNamed)) continue
        found.add(number)
        const name = isNamed ? Buffer.from(value).toString() : `recovered-${number}`
        this.#make(number, name, settingsFor(name, defaultSettings))
      }
    }
    for (const queue of this.#queues.values()) queue.load(now)
  }

  /** Makes a queue and its dead letters, as far as they are not there, and gives those that it made. */
  declare(name: string, settings: QueueSettings, now: number): Queue[] {
    if (!isName(name))
      throw invalidOption('declare', 'queue', `a name of 1 to ${maxNameChars} visible characters`, name)
    const made: Queue[] = []
    const ensure = (wanted: string, how: QueueSettings) => {
      const queue = this.#queues.get(wanted)
      if (queue) queue.treat(how)
      else made.push(this.#make(this.#next, wanted, how))
    }
    ensure(name, settingsFor(name, settings))
    this.#declared.add(name)
    const dead = name + deadSuffix
    if (!name.endsWith(deadSuffix) && !this.#declared.has(dead)) ensure(dead, settingsFor(dead, settings))
    for (const queue of made) queue.load(now)
    return made
  }

  #make(number: number, name: string, settings: QueueSettings): Queue {
    const queue = new Queue(number, name, settings, this.#owner)
    this.#queues.set(name, queue)
    this.#next = Math.max(this.#next, number + 1)
    return queue
  }
}

/** Dead letters are not bounded, do not grow old, and are not given up. */
function settingsFor(name: string, settings: QueueSettings): QueueSettings {
  if (!name.endsWith(deadSuffix)) return settings
  const { leaseMs, backoff, dedupeMs } = settings
  return { ...defaultSettings, maxAttempts: Number.POSITIVE_INFINITY, leaseMs, backoff, dedupeMs }
}

function isName(name: string): boolean {
  return name.length > 0 && name.length <= maxNameChars && !/[\p{C}\s]/u.test(name)
}
