/** Validation of batches of untrusted peers; Avro has checked the types before. */
import { RivuletError } from '../../src/errors/index.js'
import type { MessageBatch } from './wire.js'

/** The most messages of one batch. */
export const maxBatchMessages = 65_536

/** The error for an invalid request. */
export function invalidRequest(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_REQUEST', message, { executed: 'no' })
}

/** @throws RIVULET_INVALID_REQUEST for a batch that no peer makes, RIVULET_MESSAGE_TOO_LARGE. */
export function checkBatch(
  { sequence, number, schemaId, lengths, bodies }: MessageBatch,
  maxMessageBytes: number,
): void {
  const count = lengths.length
  if (count === 0 || count > maxBatchMessages) throw invalidRequest(`a batch of ${count} messages`)
  if (!(number > 0)) throw invalidRequest('the number of a batch is not positive')
  if (!(sequence > 0 && sequence + count <= Number.MAX_SAFE_INTEGER)) {
    throw invalidRequest('the sequence of a batch is not one that messages can have')
  }
  if (schemaId.length !== 16) throw invalidRequest('the schemaId of a batch is not 16 bytes')
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const length = lengths[i] as number
    if (length < 0) throw invalidRequest('the length of a message is negative')
    if (length > maxMessageBytes) {
      const message = `a message of ${length} bytes, more than maxMessageBytes of the receiver, ${maxMessageBytes}`
      throw new RivuletError('RIVULET_MESSAGE_TOO_LARGE', message, { executed: 'no' })
    }
    bytes += length
  }
  if (bytes !== bodies.length) throw invalidRequest('the lengths of a batch are not those of its messages')
}
