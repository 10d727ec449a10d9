/**
 * Frames as a stranger writes them: with avsc and the documents alone, and wrong in any way a test asks for.
 *
 * Nothing of `src/wire` is used here, so that an error there cannot hide itself.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import avsc from 'avsc'

const typeOf = (schema: unknown): avsc.Type =>
  avsc.Type.forSchema(schema as avsc.Schema, { registry: Object.create(null) })

/** The header of a data frame, as the documents have it. */
export const Header = typeOf(JSON.parse(readFileSync('docs/protocol/data-header.avsc', 'utf8')))

const Long = typeOf('long')

/** What a stranger says in a header; the rest is made up. */
export interface Claims {
  kind?: string
  schema?: string
  writerSchema?: string | null
  schemaId?: Buffer
  count?: number
  source?: Buffer
  position?: number
  sequence?: number
  previous?: number
  extensions?: Record<string, Buffer>
  annotations?: { index: number; headers: Record<string, Buffer> }[]
}

/** The hash that names a schema. */
export function schemaIdOf(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, 16)
}

/** The bytes of a header. */
export function headerBytes(claims: Claims): Buffer {
  const text = claims.schema ?? '"int"'
  return Header.toBuffer({
    kind: claims.kind ?? 'data',
    fingerprint: Buffer.alloc(8),
    schemaId: claims.schemaId ?? schemaIdOf(text),
    writerSchema: claims.writerSchema === undefined ? text : claims.writerSchema,
    source: claims.source ?? randomBytes(8),
    position: claims.position ?? 1,
    sequence: claims.sequence ?? 1,
    previous: claims.previous ?? 0,
    time: 1_700_000_000_000,
    count: claims.count ?? 0,
    annotations: claims.annotations ?? [],
    extensions: claims.extensions ?? {},
  })
}

/** Puts the prelude before the rest of a frame, with the right check. */
export function sealed(rest: Buffer, { kind = 1, version = 1, topic = Buffer.alloc(0) as Buffer } = {}): Buffer {
  const head = Buffer.from([0x52, 0x76, version << 1, kind << 1])
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(rest, crc32(head, crc32(topic))))
  return Buffer.concat([head, check, rest])
}

/** One block of an Avro array; with its size in bytes it begins with the negative count. */
export function block(items: readonly Buffer[], sized = false): Buffer {
  const bytes = Buffer.concat(items)
  const head = sized ? [Long.toBuffer(-items.length), Long.toBuffer(bytes.length)] : [Long.toBuffer(items.length)]
  return Buffer.concat([...head, bytes])
}

/** A whole data frame: claims, then blocks, then the end of the array. */
export function dataFrame(claims: Claims, ...blocks: Buffer[]): Buffer {
  return sealed(Buffer.concat([headerBytes(claims), ...blocks, Buffer.from([0])]))
}

/** Ints as Avro items. */
export function ints(...values: number[]): Buffer[] {
  return values.map((value) => Long.toBuffer(value))
}
