/**
 * What an announcement may be: checked where it is made, where it arrives at a host, and where a host shows it.
 *
 * It knows no policy and no limits of numbers: a host has those.
 */
import { isWellFormed } from '../../src/avro/write-primitives.js'
import { isRivuletError } from '../../src/errors/index.js'
import { parseEndpoint } from '../../src/net/index.js'
import { isKey } from '../../src/security/index.js'
import type { Announced, Place } from './wire.js'

/** The longest name of a service or peer, in characters. */
export const maxNameCharacters = 255
/** Endpoints of one announcement. */
export const maxPlaces = 16
/** The longest endpoint, in characters. */
const maxAddressCharacters = 512
/** Keys of one endpoint. */
const maxServerKeys = 8
/** What the keys and values of the metadata of one announcement may take, in bytes of UTF-8. */
export const maxMetadataBytes = 4096
/** How many there may be. */
export const maxMetadataKeys = 64

const control = /\p{Cc}/u
const instancePattern = /^[\w-]{1,64}$/

/** Whether a text can be the name of a service or a peer. */
export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= maxNameCharacters &&
    isWellFormed(value) &&
    !control.test(value)
  )
}

/** Whether a text can be the id of an instance or of a client. */
export function isInstance(value: unknown): value is string {
  return typeof value === 'string' && instancePattern.test(value)
}

/** Says what is wrong with metadata; `undefined` if nothing is. */
export function metadataFault(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return 'must be an object of texts'
  const pairs = Object.entries(metadata)
  if (pairs.length > maxMetadataKeys) return `must have at most ${maxMetadataKeys} keys`
  let bytes = 0
  for (const [key, value] of pairs) {
    if (typeof value !== 'string' || !isWellFormed(key) || !isWellFormed(value))
      return 'must have well-formed texts alone'
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  return bytes > maxMetadataBytes ? `must take at most ${maxMetadataBytes} bytes, not ${bytes}` : undefined
}

/** Says what is wrong with endpoints; `undefined` if nothing is. */
export function placesFault(places: readonly Place[]): string | undefined {
  if (places.length === 0 || places.length > maxPlaces) return `must be 1 to ${maxPlaces} endpoints`
  for (const { address, serverKeys = [] } of places) {
    if (address.length > maxAddressCharacters || !isWellFormed(address)) {
      return `must have at most ${maxAddressCharacters} characters each`
    }
    const fault = addressFault(address)
    if (fault !== undefined) return `must be endpoints to connect to: ${fault}`
    if (serverKeys.length > maxServerKeys || !serverKeys.every(isKey)) {
      return `must have at most ${maxServerKeys} keys of 40 characters in Z85 each`
    }
  }
  return undefined
}

/** Says what is wrong with an announcement from the wire; `undefined` if nothing is. */
export function announcementFault({
  instance,
  revision,
  name,
  epoch,
  places,
  metadata,
}: Announced): string | undefined {
  if (!isInstance(instance)) return 'its instance must have 1 to 64 letters, digits, _ and -'
  if (!isNumber(revision) || revision < 1) return 'its revision must be 1 or more'
  if (!isName(name)) return `its name must have 1 to ${maxNameCharacters} characters, none of them a control character`
  if (!isNumber(epoch ?? 0) || (epoch ?? 0) < 0) return 'its epoch must be 0 or more'
  const ofPlaces = placesFault(places)
  if (ofPlaces !== undefined) return `its endpoints ${ofPlaces}`
  const ofMetadata = metadataFault(metadata ?? {})
  return ofMetadata === undefined ? undefined : `its metadata ${ofMetadata}`
}

/** Whether a long of the wire is a number that counts. */
export function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function addressFault(address: string): string | undefined {
  try {
    parseEndpoint(address, 'connect')
    return undefined
  } catch (error) {
    if (isRivuletError(error)) return error.message
    throw error
  }
}
