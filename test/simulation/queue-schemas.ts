/**
 * The schemas of the messages of a simulated queue: writers of several versions, readers that cannot read some of them.
 *
 * Each message begins with a text that is its name; the rest makes it as large as it is to be.
 */
import { defineSchema, type Schema } from '../../src/avro/index.js'
import { crc32 } from '../../src/checksum/index.js'
import type { MessageBlock } from '../../src/engine/index.js'

/** A message. */
export interface Job {
  readonly text: string
  readonly padding: string
  readonly kind: string
}

function schemaOf(version: number, symbols: readonly string[]): Schema {
  return defineSchema({
    type: 'record',
    name: 'Job',
    fields: [
      { name: 'text', type: 'string' },
      { name: 'padding', type: 'string' },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols } },
      ...(version === 0 ? [] : [{ name: `since${version}`, type: 'int' }]),
    ],
  })
}

/** What writers write: a reader of a version other than 0 reads that one alone. */
export const writerSchemas: readonly Schema[] = [0, 1, 2].map((version) => schemaOf(version, ['plain', 'hard']))

/** Readers that have no place for messages of the kind `hard`. */
const pickyReaders: readonly Schema[] = [0, 1, 2].map((version) => schemaOf(version, ['plain']))

/** The schema of a reader. */
export function readerSchema(version: number, isPicky: boolean): Schema {
  return (isPicky ? pickyReaders : writerSchemas)[version] as Schema
}

/** A message as it is written with a version. */
export function jobOf(text: string, paddingBytes: number, version: number): Job {
  const kind = text.endsWith('3') ? 'hard' : 'plain'
  const own = version === 0 ? {} : { [`since${version}`]: version }
  return { text, padding: 'x'.repeat(paddingBytes), kind, ...own }
}

/** The name of a message that was written with any of these schemas: an Avro string of fewer than 64 bytes. */
export function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset + 1, (body[0] as number) >> 1).toString('latin1')
}

/** The names of the messages of a block, each held against its checksum. */
export function textsOf({ lengths, bodies, checks }: Omit<MessageBlock, 'extras'>): string[] {
  let at = 0
  const crcs = Buffer.from(checks.buffer, checks.byteOffset, checks.length)
  return lengths.map((length, index) => {
    const body = Buffer.from(bodies.buffer, bodies.byteOffset + at, length)
    at += length
    if (crcs.readUInt32BE(4 * index) !== crc32(body, 0, length))
      throw new Error(`message ${index} is not what was sent`)
    return textOf(body)
  })
}
