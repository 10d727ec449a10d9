/**
 * Which key a name belongs to: that of its first holder, also after the holder has left.
 *
 * Bounded for each key, so that one key that claims names without end forgets its own alone, and in all.
 */

/** Names of one key, and of all keys together. */
const maxNamesOfKey = 4096
const maxNames = 65_536

/** The names that belong to keys. */
export class NameKeys {
  readonly #keys = new Map<string, string>()
  readonly #names = new Map<string, Set<string>>()

  /** The key that a name belongs to. */
  get(name: string): string | undefined {
    return this.#keys.get(name)
  }

  /** A name is held by a key: it belongs to it from now on; the names of the longest disuse are forgotten. */
  held(name: string, key: string): void {
    if (!this.#keys.has(name) || this.#keys.get(name) === key) {
      this.#forget(name)
      this.#keys.set(name, key)
      const names = this.#names.get(key) ?? new Set()
      this.#names.set(key, names.add(name))
      if (names.size > maxNamesOfKey) this.#forgetFirst(names)
      if (this.#keys.size > maxNames) this.#forgetFirst(this.#keys.keys())
    }
  }

  #forgetFirst(names: Iterable<string>): void {
    for (const name of names) {
      this.#forget(name)
      return
    }
  }

  #forget(name: string): void {
    const key = this.#keys.get(name)
    if (key === undefined) return
    this.#keys.delete(name)
    const names = this.#names.get(key)
    names?.delete(name)
    if (names?.size === 0) this.#names.delete(key)
  }
}
