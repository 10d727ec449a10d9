/**
 * The shape of an Avro protocol as a TypeScript literal: what `defineService` takes.
 *
 * It gives completion and errors at the literal. It is not the validation, which is `parse-protocol.ts`, nor the
 * inference of the values' types, which is `infer-service.ts`.
 */
import type { AvroField, AvroSchema } from './schema-types.js'

/** An Avro protocol: named types, and messages that use them (specification, Protocol Declaration). */
export interface AvroProtocol {
  /** The name, with or without its namespace. */
  readonly protocol: string
  /** The namespace of the protocol and of its types. */
  readonly namespace?: string
  /** What the service is for. */
  readonly doc?: string
  /** The definitions of the named types, each before its first use; `Tick.json` of a schema is one. */
  readonly types?: readonly AvroSchema[]
  /** The messages, which are the methods of the service, by name. */
  readonly messages: { readonly [method: string]: AvroMessage }
  readonly [extension: `x-${string}`]: unknown
}

/** A message of a protocol, which is a method of the service: a call, or a call without any answer. */
export type AvroMessage = AvroCall | AvroOneWay

/** A message that is answered. */
export interface AvroCall extends AvroMessageParts {
  /** Whether nothing is answered: not so. */
  readonly 'one-way'?: false
  /** The schema of the response, or of each item of a stream of responses. */
  readonly response: AvroSchema
  /** The names of the declared errors. */
  readonly errors?: readonly string[]
  /** Which side streams: the server its responses, the client its requests, or both. Default: neither. */
  readonly 'x-stream'?: 'server' | 'client' | 'duplex'
}

/** A message that nothing answers. */
export interface AvroOneWay extends AvroMessageParts {
  /** Whether nothing is answered. */
  readonly 'one-way': true
  /** There is no response. */
  readonly response?: 'null'
}

/** What all messages have. */
export interface AvroMessageParts {
  /** The parameters: fields of the request, or of each item of a stream of requests. */
  readonly request: readonly AvroField[]
  /** Whether a second run does no harm, so that a call may be repeated when its outcome is not known. */
  readonly 'x-idempotent'?: boolean
  /** What the method does. */
  readonly doc?: string
  readonly [extension: `x-${string}`]: unknown
}

/** How the two sides of a method talk: one value each, or a stream on a side, or no answer at all. */
export type MethodShape = 'unary' | 'server' | 'client' | 'duplex' | 'one-way'
