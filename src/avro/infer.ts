/**
 * Type-level Avro: the static type of values, inferred from the schema literal without code generation.
 *
 * It follows the same rules as `parse.ts` does at run time; type tests hold the two together. A schema that is not a
 * literal, such as one from a file, infers as `unknown`, never as a wrong type.
 */
import type { AvroField, AvroSchema, PrimitiveName } from './schema-types.js'

/** The options of inference; `mode` is `in` for values that are written, `out` for values that were read. */
export interface InferOptions {
  long: number | bigint
  mode: 'in' | 'out'
}

interface LogicalValues {
  'timestamp-millis': Date
  date: string
  decimal: string
  uuid: string
}

/** Stands for a name that no definition has, so that the mistake is visible where the value is used. */
export interface UnknownAvroType<Name> {
  /** The mistake. */
  readonly avroError: 'unknown type name'
  /** The name. */
  readonly name: Name
}

/** The type of decoded values. `Needs` is the union of the other schemas whose names may be used. */
export type InferOut<S, Long extends number | bigint = number, Needs = never> = InferWith<
  S,
  { long: Long; mode: 'out' },
  Needs
>

/** The type of values to write: fields with a default may be left out. */
export type InferIn<S, Long extends number | bigint = number, Needs = never> = InferWith<
  S,
  { long: Long; mode: 'in' },
  Needs
>

type InferWith<S, O extends InferOptions, Needs> =
  IsOpen<S> extends true ? unknown : Value<S, '', Definitions<S, ''> | OtherDefinitions<Needs>, O>

/** Whether the schema is not a literal: `any`, `unknown`, a plain `string`, or the general `AvroSchema`. */
export type IsOpen<S> = 0 extends 1 & S
  ? true
  : string extends S
    ? true
    : AvroSchema extends S
      ? true
      : S extends { readonly type: infer T }
        ? string extends T
          ? true
          : false
        : false

// ---- names

export type FullName<Name extends string, Space extends string> = Name extends `.${infer Rest}`
  ? Rest
  : Name extends `${string}.${string}`
    ? Name
    : Space extends ''
      ? Name
      : `${Space}.${Name}`

export type SpaceOf<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? Tail extends `${string}.${string}`
    ? `${Head}.${SpaceOf<Tail>}`
    : Head
  : ''

export type OwnSpace<S, Space extends string> = S extends { readonly namespace: infer Own extends string } ? Own : Space

type NameOf<S, Space extends string> = S extends { readonly name: infer Name extends string }
  ? FullName<Name, OwnSpace<S, Space>>
  : never

interface Definition<Name extends string, S, Space extends string> {
  name: Name
  schema: S
  space: Space
}

/** All definitions inside a schema, as a union. */
export type Definitions<S, Space extends string> = string extends S // part of the schema is no literal
  ? never
  : S extends string
    ? never
    : S extends readonly unknown[]
      ? { [Index in keyof S]: Definitions<S[Index], Space> }[number]
      : S extends { readonly type: 'record' | 'error'; readonly fields: infer Fields extends readonly unknown[] }
        ?
            | Definition<NameOf<S, Space>, S, SpaceOf<NameOf<S, Space>>>
            | {
                [Index in keyof Fields]: Fields[Index] extends { readonly type: infer Type }
                  ? Definitions<Type, SpaceOf<NameOf<S, Space>>>
                  : never
              }[number]
        : S extends { readonly type: 'enum' | 'fixed' }
          ? Definition<NameOf<S, Space>, S, SpaceOf<NameOf<S, Space>>>
          : S extends { readonly type: 'array'; readonly items: infer Items }
            ? Definitions<Items, Space>
            : S extends { readonly type: 'map'; readonly values: infer Values }
              ? Definitions<Values, Space>
              : S extends { readonly type: infer Type }
                ? Definitions<Type, Space>
                : never

export type OtherDefinitions<Needs> = Needs extends unknown ? Definitions<Needs, ''> : never

type Lookup<Known, Name extends string> = Extract<Known, { name: Name }>

// ---- values

interface Primitives<O extends InferOptions> {
  null: null
  boolean: boolean
  int: number
  long: O['long']
  float: number
  double: number
  bytes: O['mode'] extends 'in' ? Uint8Array : Buffer
  string: string
}

export type Value<S, Space extends string, Known, O extends InferOptions> = string extends S // part of the schema is no literal
  ? unknown
  : S extends keyof Primitives<O>
    ? Primitives<O>[S]
    : S extends string
      ? Reference<S, Space, Known, O>
      : S extends readonly unknown[]
        ? Union<S, Space, Known, O>
        : S extends { readonly logicalType: infer Logical extends keyof LogicalValues }
          ? LogicalValues[Logical]
          : S extends { readonly type: 'record' | 'error'; readonly fields: infer Fields extends readonly AvroField[] }
            ? RecordValue<Fields, SpaceOf<NameOf<S, Space>>, Known, O>
            : S extends { readonly type: 'enum'; readonly symbols: infer Symbols extends readonly string[] }
              ? Symbols[number]
              : S extends { readonly type: 'fixed' }
                ? Primitives<O>['bytes']
                : S extends { readonly type: 'array'; readonly items: infer Items }
                  ? O['mode'] extends 'in'
                    ? readonly Value<Items, Space, Known, O>[]
                    : Value<Items, Space, Known, O>[]
                  : S extends { readonly type: 'map'; readonly values: infer Values }
                    ? { [key: string]: Value<Values, Space, Known, O> }
                    : S extends { readonly type: infer Type }
                      ? Value<Type, Space, Known, O>
                      : never

type Reference<Name extends string, Space extends string, Known, O extends InferOptions> = [
  Lookup<Known, FullName<Name, Space>>,
] extends [never]
  ? UnknownAvroType<Name>
  : Lookup<Known, FullName<Name, Space>> extends Definition<string, infer S, infer Own>
    ? Value<S, Own, Known, O>
    : never

interface WithDefault {
  readonly default: unknown
}

// key remapping over the union of fields is linear in the number of fields; an Extract for each key is quadratic
export type RecordValue<
  Fields extends readonly AvroField[],
  Space extends string,
  Known,
  O extends InferOptions,
> = O['mode'] extends 'in'
  ? {
      [Field in Exclude<Fields[number], WithDefault> as Field['name']]: Value<Field['type'], Space, Known, O>
    } & {
      [Field in Extract<Fields[number], WithDefault> as Field['name']]?:
        | Value<Field['type'], Space, Known, O>
        | undefined
    }
  : { [Field in Fields[number] as Field['name']]: Value<Field['type'], Space, Known, O> }

// ---- unions: two branches that look alike in JavaScript make it a wrapped one (`lookOf` in schema-node.ts)

type Look<S, Space extends string, Known> = S extends 'int' | 'long' | 'float' | 'double'
  ? 'number'
  : S extends 'null' | 'boolean' | 'string' | 'bytes'
    ? S
    : S extends string
      ? Lookup<Known, FullName<S, Space>> extends Definition<string, infer Found, infer Own>
        ? Look<Found, Own, Known>
        : never
      : S extends { readonly logicalType: 'timestamp-millis' }
        ? 'date'
        : S extends { readonly logicalType: keyof LogicalValues }
          ? 'string'
          : S extends { readonly type: 'record' | 'error' | 'map' }
            ? 'object'
            : S extends { readonly type: 'enum' }
              ? 'string'
              : S extends { readonly type: 'fixed' }
                ? 'bytes'
                : S extends { readonly type: 'array' }
                  ? 'array'
                  : S extends { readonly type: infer Type }
                    ? Look<Type, Space, Known>
                    : never

type HaveLikes<
  Branches extends readonly unknown[],
  Space extends string,
  Known,
  Seen = never,
> = Branches extends readonly [infer First, ...infer Rest]
  ? string extends First
    ? false
    : Look<First, Space, Known> extends Seen
      ? true
      : HaveLikes<Rest, Space, Known, Seen | Look<First, Space, Known>>
  : false

type BranchName<S, Space extends string> = S extends PrimitiveName
  ? S
  : S extends string
    ? FullName<S, Space>
    : S extends { readonly name: string }
      ? NameOf<S, Space>
      : S extends { readonly type: infer Type }
        ? Type extends string
          ? Type
          : BranchName<Type, Space>
        : never

type Union<Branches extends readonly unknown[], Space extends string, Known, O extends InferOptions> =
  HaveLikes<Branches, Space, Known> extends true
    ? {
        [Index in keyof Branches]: Branches[Index] extends 'null'
          ? null
          : { [Name in BranchName<Branches[Index], Space>]: Value<Branches[Index], Space, Known, O> }
      }[number]
    : { [Index in keyof Branches]: Value<Branches[Index], Space, Known, O> }[number]
