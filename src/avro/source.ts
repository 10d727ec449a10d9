/**
 * What both code generators share: fresh names, the functions of records, constants, and the compilation of the text.
 *
 * Generated text is made of fixed pieces, fresh names and `JSON.stringify` of names and defaults: nothing of a schema is
 * ever pasted into it as it is.
 */

/** The text of generated code while it grows. */
export class Source {
  readonly #constants = new Map<string, unknown>()
  readonly #functions: string[] = []
  #names = 0

  /** Starts with the functions that the code may call, by name. */
  constructor(primitives: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(primitives)) this.#constants.set(name, value)
  }

  /** Returns a name that no other call returned. */
  name(prefix: string): string {
    return `${prefix}${++this.#names}`
  }

  /** Returns the name of a value that the code can use. */
  constant(value: unknown): string {
    const name = this.name('K')
    this.#constants.set(name, value)
    return name
  }

  /** Adds a function. */
  add(text: string): void {
    this.#functions.push(text)
  }

  /** Compiles everything added and returns the value of an expression. */
  compile(expression: string): unknown {
    const text = `"use strict";${this.#functions.join('')}return ${expression};`
    return new Function(...this.#constants.keys(), text)(...this.#constants.values())
  }
}

/** Returns `object.name` as source, safe for any name; an inherited property, such as `toString`, does not count. */
export function member(object: string, name: string): string {
  const access = `${object}[${JSON.stringify(name)}]`
  return name in Object.prototype ? `(Object.hasOwn(${object},${JSON.stringify(name)})?${access}:undefined)` : access
}
