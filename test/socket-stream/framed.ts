/** A framing without a connection: what its writer makes of messages, and what its reader makes of pieces of bytes. */
import type { Framing, FramingScope } from '../../patterns/socket/stream/framing.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** What a reader makes of bytes. */
export interface Outcome {
  /** The messages; in the place of one that cannot be read, the code of its error. */
  readonly messages: readonly unknown[]
  /** The code of what ended the reading, or of what was left at the end. */
  readonly failure: string | undefined
  /** The most that it kept of an incomplete frame, in bytes. */
  readonly buffered: number
}

const scope: FramingScope = {
  clock: new VirtualClock(),
  side: 'connect',
  name: () => 'a connection',
  report: () => {},
  lose: () => {},
  wake: () => {},
}

/** The bytes of messages, all together. */
export function written<In>(framing: Framing<In, unknown>, messages: readonly In[]): Buffer {
  const { writer } = framing.open(scope)
  for (const message of messages) writer.write(message)
  const frames = writer.take()
  return Buffer.concat(frames.flatMap(({ parts }) => parts))
}

/** Reads pieces of bytes, each in memory of its own, and the end behind them. */
export function readAll<Out>(framing: Framing<never, Out>, pieces: readonly Buffer[]): Outcome {
  const { reader } = framing.open(scope)
  const messages: unknown[] = []
  let buffered = 0
  for (const piece of pieces) {
    for (const supply of reader.receive(Buffer.from(piece))) {
      while (supply.remaining > 0) {
        try {
          messages.push(supply.take())
        } catch (error) {
          supply.failed(error)
          messages.push((error as { code: string }).code)
        }
      }
    }
    buffered = Math.max(buffered, reader.buffered)
  }
  const failure = reader.failure ?? reader.end()
  return { messages, failure: failure?.code, buffered }
}

/** Cuts bytes at these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other)
  return [...cuts, bytes.length].map((end, at) => bytes.subarray(at === 0 ? 0 : cuts[at - 1], end))
}

/** Cuts bytes one by one. */
export function singleBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}
