/**
 * The order of messages of one key, as an onlooker sees it: each has its turn when the one before it is gone.
 */
import type { QueueSettings } from '../../src/engine/index.js'
import type { Known } from './queue-messages.js'

/** When a message has its turn: the time from which it is ready, by the clock of the host, and its position. */
interface Turn {
  readonly ready: number
  readonly position: number
}

/** The messages that have their turn. */
export class KeyTurns {
  readonly #settings: QueueSettings
  /** Of each key, the message that was delivered and is not settled, and the last turn that was begun. */
  readonly #holders = new Map<string, Known>()
  readonly #begun = new Map<string, Turn>()

  constructor(settings: QueueSettings) {
    this.#settings = settings
  }

  /** A message is dealt out, for the first time or again; returns which promise that breaks, `undefined` if none. */
  begin(message: Known, turn: Turn, isNew: boolean): string | undefined {
    const { key } = message
    if (key === undefined || !this.#settings.keyOrder) return undefined
    const holder = this.#holders.get(key)
    if (holder && holder !== message) {
      const mayBeOver = holder.maybeGone || holder.maybeDead || holder.mayGo
      const isOver = mayBeOver || holder.attempt + holder.hidden >= this.#settings.maxAttempts
      if (!isOver) return `${message.text} was delivered while ${holder.text} has the key ${key}`
    }
    this.#holders.set(key, message)
    if (message.lease !== 0 && !isNew) return undefined
    const begun = this.#begun.get(key)
    if (begun && isBefore(turn, begun)) {
      return `${message.text} of ${turn.ready} was delivered after one of ${begun.ready} of its key`
    }
    this.#begun.set(key, turn)
    return undefined
  }

  /** A message is gone. */
  release(message: Known): void {
    if (message.key !== undefined && this.#holders.get(message.key) === message) this.#holders.delete(message.key)
  }

  /** The host has crashed: leases may be stored of which nobody has heard. */
  crashed(): void {
    for (const message of this.#holders.values()) message.hidden += 1
  }
}

function isBefore(one: Turn, other: Turn): boolean {
  return one.ready < other.ready || (one.ready === other.ready && one.position < other.position)
}
