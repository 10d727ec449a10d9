/**
 * Topic names and patterns: words between dots, and how they look on the wire.
 *
 * Each word ends with a dot on the wire (`ticks.acme.`), so that a subscription to `ticks` is not one to `ticksets`.
 * ZeroMQ matches the literal words before the first wildcard; what remains is matched here.
 */
import { isUtf8 } from 'node:buffer'
import { RivuletError } from '../../src/errors/index.js'
import { describe } from '../../src/options/index.js'

/** The longest name or pattern, in bytes of UTF-8. */
const maxTopicBytes = 255

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const controlCharacter = /[\u0000-\u001f\u007f]/

/** Wildcards of other systems (NATS, MQTT, glob patterns), and what they are here. */
const foreignWildcards: ReadonlyMap<string, string> = new Map([
  ['>', "'#', any number of words at the end"],
  ['+', "'*', one word"],
  ['**', "'#', any number of words at the end"],
])

/** The first byte of inboxes, which no topic can begin with. */
export const inboxMark = 0

/** The inbox of nobody: a request that is only to pass through hubs names it, and is not answered. */
export const noInbox: Buffer = Buffer.of(inboxMark)

/** A pattern, taken apart. */
export interface TopicPattern {
  readonly text: string
  /** Whether it has no wildcard, and so fits one topic alone. */
  readonly exact: boolean
  /** Its words, without a `#` at the end. */
  readonly words: readonly string[]
  /** Whether it ends with `#`. */
  readonly open: boolean
  /** What ZeroMQ matches: the literal words before the first wildcard. */
  readonly prefix: Buffer
  /** Tells whether the words of a topic fit. */
  matches(words: readonly string[]): boolean
}

/**
 * Checks a topic's name and returns it as on the wire.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function topicPart(name: string): Buffer {
  const words = wordsOf(name, 'a topic')
  if (words.some(isWildcard)) throw invalid(name, 'a topic', 'has a wildcard; only patterns of subscribers may')
  return onWire(words)
}

/**
 * Takes a pattern apart: `*` is one word, `#` at the end is any number of words, none included.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function topicPattern(text: string): TopicPattern {
  const words = wordsOf(text, 'a pattern')
  const open = words.at(-1) === '#'
  const fixed = open ? words.slice(0, -1) : words
  if (fixed.includes('#')) throw invalid(text, 'a pattern', "has a '#' before its last word; '*' is one word there")
  const wild = fixed.indexOf('*')
  return {
    text,
    exact: !open && wild < 0,
    words: fixed,
    open,
    prefix: onWire(wild < 0 ? fixed : fixed.slice(0, wild)),
    matches(topic) {
      if (open ? topic.length < fixed.length : topic.length !== fixed.length) return false
      for (let i = 0; i < fixed.length; i++) {
        if (fixed[i] !== '*' && fixed[i] !== topic[i]) return false
      }
      return true
    },
  }
}

/** The words of a topic part that came over the wire; `undefined` if it is not one. */
export function wordsOnWire(part: Buffer): string[] | undefined {
  if (part.length > maxTopicBytes + 1 || !isUtf8(part)) return undefined
  const text = part.toString()
  if (!text.endsWith('.') || controlCharacter.test(text)) return undefined
  const words = text.slice(0, -1).split('.')
  return words.includes('') || words.some(isWildcard) ? undefined : words
}

/** Tells whether a word is a wildcard. */
export function isWildcard(word: string): boolean {
  return word === '*' || word === '#'
}

function onWire(words: readonly string[]): Buffer {
  return Buffer.from(words.map((word) => `${word}.`).join(''))
}

function wordsOf(text: string, what: string): string[] {
  if (typeof text !== 'string') throw invalid(text, what, 'must be a string')
  const words = text.split('.')
  if (words.includes('')) throw invalid(text, what, 'has an empty word')
  const bytes = Buffer.byteLength(text)
  if (bytes > maxTopicBytes) throw invalid(text, what, `has ${bytes} bytes, more than ${maxTopicBytes}`)
  if (controlCharacter.test(text)) throw invalid(text, what, 'has a control character')
  if (!text.isWellFormed()) throw invalid(text, what, 'has half of a surrogate pair')
  for (const word of words) {
    const ours = foreignWildcards.get(word)
    if (ours !== undefined) throw invalid(text, what, `has the word '${word}'; the wildcard of a pattern is ${ours}`)
  }
  return words
}

function invalid(text: unknown, what: string, problem: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', `${describe(text)} is not ${what}: it ${problem}`)
}
