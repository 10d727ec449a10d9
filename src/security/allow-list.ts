/**
 * Allow lists: which keys are admitted, and by which names they are known.
 *
 * This file checks lists that are there; `list-admission.ts` and `function-admission.ts` decide with them.
 */
import type { Observable } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import { describe } from '../options/index.js'
import { isKey, keyCharacters, keyFingerprint, keyOf } from './key-pair.js'

/** Who a peer is: its key, and the name that the allow list gives to it. */
export interface PeerIdentity {
  /** The name in the allow list; where the list has no names, the fingerprint of the key. */
  readonly name: string
  /** The public key that the peer has proved to own, 40 characters of Z85. */
  readonly publicKey: string
}

/** Public keys by name. Several keys may belong to one name, so that a key can be replaced without an interruption. */
export type AllowList = Readonly<Record<string, string | readonly string[]>>

/** Decides about one key: a name or true admits it, false refuses it. */
export type AllowFunction = (
  /** The public key of the peer, 40 characters of Z85. */
  publicKey: string,
  /** What else is known of the peer: the address that it connects from, without a port. */
  peer: { readonly address: string },
) => string | boolean | Promise<string | boolean>

/**
 * Who is admitted: any peer that has a key, the keys of a list, those of the newest list of an observable, or those
 * that a function admits.
 */
export type Allow = 'any' | AllowList | readonly string[] | Observable<AllowList> | AllowFunction

/** The admitted keys, with the identity of each. */
export type AdmittedKeys = ReadonlyMap<string, PeerIdentity>

const mostNameCharacters = 128
/** Control characters, line and paragraph separators, and marks that change the direction of what follows. */
const unsafeCharacter = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** What is wrong with the name of a peer; `undefined` if nothing is. */
export function nameFault(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'must be a text that is not empty'
  if (keyOf(name) !== undefined) return 'must be a name: this is a key; the name stands before its keys'
  if (name.length > mostNameCharacters) return `must have at most ${mostNameCharacters} characters`
  if (name === '*') return "must be a name: '*' stands for every peer"
  if (unsafeCharacter.test(name) || !name.isWellFormed()) return 'must have no control characters'
  return name === name.trim() ? undefined : 'must not begin or end with a space'
}

/** Tells whether an allow list is an observable of lists, of any copy of RxJS. */
export function isListStream(allow: unknown): allow is Observable<unknown> {
  return typeof allow === 'object' && allow !== null && 'subscribe' in allow && typeof allow.subscribe === 'function'
}

/** The identity of a key that has no name. */
export function namelessIdentity(publicKey: string): PeerIdentity {
  return Object.freeze({ name: keyFingerprint(publicKey), publicKey })
}

/**
 * Checks a list and returns its keys.
 *
 * @param subject - What the list is, for messages: `createRpcServer: security.allow`.
 * @throws RIVULET_INVALID_OPTION; the message contains no key.
 */
export function admittedKeys(subject: string, list: unknown): AdmittedKeys {
  const admitted = new Map<string, PeerIdentity>()
  const add = (place: string, identity: PeerIdentity) => {
    const other = admitted.get(identity.publicKey)
    if (other !== undefined) throw invalid(`${place} has a key that ${described(other)} has already`)
    admitted.set(identity.publicKey, identity)
  }
  if (Array.isArray(list)) {
    for (const [at, key] of list.entries()) {
      const place = `${subject}[${at}]`
      if (!isKey(key)) throw notAKey(place)
      add(place, namelessIdentity(key))
    }
    return admitted
  }
  // a map, a set or a promise has no entries, and would admit nobody without a word
  const kind = Object.prototype.toString.call(list).slice('[object '.length, -1)
  if (kind !== 'Object') throw invalid(`${subject} must be names with their keys, received ${kind}`)
  for (const [name, keys] of Object.entries(list as object)) {
    const fault = nameFault(name)
    if (fault !== undefined) throw invalid(`${subject}: each name ${fault}`)
    const place = `${subject}: the entry ${describe(name)}`
    for (const key of Array.isArray(keys) ? keys : [keys]) {
      if (!isKey(key)) throw notAKey(place)
      add(place, Object.freeze({ name, publicKey: key }))
    }
  }
  return admitted
}

function described({ name }: PeerIdentity): string {
  return `the entry ${describe(name)}`
}

function notAKey(place: string): RivuletError {
  return invalid(`${place} must have keys of ${keyCharacters} characters in Z85`)
}

function invalid(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', message)
}
