/**
 * The keys of the demonstration with `--secure`: a pair for each kind of process, and the public keys of all others.
 *
 * The parent makes them, and hands each child its secret key in the environment. Without `--secure` there are none.
 */
import { generateKeyPair, type KeyPair, keyPairFromEnvironment, type SecurityOptions } from 'rivulet/security'

const roles = ['main', 'queue-host', 'catalogue', 'worker'] as const

/** A kind of process; workers have one key in common. */
export type Role = (typeof roles)[number]

const secretKeyVariable = 'RIVULET_DEMO_SECRET_KEY'
const publicKeysVariable = 'RIVULET_DEMO_PUBLIC_KEYS'

/** What a factory is given beside its other options; nothing without `--secure`. */
interface Secured {
  readonly security?: SecurityOptions
}

/** The keys that one process has. */
export class Keyring {
  readonly #own: KeyPair | undefined
  /** By role: who is admitted, and by which name. */
  readonly #publicKeys: Readonly<Record<string, string>>
  /** What children get; only in the parent. */
  readonly #pairs: ReadonlyMap<Role, KeyPair>

  private constructor(own?: KeyPair, publicKeys = {}, pairs: ReadonlyMap<Role, KeyPair> = new Map()) {
    this.#own = own
    this.#publicKeys = publicKeys
    this.#pairs = pairs
  }

  /** In the parent: makes all keys, or none. */
  static make(isSecure: boolean): Keyring {
    if (!isSecure) return new Keyring()
    const pairs = new Map(roles.map((role) => [role, generateKeyPair()]))
    const publicKeys = Object.fromEntries([...pairs].map(([role, { publicKey }]) => [role, publicKey]))
    return new Keyring(pairs.get('main'), publicKeys, pairs)
  }

  /** In a child: takes the keys out of the environment, where no process that it starts finds them. */
  static inherit(): Keyring {
    const publicKeys = process.env[publicKeysVariable]
    if (publicKeys === undefined) return new Keyring()
    const own = keyPairFromEnvironment(secretKeyVariable)
    delete process.env[secretKeyVariable]
    return new Keyring(own, JSON.parse(publicKeys))
  }

  /** The environment of a child. */
  environmentOf(role: Role): NodeJS.ProcessEnv {
    const pair = this.#pairs.get(role)
    if (pair === undefined) return process.env
    return {
      ...process.env,
      [secretKeyVariable]: pair.secretKey,
      [publicKeysVariable]: JSON.stringify(this.#publicKeys),
    }
  }

  /** Options of what binds: it admits the processes of the demonstration. */
  get binding(): Secured {
    return this.#own ? { security: { keyPair: this.#own, allow: this.#publicKeys } } : {}
  }

  /** Options of what connects to processes that a directory knows, with their keys. */
  get connecting(): Secured {
    return this.#own ? { security: { keyPair: this.#own } } : {}
  }

  /** Options of what connects to a process. */
  connectingTo(role: Role): Secured {
    const serverKey = this.#publicKeys[role]
    return this.#own && serverKey ? { security: { keyPair: this.#own, serverKey } } : {}
  }
}
