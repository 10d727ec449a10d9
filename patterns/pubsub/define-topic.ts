/**
 * `defineTopic`: a family of topics and its schema, which publishers and subscribers share; parameters are typed from the text.
 *
 * It makes names and patterns, and reads parameters back. It opens nothing.
 */
import { isSchema, type Schema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { describe, invalidOption } from '../../src/options/index.js'
import { isWildcard, topicPart, topicPattern } from './topic-name.js'

/** The brand of topic contracts: the same symbol in every copy of the package. */
const brand: unique symbol = Symbol.for('rivulet.topic') as never

/**
 * The names of the parameters in the text of a contract: `'symbol'` of `'ticks.{symbol}'`.
 *
 * @typeParam Found - Those of the words before the text.
 */
export type TopicParameterNames<Text extends string, Found extends string = never> = string extends Text
  ? string
  : Text extends `${infer Word}.${infer Rest}`
    ? TopicParameterNames<Rest, Found | TopicParameterNames<Word>>
    : Text extends `{${infer Name}}`
      ? Found | Name
      : Found

/** The parameters of a contract, each with one whole word: `{ symbol: 'acme' }`. */
export type TopicParameters<Text extends string> = { readonly [Name in TopicParameterNames<Text>]: string }

/** What follows a contract in a call: its parameters, which may be left out where there are none, and further arguments. */
export type TopicArguments<Text extends string, Further extends readonly unknown[] = []> = [
  TopicParameterNames<Text>,
] extends [never]
  ? [parameters?: Readonly<Record<string, never>>, ...further: Further]
  : [parameters: TopicParameters<Text>, ...further: Further]

/** A family of topics with one schema, shared by publishers and subscribers. */
export interface TopicContract<Text extends string = string, In = unknown, Out = unknown> {
  /**
   * The brand of topic contracts.
   *
   * @hidden
   */
  readonly [brand]: true
  /** The text that it was defined with: `ticks.{symbol}`. */
  readonly text: Text
  /** The schema of its messages. */
  readonly schema: Schema<In, Out>
  /**
   * Returns the name of one topic.
   *
   * @param parameters - A word for each parameter, without dots; `*` and `#` are refused.
   * @throws RIVULET_INVALID_OPTION
   */
  name(...parameters: TopicArguments<Text>): string
  /**
   * Returns a pattern of its topics.
   *
   * @param parameters - A word for each parameter; `*` is any word, and `#` as the last word of the text is any number of words:
   * that pattern also fits topics that are not of this contract.
   * @throws RIVULET_INVALID_OPTION
   */
  pattern(...parameters: TopicArguments<Text>): string
  /**
   * Reads the parameters back from the name of a topic; `undefined` if it is not one of this contract.
   *
   * @param topic - The name of a topic.
   */
  match(topic: string): TopicParameters<Text> | undefined
}

/**
 * Defines a family of topics with one schema: words between dots, of which some are parameters.
 *
 * A parameter is one whole word in braces; its name has letters, digits and `_`, and does not begin with a digit or `_`.
 *
 * @param text - `ticks.{symbol}`; at most 255 bytes, without wildcards. The topics that are made of it have at most 255 bytes, too.
 * @param schema - The schema of the messages of all these topics.
 * @throws RIVULET_INVALID_OPTION
 * @example
 * ```ts
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createPublisher, createSubscriber, defineTopic } from 'rivulet/pubsub'
 * import { firstValueFrom } from 'rxjs'
 *
 * const Ticks = defineTopic('ticks.{symbol}', defineSchema(record('Tick', { price: 'double' })))
 *
 * await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
 * await using subscriber = await createSubscriber({ connect: publisher.endpoint })
 * const first = firstValueFrom(subscriber.events(Ticks, { symbol: '*' }))
 * await subscriber.ready
 * publisher.topic(Ticks, { symbol: 'acme' }).next({ price: 1.5 })
 * console.log(Ticks.match((await first).topic)?.symbol) // acme
 * ```
 */
export function defineTopic<const Text extends string, In, Out>(
  text: Text,
  schema: Schema<In, Out>,
): TopicContract<Text, In, Out> {
  if (!isSchema(schema)) throw invalidOption('defineTopic', 'schema', 'a schema of defineSchema', schema)
  const words = wordsOf(text)
  const names = words.flatMap(({ name }) => name ?? [])
  const made: TopicContract = {
    [brand]: true,
    text,
    schema: schema as Schema,
    name(parameters) {
      const name = fill(text, words, names, parameters, false)
      topicPart(name)
      return name
    },
    pattern(parameters) {
      return topicPattern(fill(text, words, names, parameters, true)).text
    },
    match: (topic) => read(words, topic),
  }
  return Object.freeze(made) as TopicContract as TopicContract<Text, In, Out>
}

/** Returns the text and the schema that a call names: by a contract and parameters, or one by one. */
export function topicOf(
  kind: 'name' | 'pattern',
  given: string | TopicContract,
  second: unknown,
): { readonly text: string; readonly schema: unknown } {
  if (!isTopicContract(given)) return { text: given, schema: second }
  return { text: given[kind](second as TopicParameters<string>), schema: given.schema }
}

function isTopicContract(value: unknown): value is TopicContract {
  return typeof value === 'object' && value !== null && brand in value
}

/** A word of the text: literal, or a parameter with this name. */
interface Word {
  readonly text: string
  readonly name: string | undefined
}

function wordsOf(text: string): readonly Word[] {
  // refuses what no topic could be, wildcards among it
  topicPart(text)
  const seen = new Set<string>()
  return text.split('.').map((word) => {
    if (!/[{}]/.test(word)) return { text: word, name: undefined }
    const name = /^\{([A-Za-z][A-Za-z0-9_]*)\}$/.exec(word)?.[1]
    if (name === undefined) {
      throw refused(text, `has the word '${word}'; a parameter is one whole word, such as {symbol}`)
    }
    if (seen.has(name)) throw refused(text, `has the parameter '${name}' twice`)
    seen.add(name)
    return { text: word, name }
  })
}

function fill(
  text: string,
  words: readonly Word[],
  names: readonly string[],
  parameters: unknown = {},
  wildcards: boolean,
): string {
  const subject = `topic '${text}'`
  if (typeof parameters !== 'object' || parameters === null) {
    throw invalidOption(subject, 'parameters', 'an object with a word for each', parameters)
  }
  const unknown = Object.keys(parameters).find((key) => !names.includes(key))
  if (unknown !== undefined) {
    const known = names.length > 0 ? `it has ${names.join(', ')}` : 'it has none'
    throw new RivuletError('RIVULET_INVALID_OPTION', `${subject}: no parameter is named '${unknown}'; ${known}`)
  }
  const last = words.length - 1
  const filled = words.map(({ text, name }, index) => {
    if (name === undefined) return text
    const value = Object.hasOwn(parameters, name) ? (parameters as Record<string, unknown>)[name] : undefined
    const rule = ruleBroken(value, wildcards, index === last)
    if (rule !== undefined) throw invalidOption(subject, name, rule, value)
    return value as string
  })
  return filled.join('.')
}

/** Returns what a value of a parameter must be, if it is not. */
function ruleBroken(value: unknown, wildcards: boolean, isLast: boolean): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('.')) return 'one word, without dots'
  if (!isWildcard(value)) return undefined
  if (!wildcards) return 'one word; wildcards are for patterns'
  return value === '#' && !isLast ? "one word, or '*'; '#' is for the last word" : undefined
}

function read(words: readonly Word[], topic: string): Record<string, string> | undefined {
  if (typeof topic !== 'string') return undefined
  const found = topic.split('.')
  if (found.length !== words.length) return undefined
  const parameters: [string, string][] = []
  for (const [index, { text, name }] of words.entries()) {
    const word = found[index] as string
    if (name === undefined ? word !== text : word === '' || isWildcard(word)) return undefined
    if (name !== undefined) parameters.push([name, word])
  }
  return Object.fromEntries(parameters)
}

function refused(text: string, problem: string): RivuletError {
  return new RivuletError(
    'RIVULET_INVALID_OPTION',
    `${describe(text)} is not the text of a topic contract: it ${problem}`,
  )
}
