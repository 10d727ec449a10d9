/** The number of the connection that a link frame was sent on: all that is read of one without a session. */
import { decodeFailure } from '../avro/codec.js'
import { readInt } from '../avro/read-primitives.js'
import { preludeBytes } from '../wire/index.js'

/** Returns the number; throws RIVULET_DECODE_FAILED. */
export function connectionOf(frame: Buffer): number {
  try {
    return readInt(frame, { position: preludeBytes }, frame.length)
  } catch (cause) {
    throw decodeFailure(cause, 'a link frame')
  }
}
