/** Rivulet's streams with pieces of bytes: as they come, behind their length, and as typed messages. */
import { defineSchema } from 'rivulet/avro'
import { bytes, connectStream, createStreamListener, lengthPrefixed } from 'rivulet/socket'
import { type ByteWay, pieceBytes } from './byte-way.js'

const bind = 'tcp://127.0.0.1:*'

/** What both sides are given beside the endpoint. */
type Options = Pick<Parameters<typeof createStreamListener<Buffer, Buffer>>[0], 'framing' | 'schema'>

const way = (options: Options): ByteWay => ({
  async receive() {
    let received = 0
    const listener = await createStreamListener<Buffer, Buffer>({ ...options, bind } as never)
    listener.connections.subscribe((connection) =>
      connection.messages.subscribe((piece) => {
        received += piece.length
      }),
    )
    return { endpoints: listener.endpoints, counter: () => received / pieceBytes }
  },

  async send([address]) {
    const connection = await connectStream<Buffer, Buffer>({ ...options, connect: address } as never)
    const piece = Buffer.alloc(pieceBytes, 7)
    for (;;) await connection.send(piece)
  },
})

export const rivuletBytes: ByteWay = way({ framing: bytes() } as Options)
export const rivuletPrefixed: ByteWay = way({ framing: lengthPrefixed() } as Options)
export const rivuletTypedBytes: ByteWay = way({ schema: defineSchema('bytes') } as Options)
