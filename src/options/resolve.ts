/**
 * Turns what a caller passes into a frozen record in which every option has a value, or says exactly what is wrong.
 *
 * The caller's object is read once and never changed. An unknown key is refused, with the nearest name.
 */
import { RivuletError } from '../errors/index.js'
import { type Rule, required } from './rules.js'

/** The characters of a key of ZeroMQ in Z85. */
const keyCharacters = 40

/** The rules of one set of options, by name. */
export type Rules = { readonly [name: string]: Rule<unknown> }

/** What a set of rules resolves to. */
export type Resolved<R extends Rules> = { readonly [Name in keyof R]: R[Name] extends Rule<infer T> ? T : never }

/**
 * Resolves options by their rules.
 *
 * @param subject - Who takes the options, for messages: `createPush`.
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveOptions<const R extends Rules>(subject: string, options: unknown, rules: R): Resolved<R> {
  const given = options ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new RivuletError(
      'RIVULET_INVALID_OPTION',
      `${subject}: options must be an object, received ${describe(options)}`,
    )
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(subject, name, Object.keys(rules))
  }
  const resolved: Record<string, unknown> = {}
  for (const [name, rule] of Object.entries(rules)) {
    const value = (given as Record<string, unknown>)[name]
    if (value === undefined && rule.fallback !== required) {
      resolved[name] = rule.fallback
    } else if (value !== undefined && rule.accepts(value)) {
      resolved[name] = rule.convert ? rule.convert(value) : value
    } else {
      throw invalidOption(subject, name, rule.expects, value)
    }
  }
  return Object.freeze(resolved) as Resolved<R>
}

/** The error for one option or argument that breaks its rule. */
export function invalidOption(subject: string, name: string, expects: string, value: unknown): RivuletError {
  return new RivuletError(
    'RIVULET_INVALID_OPTION',
    `${subject}: ${name} must be ${expects}, received ${describe(value)}`,
  )
}

/** The error for an option that there is none of. */
export function unknownOption(subject: string, name: string, known: readonly string[]): RivuletError {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  const hint = nearest && nearest.distance <= 1 + name.length / 3 ? `; did you mean '${nearest.candidate}'?` : ''
  return new RivuletError('RIVULET_INVALID_OPTION', `${subject}: unknown option '${name}'${hint}`)
}

/** A value and its type for a message: short, and never the inside of an object. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'string')
    return value.length > 60 || mayBeKey(value) ? `a string of ${value.length} characters` : `'${value}' (string)`
  if (typeof value === 'object') return describeObject(value)
  if (typeof value === 'function') return 'a function'
  return `${String(value)} (${typeof value})`
}

/** Whether a text has as many characters as a key of ZeroMQ: then it may be a secret one, given in the wrong place. */
function mayBeKey(text: string): boolean {
  return text.trim().length === keyCharacters
}

function describeObject(value: object): string {
  try {
    return Array.isArray(value) ? `an array of ${value.length}` : 'an object'
  } catch {
    return 'an object' // a revoked proxy
  }
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
