/**
 * Bodies of items that cannot leave at once: each is written into a buffer of its own.
 */
import { bufferFull, spareBytes } from '../avro/codec.js'
import { RivuletError } from '../errors/index.js'
import type { ItemBody } from './item.js'

const firstBytes = 4096

/** Short bodies that follow one another and are equal share their memory: refusals of many calls, which untrusted peers can provoke. */
const sharedBytes = 1024
let lastShort: Buffer = Buffer.alloc(0)

let scratch: Buffer = Buffer.allocUnsafeSlow(firstBytes)
let scratchView = new DataView(scratch.buffer)

/**
 * Writes a body into a buffer. Equal bodies share the buffer: it must not be changed.
 *
 * @throws RIVULET_MESSAGE_TOO_LARGE, and what `writeBody` throws.
 */
export function writeWaiting(body: ItemBody, maxBytes: number): Buffer {
  // a getter of the value that is written may send, too: it then makes a scratch of its own
  let bytes = scratch
  let view = scratchView
  scratch = Buffer.alloc(0)
  for (;;) {
    let end: number
    try {
      end = bytes.length === 0 ? refuse() : body.writeBody(bytes, view, 0, bytes.length)
    } catch (cause) {
      if (cause !== bufferFull) {
        keep(bytes, view)
        throw cause
      }
      if (bytes.length >= maxBytes + spareBytes) throw tooLarge(maxBytes)
      bytes = Buffer.allocUnsafeSlow(Math.max(firstBytes, Math.min(bytes.length * 4, maxBytes + spareBytes)))
      view = new DataView(bytes.buffer)
      continue
    }
    if (end > maxBytes) throw tooLarge(maxBytes)
    if (bytes.length > firstBytes) return end > bytes.length >> 1 ? bytes.subarray(0, end) : copyOf(bytes, end)
    keep(bytes, view)
    return shortCopyOf(bytes, end)
  }
}

function refuse(): never {
  throw bufferFull
}

function keep(bytes: Buffer, view: DataView): void {
  if (bytes.length !== firstBytes) return
  scratch = bytes
  scratchView = view
}

function shortCopyOf(bytes: Buffer, end: number): Buffer {
  if (end > sharedBytes) return copyOf(bytes, end)
  if (end !== lastShort.length || bytes.compare(lastShort, 0, end, 0, end) !== 0) lastShort = copyOf(bytes, end)
  return lastShort
}

function copyOf(bytes: Buffer, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end)
  bytes.copy(copy, 0, 0, end)
  return copy
}

function tooLarge(maxBytes: number): RivuletError {
  return new RivuletError(
    'RIVULET_MESSAGE_TOO_LARGE',
    `a message is larger than ${maxBytes} bytes, the limit of its link`,
  )
}
