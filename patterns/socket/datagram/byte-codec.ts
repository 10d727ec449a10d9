/** Bytes as messages of a datagram, as they are. */
import { bufferFull, type ValueCodec } from '../../../src/avro/codec.js'
import { RivuletError } from '../../../src/errors/index.js'
import { describe } from '../../../src/options/index.js'

/** Writes bytes and reads them. */
export const byteCodec: ValueCodec<Uint8Array, Buffer> = {
  write(value, bytes, _view, position, end) {
    if (!(value instanceof Uint8Array)) throw new TypeError('no bytes')
    if (position + value.length > end) throw bufferFull
    bytes.set(value, position)
    return position + value.length
  },
  read: (bytes, _view, cursor, end) => {
    const start = cursor.position
    cursor.position = end
    return bytes.subarray(start, end)
  },
  explain: (value) =>
    new RivuletError('RIVULET_INVALID_MESSAGE', `a message must be a Uint8Array, received ${describe(value)}`, {
      executed: 'no',
    }),
}
