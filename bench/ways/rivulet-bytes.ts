/** Rivulet's streams with pieces of bytes: as they come, and behind their length. */
import { bytes, connectStream, createStreamListener, lengthPrefixed, type StreamOptions } from 'rivulet/socket'
import { type ByteWay, pieceBytes } from './byte-way.js'

const bind = 'tcp://127.0.0.1:*'

/** What both sides are given beside the endpoint. */
type Messages = Pick<StreamOptions<Uint8Array, Buffer>, 'framing' | 'schema'>

/** Returns the way with such messages. */
export const rivuletPieces = (messages: Messages): ByteWay => ({
  async receive() {
    let received = 0
    const listener = await createStreamListener<Uint8Array, Buffer>({ ...messages, bind })
    listener.connections.subscribe((connection) =>
      connection.messages.subscribe((piece) => {
        received += piece.length
      }),
    )
    return { endpoints: listener.endpoints, counter: () => received / pieceBytes }
  },

  async send([address]) {
    const connection = await connectStream<Uint8Array, Buffer>({ ...messages, connect: address as string })
    const piece = Buffer.alloc(pieceBytes, 7)
    for (;;) await connection.send(piece)
  },
})

export const rivuletBytes: ByteWay = rivuletPieces({ framing: bytes() })
export const rivuletPrefixed: ByteWay = rivuletPieces({ framing: lengthPrefixed() })
