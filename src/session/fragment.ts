/** What of an item leaves at once: all of it, or a part. */
import { bufferFull } from '../avro/codec.js'

/** What leaves at once, in bytes: larger items go in fragments of this size. */
export const fragmentBytes = 32_768

const noBytes: Buffer = Buffer.alloc(0)

/** An item, or a part of one, that may leave now; writes itself. */
export class Fragment {
  stream = 0
  kind = 0
  flags = 0
  body: Buffer = noBytes
  start = 0
  end = 0

  /** Lets go of the body. */
  clear(): void {
    this.body = noBytes
    this.start = this.end = 0
  }

  /** As an `ItemBody`. */
  writeBody(bytes: Buffer, _view: DataView, position: number, end: number): number {
    if (position + this.end - this.start > end) throw bufferFull
    this.body.copy(bytes, position, this.start, this.end)
    return position + this.end - this.start
  }
}
