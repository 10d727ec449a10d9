/**
 * The schemas that the frames of one log name: each text once, as long as a frame or a topic names it.
 */

/** A schema and how it is identified. */
export interface NamedSchema {
  readonly schemaId: Buffer
  readonly text: string
}

/** What a schema takes beside its text, in bytes. */
const schemaCost = 256

/** Schemas by small numbers. */
export class SchemaTexts {
  readonly #schemas: (NamedSchema | undefined)[] = []
  readonly #users: number[] = []
  readonly #keys = new Map<string, number>()
  readonly #free: number[] = []
  /** What they take, in bytes. */
  bytes = 0

  /** The schema behind a number. */
  at(key: number): NamedSchema {
    return this.#schemas[key] as NamedSchema
  }

  /** The number of a schema. It is not counted as named yet. */
  keyOf(schemaId: Buffer, text: string): number {
    const name = `${schemaId.toString('latin1')}${text}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const key = this.#free.pop() ?? this.#schemas.length
    this.#schemas[key] = { schemaId: Buffer.from(schemaId), text }
    this.#users[key] = 0
    this.#keys.set(name, key)
    this.bytes += schemaCost + text.length
    return key
  }

  /** A frame or a topic names a schema. */
  name(key: number): void {
    ;(this.#users[key] as number)++
  }

  /** A frame or a topic that named it is removed. */
  drop(key: number): void {
    if (--(this.#users[key] as number) > 0) return
    const { schemaId, text } = this.#schemas[key] as NamedSchema
    this.#keys.delete(`${schemaId.toString('latin1')}${text}`)
    this.#schemas[key] = undefined
    this.#free.push(key)
    this.bytes -= schemaCost + text.length
  }
}
