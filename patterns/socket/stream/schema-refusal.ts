/** The last frame of a side that ends a typed connection because of its peer, and what the peer makes of it. */
import { brief } from '../../../src/avro/codec.js'
import { maxReceivedCharacters, RivuletError, receivedError } from '../../../src/errors/index.js'
import { frameKind, lengthBytes, readRecordFrame, StreamRefusal, writeRecordFrame } from '../../../src/wire/index.js'

/** The largest refusal that is read, in bytes. */
export const maxRefusalBytes = 65_536

/** Places of a schema that are named. */
const maxIssues = 16

/** The longest text of a place, in characters. */
const maxIssueCharacters = 300

const brought = (text: string): string => brief(text, maxIssueCharacters).toWellFormed()

/** Returns the bytes of a refusal, its length first. */
export function refusalBytes({ code, message, issues }: RivuletError): Buffer {
  const refusal = {
    code,
    message: brief(message, maxReceivedCharacters).toWellFormed(),
    issues: issues.slice(0, maxIssues).map((one) => ({ path: brought(one.path), message: brought(one.message) })),
  }
  const frame = writeRecordFrame(StreamRefusal, refusal, frameKind.streamRefusal, undefined)
  const length = Buffer.allocUnsafe(lengthBytes)
  length.writeUInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

/**
 * Returns what a refusal ends the connection with.
 *
 * @throws RIVULET_BAD_FRAME
 */
export function refusedBy(frame: Buffer): RivuletError {
  const { code, message, issues } = readRecordFrame(StreamRefusal, frame, frameKind.streamRefusal, undefined)
  const { code: known, message: text } = receivedError(code, message)
  return new RivuletError(known, `the peer has ended the connection: ${text}`, {
    issues: issues.slice(0, maxIssues).map((one) => ({ path: brought(one.path), message: brought(one.message) })),
  })
}
