/**
 * Compiles a schema into its codec: the writer, the reader, and the readers of other writers' schemas, cached.
 *
 * Here the parts meet; each is in a file of its own. The code is generated when it is first needed.
 */
import { createHash } from 'node:crypto'
import { type Issue, RivuletError } from '../errors/index.js'
import { canonicalForm } from './canonical.js'
import { checkValue } from './check.js'
import type { Codec, ReadValue, SkipValue } from './codec.js'
import type { LongMode } from './default-value.js'
import { explainValue } from './explain-value.js'
import { crc64Avro } from './fingerprint.js'
import { cachedReaders } from './limits.js'
import { makeRead, makeSkip, makeWrite } from './make-codec.js'
import { parseSchema, parseSchemaText } from './parse.js'
import { resolve } from './resolve.js'
import type { SchemaNode } from './schema-node.js'
import { withinStack } from './within-stack.js'

/** What is known of one writer's schema. */
type Reader =
  | { readonly writer: SchemaNode; readonly read: ReadValue<unknown>; skip: SkipValue | undefined }
  | { readonly error: RivuletError }

/** A codec that can also list the issues of a value. */
export interface CheckingCodec extends Codec<unknown, unknown> {
  check(value: unknown): Issue[]
}

/** Returns the codec of a parsed, self-contained schema. */
export function compile(node: SchemaNode, text: string, long: LongMode): CheckingCodec {
  const readers = new Map<string, Reader>()
  const codec = {
    fingerprint: crc64Avro(canonicalForm(node)),
    schemaId: createHash('sha256').update(text).digest().subarray(0, 16),
    text,
    write: makeWrite(node, long),
    read: makeRead(resolve(node, node), long),
    readerFor(writerText: string): ReadValue<unknown> {
      return writerText === text ? codec.read : readerOf(writerText).read
    },
    hasReader: (writerText: string) => writerText === text || readers.has(writerText),
    skipperFor(writerText: string): SkipValue {
      const reader = readerOf(writerText)
      reader.skip ??= makeSkip(reader.writer)
      return reader.skip
    },
    explain: (value: unknown) => explainValue(node, value, long),
    check: (value: unknown) => checkValue(node, value, long),
  }
  return codec

  function readerOf(writerText: string): Exclude<Reader, { error: RivuletError }> {
    let reader = readers.get(writerText)
    readers.delete(writerText)
    reader ??= makeReader(writerText)
    readers.set(writerText, reader) // the map keeps the order of use
    if (readers.size > cachedReaders) readers.delete(readers.keys().next().value as string)
    if ('error' in reader) throw reader.error
    return reader
  }

  function makeReader(writerText: string): Reader {
    try {
      return withinStack(() => {
        const writer = parseSchema(parseSchemaText(writerText), 'writer')
        return { writer, read: makeRead(resolve(writer, node), long), skip: undefined }
      })
    } catch (error) {
      if (error instanceof RivuletError) return { error }
      throw error
    }
  }
}
