/**
 * Encodes one value into a buffer of its own; small values share a slab, so that each costs no allocation.
 *
 * It is for values that go nowhere together. Frames of many values are written by `src/wire`, into one buffer.
 */
import { bufferFull } from './buffer-full.js'
import type { ValueCodec, WriteValue } from './codec.js'

const slabBytes = 16 * 1024

interface Slab {
  readonly bytes: Buffer
  readonly view: DataView
  used: number
}

let slab: Slab | undefined

/**
 * Returns the bytes of a value.
 *
 * @throws RivuletError `RIVULET_INVALID_MESSAGE`.
 */
export function encodeValue<In>(codec: ValueCodec<In, unknown>, value: In): Buffer {
  const mine = slab ?? newSlab(slabBytes)
  slab = undefined // a getter of the value may encode, too: it then takes another slab
  const start = mine.used
  const end = tryWrite(codec.write, value, mine)
  if (end === 'misfit') {
    slab = mine
    throw codec.explain(value)
  }
  if (end !== 'full') {
    slab = mine
    mine.used = end
    return mine.bytes.subarray(start, end)
  }
  for (let size = slabBytes; ; size *= 2) {
    const larger = newSlab(size)
    const length = tryWrite(codec.write, value, larger)
    if (length === 'misfit') throw codec.explain(value)
    if (length === 'full') continue
    if (length > slabBytes / 2) return Buffer.from(larger.bytes.subarray(0, length))
    slab = larger
    larger.used = length
    return larger.bytes.subarray(0, length)
  }
}

function tryWrite<In>(write: WriteValue<In>, value: In, { bytes, view, used }: Slab): number | 'full' | 'misfit' {
  try {
    return write(value, bytes, view, used, bytes.length)
  } catch (cause) {
    return cause === bufferFull ? 'full' : 'misfit'
  }
}

function newSlab(size: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: new DataView(bytes.buffer), used: 0 }
}
