/** No framing: each message is a piece of the stream, cut wherever the network has cut it. */
import type { RivuletError } from '../../../src/errors/index.js'
import { noSupplies, suppliesOf } from './frame-supply.js'
import type { FrameReader, FrameWriter, Framing, WrittenFrames } from './framing.js'
import { asBuffer } from './message-bytes.js'
import { WrittenBytes } from './written-bytes.js'

/**
 * Leaves a byte stream as it is: messages are the pieces in which it arrives, at most 64 KiB each.
 *
 * The pieces that are sent and those that arrive are not the same; only their order is. A piece of 8 KiB or more that is sent is
 * not copied: do not change it afterwards.
 *
 * @example
 * ```ts compile-only
 * import { createReadStream } from 'node:fs'
 * import { bytes, connectStream } from 'rivulet/socket'
 *
 * await using connection = await connectStream({ framing: bytes(), connect: 'tcp://127.0.0.1:7000' })
 * await connection.sendAll(createReadStream('upload.bin'))
 * connection.complete()
 * ```
 */
export function bytes(): Framing<Uint8Array, Buffer> {
  return framing
}

class ByteReader implements FrameReader<Buffer> {
  readonly buffered = 0
  readonly failure = undefined

  receive(chunk: Buffer) {
    return chunk.length === 0 ? noSupplies : suppliesOf(chunk, chunk, noSupplies, decode)
  }

  end(): RivuletError | undefined {
    return undefined
  }
}

class ByteWriter implements FrameWriter<Uint8Array> {
  readonly #written = new WrittenBytes()

  get bytes(): number {
    return this.#written.bytes
  }

  write(piece: Uint8Array): void {
    this.#written.append(asBuffer('bytes', piece))
    this.#written.endMessage()
  }

  take(): readonly WrittenFrames[] {
    return this.#written.take()
  }
}

const framing: Framing<Uint8Array, Buffer> = Object.freeze({
  name: 'bytes',
  open: () => ({ reader: new ByteReader(), writer: new ByteWriter() }),
})

function decode(piece: Buffer): Buffer {
  return piece
}
