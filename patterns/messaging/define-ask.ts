/**
 * `defineAsk`: a question that peers ask each other, with the types of the query, the answer and the declared errors.
 *
 * Under it is a service of one method, `ask`, so that calls know nothing of asks. Which peer answers is known elsewhere.
 */

import { codecOf } from '../../src/avro/codec.js'
import {
  type DeclaredError,
  defineService,
  type Infer,
  type InferInput,
  isSchema,
  type Schema,
} from '../../src/avro/index.js'
import { type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { defaults, flag, instance, invalidOption, oneOf, resolveOptions } from '../../src/options/index.js'

/** The brand of asks: the same symbol in every copy of the package. */
const brand: unique symbol = Symbol.for('rivulet.ask') as never

/** The name of the one method of an ask, and of the one field of its request. */
export const askMethod = 'ask'
const queryField = 'query'

/** The longest name of an ask, in characters. */
const maxNameLength = 255

/** The types of an ask. */
export interface AskTypes {
  /** A query as its answerer reads it. */
  readonly query: unknown
  /** A query as its asker writes it: fields with a default may be left out. */
  readonly queryInput: unknown
  /** An answer as its asker reads it. */
  readonly answer: unknown
  /** An answer as its answerer writes it. */
  readonly answerInput: unknown
  /** The values of the declared errors as they are read, by name. */
  readonly errors: Readonly<Record<string, unknown>>
  /** The values of the declared errors as they are written. */
  readonly errorInputs: Readonly<Record<string, unknown>>
}

/** An ask that is defined: peers answer it by `answer`, and ask it by `ask`. */
export interface Ask<Types extends AskTypes = AskTypes> {
  /**
   * The types that the ask carries; there is nothing to read here.
   *
   * @hidden
   */
  readonly [brand]: Types
  /** The name: by it a peer finds out who answers. */
  readonly name: string
  /** A hash of the schemas as peers are sent them, as 32 hexadecimal digits. */
  readonly hash: string

  /**
   * Returns a declared error for the function that answers to throw; it carries a copy of the value.
   *
   * @param errorName - The name of one of `errors`.
   * @param value - What the error carries: a value of its schema.
   * @throws RivuletError `RIVULET_INVALID_MESSAGE`, with the path of each issue, if the value does not fit;
   * `RIVULET_INVALID_OPTION` for an error that is not declared.
   */
  error<Name extends keyof Types['errors'] & string>(
    errorName: Name,
    value: Types['errorInputs'][Name],
  ): DeclaredError<Name, Types['errors'][Name]>
}

/**
 * The types of an ask.
 *
 * @hidden
 */
export type AskTypesOf<A extends Ask> = A[typeof brand]

/** The names of the errors that an ask declares. */
export type AskErrorNames<A extends Ask> = keyof AskTypesOf<A>['errors'] & string

/** The errors that an ask declares, as a union that `errorName` tells apart. */
export type AskErrorOf<A extends Ask, Name extends AskErrorNames<A> = AskErrorNames<A>> = Name extends string
  ? DeclaredError<Name, AskTypesOf<A>['errors'][Name]>
  : never

/** The type of queries as they are answered. */
export type QueryOf<A extends Ask> = AskTypesOf<A>['query']
/** The type of queries as they are asked: fields with a default may be left out. */
export type QueryInputOf<A extends Ask> = AskTypesOf<A>['queryInput']
/** The type of answers as they come. */
export type AnswerOf<A extends Ask> = AskTypesOf<A>['answer']
/** The type of answers as they are given: fields with a default may be left out. */
export type AnswerInputOf<A extends Ask> = AskTypesOf<A>['answerInput']

/** The options of {@link defineAsk}. */
export interface AskDefinition<Errors extends readonly Schema[]> {
  /**
   * The errors that an answer may throw instead: schemas of records, told apart by their names.
   * @defaultValue none
   */
  readonly errors?: Errors
  /**
   * Whether a second answer to the same query does no harm: then it is asked again if a link ends.
   * @defaultValue `false`
   */
  readonly idempotent?: boolean
  /**
   * What an Avro long is in JavaScript, as the schemas have it: `number` or `bigint`.
   * @defaultValue `'number'`
   */
  readonly long?: 'number' | 'bigint'
}

/**
 * The full name of a schema's record, as a type.
 *
 * @hidden
 */
export type SchemaName<S> =
  S extends Schema<unknown, unknown, infer Json>
    ? Json extends { readonly name: infer Name extends string }
      ? Name extends `${string}.${string}`
        ? Name
        : Json extends { readonly namespace: infer Space extends string }
          ? `${Space}.${Name}`
          : Name
      : never
    : never

/** The types of an ask of these schemas. */
export interface TypesOfAsk<Query extends Schema, Answer extends Schema, Errors extends readonly Schema[]>
  extends AskTypes {
  readonly query: Infer<Query>
  readonly queryInput: InferInput<Query>
  readonly answer: Infer<Answer>
  readonly answerInput: InferInput<Answer>
  readonly errors: { readonly [E in Errors[number] as SchemaName<E>]: Infer<E> }
  readonly errorInputs: { readonly [E in Errors[number] as SchemaName<E>]: InferInput<E> }
}

/**
 * Defines an ask: a name, and the schemas of the query and of the answer. Both sides define it, each in its version.
 *
 * Call it once for each ask when the program starts. What the two sides define need not be the same: their schemas are
 * resolved as Avro has it, and an ask whose schemas do not go together fails with RIVULET_INCOMPATIBLE_SCHEMA.
 *
 * @param name - From 1 to 255 characters; a peer answers an ask of one name once.
 * @param query - Of any Avro type.
 * @param answer - Of any Avro type; `'null'` where there is nothing to say.
 * @param options - The errors that an answer may throw, and whether it may be asked again.
 * @throws RivuletError `RIVULET_INVALID_OPTION`; `RIVULET_INVALID_SCHEMA` if schemas define a name differently.
 * @example
 * ```ts
 * import { defineSchema, record } from 'rivulet/avro'
 * import { defineAsk } from 'rivulet/messaging'
 *
 * const Query = defineSchema(record('LookupQuery', { id: 'string' }))
 * const Answer = defineSchema(record('LookupAnswer', { price: 'double' }))
 * const Unknown = defineSchema(record('UnknownId', { id: 'string' }))
 * const lookup = defineAsk('lookup', Query, Answer, { errors: [Unknown] })
 * console.log(lookup.name, lookup.error('UnknownId', { id: 'x' }).value.id)
 * ```
 */
export function defineAsk<
  Query extends Schema,
  Answer extends Schema,
  const Errors extends readonly Schema[] = readonly [],
>(
  name: string,
  query: Query,
  answer: Answer,
  options: AskDefinition<Errors> = {},
): Ask<TypesOfAsk<Query, Answer, Errors>> {
  const subject = 'defineAsk'
  if (typeof name !== 'string' || name.length === 0 || name.length > maxNameLength || !name.isWellFormed()) {
    throw invalidOption(subject, 'name', `a text of 1 to ${maxNameLength} characters`, name)
  }
  if (!isSchema(query)) throw invalidOption(subject, 'query', 'a schema of defineSchema', query)
  if (!isSchema(answer)) throw invalidOption(subject, 'answer', 'a schema of defineSchema', answer)
  const { errors = [], idempotent, long } = resolveOptions(subject, options, definitionRules)
  const texts = errors.map((error) => JSON.parse(codecOf(error).text) as Json)
  const declared = texts.map((json) => ({ ...json, type: 'error', fields: fieldsOf(json) }))
  const protocol = {
    protocol: 'Ask',
    types: declared,
    messages: {
      [askMethod]: {
        request: [{ name: queryField, type: referring(JSON.parse(codecOf(query).text), '') }],
        response: referring(JSON.parse(codecOf(answer).text), ''),
        errors: texts.map((json) => nameIn(json, '')),
        ...(idempotent && { 'x-idempotent': true }),
      },
    },
  }
  const service = defineService(protocol as never, { types: [query, answer, ...errors], long })
  const codec = serviceOf(service)
  const made: UntypedAsk = {
    [brand]: codec,
    name,
    hash: codec.hash,
    error: (errorName, value) => service.error(askMethod as never, errorName as never, value as never),
  }
  return Object.freeze(made) as unknown as Ask<TypesOfAsk<Query, Answer, Errors>>
}

/**
 * Tells whether an error is one that an ask declares; narrows to the union of those, or to the one that is named.
 *
 * @param ask - The ask that was asked.
 * @param error - What it failed with: any value.
 * @param errorName - The name of one error; any of them, if it is left out.
 */
export function isAskError<A extends Ask, Name extends AskErrorNames<A> = AskErrorNames<A>>(
  ask: A,
  error: unknown,
  errorName?: Name,
): error is AskErrorOf<A, Name> {
  if (!codecOfAsk(ask).methods.get(askMethod)?.errors.matches(error)) return false
  return errorName === undefined || (error as { errorName?: unknown }).errorName === errorName
}

/** Tells whether a value is an ask, also one of another copy of the package. */
export function isAsk(value: unknown): value is Ask {
  return typeof value === 'object' && value !== null && brand in value
}

/** Returns the service under an ask. */
export function codecOfAsk(ask: Ask): ServiceCodec {
  return ask[brand] as unknown as ServiceCodec
}

/** Returns a query as the request of the method. */
export function requestOf(query: unknown): { readonly query: unknown } {
  return { query }
}

/** Returns the query in a request of the method. */
export function queryIn(request: unknown): unknown {
  return (request as { readonly query: unknown }).query
}

interface UntypedAsk {
  readonly [brand]: ServiceCodec
  readonly name: string
  readonly hash: string
  error(errorName: string, value: unknown): DeclaredError
}

type Json = Readonly<Record<string, unknown>>

const definitionRules = {
  errors: instance('a list of schemas of records', isListOfRecords, undefined),
  idempotent: flag(defaults.idempotent),
  long: oneOf(['number', 'bigint'], defaults.long),
}

function isListOfRecords(value: unknown): value is readonly Schema[] {
  return Array.isArray(value) && value.every((one) => isSchema(one) && isRecord(one.json))
}

function isRecord(json: unknown): boolean {
  const { type } = Object(json) as { type?: unknown }
  return type === 'record' || type === 'error'
}

const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

/**
 * A self-contained schema with names in place of its definitions, which stand among the types of the protocol: the two schemas
 * of an ask may use the same types.
 */
function referring(json: unknown, namespace: string): unknown {
  if (Array.isArray(json)) return json.map((branch) => referring(branch, namespace))
  if (typeof json === 'string') return primitives.has(json) ? json : marked(json, namespace)
  const { type, name, items, values } = json as Json
  if (typeof name === 'string') return marked(nameIn(json as Json, namespace), '')
  if (type === 'array') return { ...(json as Json), items: referring(items, namespace) }
  if (type === 'map') return { ...(json as Json), values: referring(values, namespace) }
  if (typeof type === 'string' && primitives.has(type)) return json
  return { ...(json as Json), type: referring(type, namespace) }
}

/** The fields of a record whose definition stays, with names in place of other definitions. */
function fieldsOf(json: Json): unknown {
  const name = nameIn(json, '')
  const namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  return (json.fields as readonly Json[]).map((field) => ({ ...field, type: referring(field.type, namespace) }))
}

/** The full name of a definition. */
function nameIn({ name, namespace }: Json, within: string): string {
  const text = String(name)
  if (text.includes('.')) return text.replace(/^\./, '')
  const space = typeof namespace === 'string' ? namespace : within
  return space === '' ? text : `${space}.${text}`
}

/** A name that means the same in any namespace. */
function marked(name: string, namespace: string): string {
  if (name.includes('.')) return name
  return namespace === '' ? `.${name}` : `${namespace}.${name}`
}
