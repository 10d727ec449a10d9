/**
 * A consumer as its queue sees it: what it may still be given, and how to reach it.
 *
 * What it says goes through the engine; this is only what is remembered of it.
 */
import type { ConsumerPorts } from './engine.js'
import { schemaIdName, valuesName } from './schema-texts.js'

/** Names that are remembered of what a consumer cannot read. */
const maxUnreadable = 4096

/** Whether one of some consumers can read a schema, by the name of its schema id. */
export function isReadable(consumers: Iterable<Consumer>, name: string): boolean {
  for (const { unreadable } of consumers) if (!unreadable.has(name)) return true
  return false
}

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
  /** The schemas that it cannot read, and those of which it cannot read some values, by name. */
  readonly unreadable = new Set<string>()

  constructor(name: string, ports: ConsumerPorts) {
    this.name = name
    this.ports = ports
  }

  /** It cannot read a schema. */
  cannotRead(schemaId: Uint8Array): void {
    this.unreadable.add(schemaIdName(schemaId)).add(valuesName(schemaId))
  }

  /** It cannot read some values of a schema; tells whether that is remembered. */
  cannotReadValues(schemaId: Uint8Array): boolean {
    const name = valuesName(schemaId)
    if (this.unreadable.size >= maxUnreadable && !this.unreadable.has(name)) return false
    this.unreadable.add(name)
    return true
  }

  /** Whether it can read messages of a schema, as far as it has said; those of which the schema is not known, it may. */
  canRead(schemaId: Uint8Array | undefined): boolean {
    return this.unreadable.size === 0 || schemaId === undefined || !this.unreadable.has(schemaIdName(schemaId))
  }
}
