/**
 * Key pairs of CURVE (X25519) as text: made, checked, and turned into the keys of `node:crypto`.
 *
 * No message of this file contains a key: a secret key given in place of a public one must not reach a log.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { RivuletError } from '../errors/index.js'
import { z85Decode, z85Encode } from './z85.js'

/** A key pair of X25519, each key as 40 characters of Z85, the text form that ZeroMQ uses. */
export interface KeyPair {
  /** The key that others know this side by. */
  readonly publicKey: string
  /** The key that this side proves itself with. It never leaves the process. */
  readonly secretKey: string
}

/** The length of a key, in bytes and in characters of Z85. */
const keyBytes = 32
export const keyCharacters = 40

/** What comes before the bytes of a key in DER (RFC 8410): PKCS 8 of a secret key, SPKI of a public one. */
const secretKeyPrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
const publicKeyPrefix = Buffer.from('302a300506032b656e032100', 'hex')

/** Letters and digits of base 32 (RFC 4648), in lower case. */
const base32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** Characters of a fingerprint: 125 bits, so that nobody finds another key with the same one. */
const fingerprintCharacters = 25
const fingerprintGroup = 5

/**
 * Makes a key pair.
 *
 * `util.inspect` and `console.log` hide the secret key of the pair; `JSON.stringify` does not.
 *
 * @example
 * ```ts
 * import { generateKeyPair, keyFingerprint } from 'rivulet/security'
 *
 * const keyPair = generateKeyPair()
 * console.log(keyPair.publicKey, keyFingerprint(keyPair.publicKey))
 * ```
 *
 * See RFC 26/CurveZMQ and RFC 32/Z85.
 */
export function generateKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' })
  return makeKeyPair(z85Encode(rawPublicKey(publicKey)), z85Encode(secret.subarray(-keyBytes)))
}

/**
 * Returns the public key of a secret key.
 *
 * @param secretKey - 40 characters of Z85.
 * @throws RIVULET_INVALID_OPTION if it is none; the message does not contain it.
 */
export function publicKeyOf(secretKey: string): string {
  const bytes = keyOf(secretKey)
  if (bytes === undefined) throw malformedKey('publicKeyOf: the secret key')
  return z85Encode(rawPublicKey(createPublicKey(secretKeyObject(bytes))))
}

/**
 * Returns a short text for people to compare a public key by: 25 letters and digits in groups of five.
 *
 * The first 125 bits of SHA-256 over the key: enough that another key with the same fingerprint cannot be found.
 *
 * @param publicKey - 40 characters of Z85.
 * @throws RIVULET_INVALID_OPTION if it is none; the message does not contain it.
 */
export function keyFingerprint(publicKey: string): string {
  const bytes = keyOf(publicKey)
  if (bytes === undefined) throw malformedKey('keyFingerprint: the public key')
  const hash = createHash('sha256').update(bytes).digest()
  let text = ''
  for (let at = 0; at < fingerprintCharacters; at++) {
    if (at > 0 && at % fingerprintGroup === 0) text += '-'
    const bit = at * 5
    const pair = hash.readUInt16BE(bit >> 3)
    text += base32.charAt((pair >> (11 - (bit & 7))) & 31)
  }
  return text
}

/** Tells whether a value is a key: 40 characters of Z85. */
export function isKey(value: unknown): value is string {
  return keyOf(value) !== undefined
}

/** The bytes of a key; `undefined` if the value is none. */
export function keyOf(value: unknown): Buffer | undefined {
  return typeof value === 'string' && value.length === keyCharacters ? z85Decode(value) : undefined
}

/** A key pair whose secret key `util.inspect` hides. */
export function makeKeyPair(publicKey: string, secretKey: string): KeyPair {
  const shown = () => ({ publicKey, secretKey: '[hidden]' })
  return Object.freeze(Object.defineProperty({ publicKey, secretKey }, inspect.custom, { value: shown }))
}

/**
 * Checks a key pair and copies it.
 *
 * @throws RIVULET_INVALID_OPTION; the message contains no key.
 */
export function checkKeyPair(subject: string, value: unknown): KeyPair {
  if (typeof value !== 'object' || value === null)
    throw new RivuletError('RIVULET_INVALID_OPTION', `${subject} must be a key pair, received ${typeof value}`)
  const { publicKey, secretKey } = value as Partial<Record<keyof KeyPair, unknown>>
  for (const [name, key] of [
    ['publicKey', publicKey],
    ['secretKey', secretKey],
  ] as const) {
    if (!isKey(key)) throw malformedKey(`${subject}.${name}`)
  }
  if (publicKeyOf(secretKey as string) !== publicKey) {
    throw new RivuletError(
      'RIVULET_INVALID_OPTION',
      `${subject}.publicKey must be the public key of secretKey: the two do not belong together`,
    )
  }
  return makeKeyPair(publicKey, secretKey as string)
}

/** The secret key as `node:crypto` takes it. */
export function secretKeyObject(bytes: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([secretKeyPrefix, bytes]), format: 'der', type: 'pkcs8' })
}

/** The public key as `node:crypto` takes it. */
export function publicKeyObject(bytes: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicKeyPrefix, bytes]), format: 'der', type: 'spki' })
}

/** The error for a text that should be a key, which it does not contain. */
export function malformedKey(subject: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', `${subject} must be a key of ${keyCharacters} characters in Z85`)
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-keyBytes)
}
