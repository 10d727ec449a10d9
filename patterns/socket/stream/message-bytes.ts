/** Messages that are bytes, as users give them. */

import { bufferOf } from '../../../src/memory/index.js'
import { describe } from '../../../src/options/index.js'
import { invalidMessage } from './frame-errors.js'

/** The same memory as a Buffer. */
export function asBuffer(framing: string, message: Uint8Array): Buffer {
  if (!(message instanceof Uint8Array)) {
    throw invalidMessage(framing, `a message must be a Uint8Array, received ${describe(message)}`)
  }
  return bufferOf(message)
}
