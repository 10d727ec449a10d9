/**
 * Texts of the schemas that messages were written with, for all queues, and the hashes that name them.
 *
 * An engine does not read them: it keeps them for consumers.
 */

import type { EngineStore } from './ports.js'
import { nameKey, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** Schemas that are remembered; of others the store is asked, so that nobody can fill the memory with names. */
const maxRemembered = 256

/** A hash, once in memory while it is remembered, so that messages share it. */
interface Meaning {
  readonly bytes: Uint8Array
  text: string | undefined
}

/** The schemas of an engine. */
export class SchemaTexts {
  readonly #store: EngineStore
  readonly #meanings = new Map<string, Meaning>()
  #last: Meaning | undefined

  constructor(store: EngineStore) {
    this.#store = store
  }

  /** An array with the same bytes that others share. */
  readonly intern = (schemaId: Uint8Array): Uint8Array => this.#find(schemaId).bytes

  /** The text of a schema, also of one that is being stored. */
  text(schemaId: Uint8Array): string | undefined {
    const found = this.#find(schemaId)
    if (found.text === undefined) {
      const value = this.#store.get(nameKey(table.schema, 0, found.bytes))
      if (value) found.text = Buffer.from(value).toString()
    }
    return found.text
  }

  /** Keeps a text; tells whether there is one now. */
  keep(tx: Transaction, schemaId: Uint8Array, text: string | undefined): boolean {
    if (this.text(schemaId) !== undefined) return true
    if (text === undefined) return false
    const found = this.#find(schemaId)
    found.text = text
    tx.put(nameKey(table.schema, 0, found.bytes), Buffer.from(text))
    tx.reversals.push(() => {
      found.text = undefined
    })
    return true
  }

  #find(schemaId: Uint8Array): Meaning {
    if (this.#last && isSame(this.#last.bytes, schemaId)) return this.#last
    const name = schemaIdName(schemaId)
    let found = this.#meanings.get(name)
    if (!found) {
      if (this.#meanings.size >= maxRemembered) this.#meanings.delete(this.#meanings.keys().next().value as string)
      found = { bytes: Uint8Array.from(schemaId), text: undefined }
      this.#meanings.set(name, found)
    }
    this.#last = found
    return found
  }
}

/** The hash of a schema as a text. */
export function schemaIdName(schemaId: Uint8Array): string {
  return Buffer.from(schemaId.buffer, schemaId.byteOffset, schemaId.length).toString('latin1')
}

/** The same for single values of a schema that a consumer cannot read although it can read others. */
export function valuesName(schemaId: Uint8Array): string {
  return `${schemaIdName(schemaId)}!`
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one === other) return true
  for (let at = 0; at < 16; at++) if (one[at] !== other[at]) return false
  return true
}
