/** Generated and interpreted codecs do the same: bytes, values, positions and errors, for wild schemas and versions of them. */
import assert from 'node:assert/strict'
import t from 'tap'
import { bufferFull } from '../../src/avro/buffer-full.js'
import { decodeFailure, type ReadValue, type SkipValue, spareBytes, type WriteValue } from '../../src/avro/codec.js'
import type { Cursor } from '../../src/avro/cursor.js'
import type { LongMode } from '../../src/avro/default-value.js'
import { generateRead } from '../../src/avro/generate-read.js'
import { generateSkip } from '../../src/avro/generate-skip.js'
import { generateWrite } from '../../src/avro/generate-write.js'
import { isRivuletError } from '../../src/avro/index.js'
import { interpretRead } from '../../src/avro/interpret-read.js'
import { interpretSkip } from '../../src/avro/interpret-skip.js'
import { interpretWrite } from '../../src/avro/interpret-write.js'
import { parseSchema } from '../../src/avro/parse.js'
import type { Plan } from '../../src/avro/plan.js'
import { resolve } from '../../src/avro/resolve.js'
import type { SchemaNode } from '../../src/avro/schema-node.js'
import { Wild, wildValue } from './wild.js'

/** Half of the seeds are always the same, half are others each time; a failure names its seed. */
const seeds = 200
const fresh = Math.floor(Math.random() * 1e9)
const longs: readonly LongMode[] = ['number', 'bigint']

/** Generated, then interpreted. */
type Two<T> = readonly [T, T]

/** What came of it: a result, or what was thrown, as users see it. */
function outcome(action: () => unknown): unknown {
  try {
    return { result: action() }
  } catch (cause) {
    if (typeof cause === 'symbol') return cause
    const { code, message, issues } = decodeFailure(cause, 'it')
    return { code, message, issues }
  }
}

function written(write: WriteValue<unknown>, value: unknown, free = 1 << 14): unknown {
  const bytes = Buffer.alloc(3 + free + 64)
  const end = outcome(() => write(value, bytes, new DataView(bytes.buffer, bytes.byteOffset), 3, 3 + free))
  const beyond = bytes.subarray(3 + free).some((byte) => byte !== 0)
  const { result } = end as { result?: number }
  return result === undefined ? { end, beyond } : { bytes: bytes.subarray(3, result), beyond }
}

function read(how: (b: Buffer, view: DataView, cursor: Cursor, end: number) => unknown, bytes: Buffer): unknown {
  const cursor = { position: 0 }
  const got = outcome(() =>
    how(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), cursor, bytes.length),
  )
  const { result } = got as { result?: unknown }
  return 'result' in (got as object) ? { result, keys: keysOf(result), position: cursor.position } : got
}

/** The order of keys, which deepEqual does not see. */
function keysOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return undefined
  return Object.entries(value).map(([key, inner]) => [key, keysOf(inner)])
}

function planOf(writer: SchemaNode, reader: SchemaNode): Plan | undefined {
  try {
    return resolve(writer, reader)
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INCOMPATIBLE_SCHEMA'), String(error))
    return undefined
  }
}

function parsed(json: unknown, role: 'own' | 'writer'): SchemaNode | undefined {
  try {
    return parseSchema(json, role)
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INVALID_SCHEMA'), String(error))
    return undefined
  }
}

function damaged(wild: Wild, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[wild.random.below(copy.length)] = wild.random.pick([0, 1, 2, 3, 127, 128, 255])
  return wild.random.chance(1 / 4) ? copy.subarray(0, wild.random.below(copy.length + 1)) : copy
}

t.test(`${seeds} wild schemas`, async (t) => {
  const count = { taken: 0, refused: 0, decoded: 0, failed: 0, versions: 0 }
  for (let index = 1; index <= seeds; index++) {
    const seed = index <= seeds / 2 ? index : fresh + index
    const wild = new Wild(seed)
    const schema = wild.schema()
    const own = parsed(schema, 'own') ?? parsed(schema, 'writer')
    const other = parsed(wild.version(schema), 'writer')
    if (own === undefined) continue
    const plans = [resolve(own, own), ...(other ? [planOf(own, other), planOf(other, own)] : [])]
    if (other !== undefined) count.versions++
    for (const long of longs) {
      const at = `seed ${seed}, ${long}`
      const writers: Two<WriteValue<unknown>> = [generateWrite(own, long), interpretWrite(own, long)]
      const samples: Buffer[] = []
      for (let index = 0; index < 6; index++) {
        const value = wildValue(wild.random, schema, new Map())
        const [generated, interpreted] = writers.map((write) => written(write, value))
        assert.deepStrictEqual(interpreted, generated, at)
        const { bytes } = generated as { bytes?: Buffer }
        if (bytes === undefined) count.refused++
        else {
          count.taken++
          samples.push(Buffer.from(bytes))
          assert.deepStrictEqual(written(writers[1], value, bytes.length + spareBytes), generated, `${at}, spare`)
          const less = written(writers[1], value, wild.random.below(bytes.length + 1)) as {
            end: unknown
            beyond: boolean
          }
          assert.ok(!less.beyond && (less.end === undefined || less.end === bufferFull), `${at}, no room`)
        }
      }
      const inputs = [...samples, ...samples.map((bytes) => damaged(wild, bytes)), Buffer.from('0204060000', 'hex')]
      const skips: Two<SkipValue> = [generateSkip(own), interpretSkip(own)]
      for (const bytes of inputs) assert.deepStrictEqual(read(skips[1], bytes), read(skips[0], bytes), at)
      for (const plan of plans) {
        if (plan === undefined) continue
        const readers: Two<ReadValue<unknown>> = [generateRead(plan, long), interpretRead(plan, long)]
        for (const bytes of inputs) {
          const generated = read(readers[0], bytes)
          assert.deepStrictEqual(read(readers[1], bytes), generated, at)
          count[Object.hasOwn(generated as object, 'result') ? 'decoded' : 'failed']++
        }
      }
    }
  }
  t.comment(JSON.stringify(count))
  for (const [name, times] of Object.entries(count)) t.ok(times > seeds / 2, `${name}: ${times}`)
})
