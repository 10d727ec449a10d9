/** A schema whose writer asks for more room than its values take: bytes with a tail of small numbers. */
import { defineSchema } from '../../src/avro/index.js'

const number = { type: 'long' } as const

/** Bytes, and six numbers that share one check for room. */
export const Tailed = defineSchema({
  type: 'record',
  name: 'Tailed',
  fields: [
    { name: 'load', type: 'bytes' },
    { name: 'a', ...number },
    { name: 'b', ...number },
    { name: 'c', ...number },
    { name: 'd', ...number },
    { name: 'e', ...number },
    { name: 'f', ...number },
  ],
})

/** A value that takes so many bytes, 4000 at least. */
export function tailed(size: number) {
  const tail = { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0 }
  for (let lengthBytes = 2; ; lengthBytes++) {
    const value = { load: Buffer.alloc(size - lengthBytes - 6, size & 255), ...tail }
    if (Tailed.encode(value).length === size) return value
  }
}
