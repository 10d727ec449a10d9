/**
 * The keys: each role has a pair in a file of its own, and `public.json` has the public keys of all.
 *
 * `npm start` makes what is missing, and so does `npm run keys`. On several machines, each would have its own pair alone.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKeyPair, type KeyPair, loadKeyPair, saveKeyPair } from 'rivulet/security'
import { dataFolder } from './settings.js'

/** One for each process, in the order in which they are started. */
export const roles = ['directory', 'queue', 'service', 'worker-1', 'worker-2', 'web'] as const
export type Role = (typeof roles)[number]

const folder = join(dataFolder, 'keys')
const publicFile = join(folder, 'public.json')
const fileOf = (role: Role) => join(folder, `${role}.key`)

/** Makes the pairs that are missing, and writes the list of public keys. */
export async function makeKeys(): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const publicKeys: Partial<Record<Role, string>> = {}
  for (const role of roles) {
    if (!existsSync(fileOf(role))) await saveKeyPair(fileOf(role), generateKeyPair())
    publicKeys[role] = (await loadKeyPair(fileOf(role))).publicKey
  }
  await writeFile(publicFile, JSON.stringify(publicKeys, null, 2), { mode: 0o600 })
}

/** What a process knows: its own pair, and the public keys of the others. */
export class Keyring {
  readonly keyPair: KeyPair
  readonly #publicKeys: Readonly<Record<Role, string>>

  private constructor(keyPair: KeyPair, publicKeys: Readonly<Record<Role, string>>) {
    this.keyPair = keyPair
    this.#publicKeys = publicKeys
  }

  static async load(role: Role): Promise<Keyring> {
    return new Keyring(await loadKeyPair(fileOf(role)), JSON.parse(await readFile(publicFile, 'utf8')))
  }

  /** The public key of a role. */
  of(role: Role): string {
    return this.#publicKeys[role]
  }

  /** An allow list: these roles are admitted, and known by their names. */
  allow(...roles: Role[]): Record<string, string> {
    return Object.fromEntries(roles.map((role) => [role, this.of(role)]))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeKeys()
