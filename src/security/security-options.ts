/**
 * The option `security` of every factory: its rules, and what it resolves to.
 *
 * No message contains a key, and `util.inspect` of what is resolved shows no secret key.
 */
import { RivuletError } from '../errors/index.js'
import { instance, invalidOption } from '../options/index.js'
import { type Allow, admittedKeys, isListStream } from './allow-list.js'
import { checkKeyPair, isKey, type KeyPair, keyCharacters } from './key-pair.js'
import { compileRules, type Policy } from './policy.js'

/** Keys, and who is admitted: the option `security` of every factory. */
export interface SecurityOptions {
  /** The keys of this side, from {@link generateKeyPair}, {@link loadKeyPair} or {@link keyPairFromEnvironment}. */
  readonly keyPair: KeyPair
  /**
   * Who is admitted. Required where the resource binds, refused where it only connects.
   * @defaultValue none
   */
  readonly allow?: Allow
  /**
   * What admitted peers may do; without one, everything. With one, what it does not allow is denied. Only with `allow`.
   * @defaultValue none: admitted peers may do everything
   */
  readonly policy?: Policy
  /**
   * The public key of the server, or several while it changes. Required where the resource connects, unless each
   * endpoint has its own.
   * @defaultValue none
   */
  readonly serverKey?: string | readonly string[]
}

/** `SecurityOptions`, checked. */
export interface ResolvedSecurity {
  readonly keyPair: KeyPair
  readonly allow: Allow | undefined
  readonly policy: Policy | undefined
  /** Empty where there is no `serverKey`. */
  readonly serverKeys: readonly string[]
}

/** What a resource does with its endpoints. */
export interface SecuritySides {
  readonly binds: boolean
  readonly connects: boolean
  /** Whether each endpoint that it connects to has a server key of its own. */
  readonly endpointsHaveKeys?: boolean
}

/** The rule of the option itself; `resolveSecurity` checks what is in it. */
export const securityRule = instance(
  'an object with a keyPair',
  (value): value is SecurityOptions => typeof value === 'object' && value !== null && !Array.isArray(value),
  undefined,
)

const known = ['keyPair', 'allow', 'policy', 'serverKey']

/**
 * Checks the option `security` of a factory; `undefined` if it is left out.
 *
 * @param factory - The public function, for messages: `createRpcServer`.
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveSecurity(
  factory: string,
  options: SecurityOptions | undefined,
  sides: SecuritySides,
): ResolvedSecurity | undefined {
  if (options === undefined) return undefined
  const subject = `${factory}: security`
  const { binds, connects, endpointsHaveKeys = false } = sides
  if (!binds && !connects) throw invalid(`${subject} must be left out where nothing is bound or connected`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw invalid(`${subject} must have ${known.join(', ')} alone, not '${isKey(unknown) ? 'a key' : unknown}'`)
  const { keyPair, allow, policy, serverKey } = options
  if (binds && allow === undefined) {
    throw invalid(`${subject}.allow must be given where the resource binds: name the keys, or say 'any'`)
  }
  if (!binds && allow !== undefined) throw leftOut(subject, 'allow')
  if (!binds && policy !== undefined) throw leftOut(subject, 'policy')
  if (allow !== undefined) checkAllow(`${subject}.allow`, allow)
  if (policy !== undefined) checkPolicy(`${subject}.policy`, policy)
  if (!connects && serverKey !== undefined) {
    throw invalid(`${subject}.serverKey must be left out where the resource only binds`)
  }
  if (connects && serverKey === undefined && !endpointsHaveKeys) {
    throw invalid(`${subject}.serverKey must be given where the resource connects, or each endpoint must have one`)
  }
  const serverKeys = serverKey === undefined ? [] : checkServerKeys(`${subject}.serverKey`, serverKey)
  return Object.freeze({ keyPair: checkKeyPair(`${subject}.keyPair`, keyPair), allow, policy, serverKeys })
}

/**
 * Checks the key or keys of a server, of an option or of an endpoint.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function checkServerKeys(subject: string, serverKey: unknown): readonly string[] {
  const keys: readonly unknown[] = Array.isArray(serverKey) ? serverKey : [serverKey]
  if (keys.length === 0 || !keys.every(isKey)) {
    throw invalid(`${subject} must be a key, or a list of keys, of ${keyCharacters} characters in Z85`)
  }
  return Object.freeze([...new Set(keys)])
}

function checkAllow(subject: string, allow: unknown): void {
  if (allow === 'any' || typeof allow === 'function' || isListStream(allow)) return
  // a text here may be a key, which no message may contain
  if (typeof allow === 'string') throw invalid(`${subject} must be 'any' or keys with their names, not another text`)
  admittedKeys(subject, allow)
}

function checkPolicy(subject: string, policy: unknown): void {
  if (typeof policy === 'function') return
  if (!Array.isArray(policy)) throw invalidOption(subject, 'it', 'a list of rules or a function', policy)
  compileRules(subject, policy)
}

function leftOut(subject: string, name: string): RivuletError {
  return invalid(`${subject}.${name} must be left out where the resource only connects: the side that binds decides`)
}

function invalid(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', message)
}
