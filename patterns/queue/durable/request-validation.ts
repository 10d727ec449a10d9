/**
 * Validation of requests of untrusted peers to a host of queues: the engine gets valid ones only.
 *
 * Avro has checked the types before; here are the bounds, and the fields that belong together.
 */
import { maxDelayMs, maxReasonCharacters, maxStackCharacters, type SettledRange } from '../../../src/delivery/index.js'
import type { MessageBlock, MessageExtras, Settlement } from '../../../src/engine/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import type { PeerIdentity } from '../../../src/security/index.js'
import type { ProducedBatch } from './wire.js'

/** The most messages of one batch. */
export const maxBatchMessages = 65_536

/** The most characters of an id, of a key, of the name of a producer or consumer. */
export const maxNameCharacters = 255

/** The most characters of the name of a queue. */
export const maxQueueNameCharacters = 128

/** The error for an invalid request. */
export function invalidRequest(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_REQUEST', message, { executed: 'no' })
}

/** Whether a text can be the name of a queue: no spaces, no control characters, not empty. */
export function isQueueName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= maxQueueNameCharacters && /^[\p{L}\p{N}_.:/@+-]+$/u.test(name)
}

/** Returns a name if it can be one. */
export function nameOf(what: string, name: string): string {
  if (name.length === 0 || name.length > maxNameCharacters) {
    throw invalidRequest(`${what} has ${name.length} characters, not 1 to ${maxNameCharacters}`)
  }
  return name
}

/** Returns a batch of a sender as the engine takes it. */
export function blockOf(batch: ProducedBatch, maxMessageBytes: number, sender?: PeerIdentity): MessageBlock {
  const { sequence, number, schemaId, lengths, checks, bodies } = batch
  const count = lengths.length
  if (count === 0 || count > maxBatchMessages) throw invalidRequest(`a batch of ${count} messages`)
  if (!(number > 0)) throw invalidRequest('the number of a batch is not positive')
  if (!(sequence > 0 && sequence + count <= Number.MAX_SAFE_INTEGER)) {
    throw invalidRequest('the sequence of a batch is not one that messages can have')
  }
  if (schemaId.length !== 16) throw invalidRequest('the schemaId of a batch is not 16 bytes')
  if (checks.length !== 4 * count) throw invalidRequest(`${checks.length} bytes of checks for ${count} messages`)
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const length = lengths[i] as number
    if (length < 0) throw invalidRequest('the length of a message is negative')
    if (length > maxMessageBytes) throw tooLarge(length, maxMessageBytes)
    bytes += length
  }
  if (bytes !== bodies.length) throw invalidRequest('the lengths of a batch are not those of its messages')
  return { count, schemaId, lengths, checks, bodies, extras: extrasOf(batch.extras, count), sender }
}

/** Returns what a consumer says about messages as the engine takes it; `undefined` if it is of no lease that it may have. */
export function settlementOf(range: SettledRange, mayHave: (range: SettledRange) => boolean): Settlement | undefined {
  const { lease, index, count, kind, delayMs, reason, stack, unreadable } = range
  if (!(index >= 0 && count > 0 && index + count <= maxBatchMessages)) {
    throw invalidRequest(`a settlement of ${count} messages from ${index} on`)
  }
  if (delayMs != null && !(delayMs >= 0 && delayMs <= maxDelayMs)) throw invalidRequest('a delay beyond the bounds')
  if (!mayHave(range)) return undefined
  return {
    lease,
    index,
    count,
    kind,
    ...(delayMs != null && { delayMs }),
    ...(reason != null && { reason: reason.slice(0, maxReasonCharacters) }),
    ...(stack != null && { stack: stack.slice(0, maxStackCharacters) }),
    ...(unreadable && { unreadable }),
  }
}

const noExtras: readonly MessageExtras[] = Object.freeze([])

function extrasOf(given: ProducedBatch['extras'], count: number): readonly MessageExtras[] {
  if (given === undefined || given.length === 0) return noExtras
  let last = -1
  return given.map(({ index, id, key, delayMs, ttlMs }) => {
    if (index <= last || index >= count) throw invalidRequest('extras of a batch are not by rising index')
    last = index
    const isDelay = delayMs == null || (delayMs >= 0 && delayMs <= maxDelayMs)
    const isLife = ttlMs == null || (ttlMs > 0 && ttlMs <= maxDelayMs)
    if (!isDelay || !isLife) throw invalidRequest('a time of a message beyond the bounds')
    return {
      index,
      ...(id != null && { id: nameOf('an id', id) }),
      ...(key != null && { key: nameOf('a key', key) }),
      ...(delayMs != null && { delayMs }),
      ...(ttlMs != null && { ttlMs }),
    }
  })
}

function tooLarge(length: number, maxMessageBytes: number): RivuletError {
  const message = `a message of ${length} bytes, more than maxMessageBytes of the host, ${maxMessageBytes}`
  return new RivuletError('RIVULET_MESSAGE_TOO_LARGE', message, { executed: 'no' })
}
