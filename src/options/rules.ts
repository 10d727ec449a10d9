/**
 * The rules that option values are held to, each with the words an error message needs.
 *
 * A rule knows one value; it does not know which option it belongs to: `resolve.ts` adds that.
 */

/** The mark of an option that has no default. */
export const required: unique symbol = Symbol('rivulet.required')

/** What a value must be, and what it becomes. */
export interface Rule<T> {
  /** Completes the sentence "must be …". */
  readonly expects: string
  /** The value for an option that the caller left out; `required` if there is none. */
  readonly fallback: T | typeof required
  /** Tells whether the value keeps the rule. */
  accepts(value: unknown): boolean
  /** Turns an accepted value into what the code uses; the value itself if absent. */
  convert?(value: unknown): T
}

/** A whole number within bounds. */
export function integer(bounds: { min: number; max: number; fallback: number | typeof required }): Rule<number> {
  const { min, max, fallback } = bounds
  return {
    expects: `a whole number from ${min} to ${max}`,
    fallback,
    accepts: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  }
}

/** A whole number from 1 on, or infinity for no bound. */
export function countOrEndless(fallback: number): Rule<number> {
  return {
    expects: 'a whole number from 1 on, or infinity',
    fallback,
    accepts: (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 1),
  }
}

/** A time in milliseconds: whole or broken, not negative; infinity only where it is said. */
export function milliseconds(bounds: { max?: number; fallback: number }): Rule<number> {
  const { max = 2_147_483_647, fallback } = bounds
  const endless = max === Number.POSITIVE_INFINITY
  return {
    expects: endless ? 'milliseconds, 0 or more' : `milliseconds from 0 to ${max}`,
    fallback,
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= max,
  }
}

/** True or false. */
export function flag(fallback: boolean): Rule<boolean> {
  return { expects: 'true or false', fallback, accepts: (value) => typeof value === 'boolean' }
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[], fallback: NoInfer<Word>): Rule<Word> {
  return {
    expects: `one of ${words.map((word) => `'${word}'`).join(', ')}`,
    fallback,
    accepts: (value) => words.includes(value as Word),
  }
}

/** A text, or a list of texts; becomes a list. An option left out becomes the empty list. */
export function texts(expects: string): Rule<readonly string[]> {
  const isText = (value: unknown) => typeof value === 'string' && value !== ''
  return {
    expects,
    fallback: Object.freeze([]),
    accepts: (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    convert: (value) => Object.freeze(typeof value === 'string' ? [value] : [...(value as string[])]),
  }
}

/** A value that a guard knows; `undefined` if left out, unless it is required. */
export function instance<T, Fallback extends undefined | typeof required>(
  expects: string,
  guard: (value: unknown) => value is T,
  fallback: Fallback,
): Rule<Fallback extends undefined ? T | undefined : T> {
  return { expects, fallback: fallback as never, accepts: guard }
}

/** An AbortSignal; `undefined` if left out. */
export const signal = instance(
  'an AbortSignal',
  (value): value is AbortSignal => value instanceof AbortSignal,
  undefined,
)
