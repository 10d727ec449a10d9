/**
 * What all code generators share: fresh names, the functions of records, constants, and the compilation of the text.
 *
 * Generated text is made of fixed pieces, fresh names, integers, and the keys of objects as string literals: the names of
 * fields and of the branches of unions, each held here again to Avro's rule for names. Nothing else of a schema is ever
 * in it: symbols, defaults, aliases and paths are constants that the code is given. Keys are in it because V8 makes an
 * object of 20 literal keys 60 times as fast as one of computed keys.
 */
import { isDottedName } from './names.js'

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

  /** Returns an expression for a fresh value of a default. */
  fresh(make: () => unknown): string {
    const value = make()
    if (value === null || typeof value === 'boolean') return String(value)
    if (typeof value !== 'object') return this.constant(value)
    if (Array.isArray(value) && value.length === 0) return '[]'
    const isPlain = Object.getPrototypeOf(value) === Object.prototype
    return isPlain && Object.keys(value).length === 0 ? '{}' : `${this.constant(make)}()`
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

/** Returns a key, the name of a field or of the branch of a union, as a string literal. */
export function literal(name: string): string {
  if (!isDottedName(name)) throw new Error('a name that is none passed the parser')
  return `"${name}"`
}

/** Returns `object.name` as source; an inherited property, such as `toString`, does not count. */
export function member(object: string, name: string): string {
  const access = `${object}[${literal(name)}]`
  return name in Object.prototype ? `(Object.hasOwn(${object},${literal(name)})?${access}:undefined)` : access
}
