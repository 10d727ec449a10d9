/**
 * Key pairs in files: written whole or not at all, with a mode that keeps others out, and refused if others can read them.
 *
 * The modes are those of POSIX systems; elsewhere they are neither set nor checked.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { defaults, flag, resolveOptions } from '../options/index.js'
import { checkKeyPair, isKey, type KeyPair, makeKeyPair, publicKeyOf } from './key-pair.js'
import { checkedPath, fileFault, openForReading, readText } from './private-file.js'

/** Options of {@link saveKeyPair}. */
export interface SaveKeyPairOptions {
  /**
   * Whether an existing file is replaced.
   * @defaultValue `false`
   */
  readonly overwrite?: boolean
}

const mostFileBytes = 4096
const ownerOnly = 0o600

const saveRules = { overwrite: flag(defaults.overwrite) }

/**
 * Writes a key pair to a file that only its owner can read (mode 0600).
 *
 * Resolves when the file is on disk. It is written under another name and then moved into place: after a crash it is there as
 * a whole or not at all. Its folder must be one that others cannot write to.
 *
 * @param path - Where; a relative path is one of the working directory.
 * @param keyPair - From {@link generateKeyPair}.
 * @param options - Whether an existing file is replaced.
 * @error RIVULET_KEY_FILE if there is a file already and `overwrite` is not true, or if the system refuses;
 * RIVULET_INVALID_OPTION
 * @example
 * ```ts compile-only
 * import { generateKeyPair, loadKeyPair, saveKeyPair } from 'rivulet/security'
 *
 * await saveKeyPair('./server.key', generateKeyPair())
 * const { publicKey } = await loadKeyPair('./server.key')
 * console.log(publicKey) // for the options of others
 * ```
 */
export async function saveKeyPair(path: string, keyPair: KeyPair, options: SaveKeyPairOptions = {}): Promise<void> {
  const { overwrite } = resolveOptions('saveKeyPair', options, saveRules)
  const target = checkedPath('saveKeyPair', path)
  const { publicKey, secretKey } = checkKeyPair('saveKeyPair: the key pair', keyPair)
  const text = `${JSON.stringify({ publicKey, secretKey }, undefined, 2)}\n`
  const draft = join(dirname(target), `.${randomUUID()}.key`)
  try {
    await writeDraft(draft, text)
    // a link fails where there is a file, a move replaces it
    await (overwrite ? rename(draft, target) : link(draft, target))
    await rm(draft, { force: true })
    await flushFolder(dirname(target))
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST'
    const why = isThere ? 'there is a file already; say `overwrite: true` to replace it' : 'the system refused'
    throw keyFileError(`saveKeyPair: ${target} was not written: ${why}`, error)
  }
}

/**
 * Reads a key pair from a file of {@link saveKeyPair}.
 *
 * The file, whatever links lead to it, must belong to this user or to root, and its group and others must have no access.
 *
 * @param path - Where; a relative path is one of the working directory.
 * @error RIVULET_KEY_FILE if it cannot be read, if others have access to it, or if it holds no key pair; the message contains
 * nothing of it
 */
export async function loadKeyPair(path: string): Promise<KeyPair> {
  const target = checkedPath('loadKeyPair', path)
  let text: string
  try {
    const file = await openForReading(target)
    try {
      const fault = fileFault(await file.stat(), 'secret')
      if (fault !== undefined) throw keyFileError(`loadKeyPair: ${target} ${fault}`)
      text = await readText(file, mostFileBytes)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw isRivuletError(error) ? error : keyFileError(`loadKeyPair: ${target} cannot be read`, error)
  }
  const pair = parsePair(text)
  if (pair === undefined) throw keyFileError(`loadKeyPair: ${target} holds no key pair of \`saveKeyPair\``)
  return pair
}

/**
 * Makes the key pair of a secret key in an environment variable, for systems that hand secrets to processes that way.
 *
 * Processes that this one starts inherit the variable unless it is deleted.
 *
 * @param name - The variable; its value is a secret key, 40 characters of Z85.
 * @throws RIVULET_INVALID_OPTION if it is not set or is no key; the message does not contain its value.
 */
export function keyPairFromEnvironment(name: string): KeyPair {
  if (isKey(String(name).trim())) {
    const problem = 'the name of a variable is needed, and this is a key'
    throw new RivuletError('RIVULET_INVALID_OPTION', `keyPairFromEnvironment: ${problem}`)
  }
  const secretKey = process.env[name]?.trim()
  if (!isKey(secretKey)) {
    const problem = secretKey === undefined ? 'is not set' : 'is not a secret key of 40 characters in Z85'
    throw new RivuletError('RIVULET_INVALID_OPTION', `keyPairFromEnvironment: the variable ${name} ${problem}`)
  }
  return makeKeyPair(publicKeyOf(secretKey), secretKey)
}

async function writeDraft(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, ownerOnly)
  try {
    // whatever the mask of the process leaves
    await file.chmod(ownerOnly)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the name of the file last; Windows has no such thing. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder: FileHandle = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The key pair of a file; `undefined` if the text is none. What is in it beside the keys is for other versions. */
function parsePair(text: string): KeyPair | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { publicKey, secretKey } = value as Partial<Record<keyof KeyPair, unknown>>
  if (!isKey(publicKey) || !isKey(secretKey) || publicKeyOf(secretKey) !== publicKey) return undefined
  return makeKeyPair(publicKey, secretKey)
}

function keyFileError(message: string, cause?: unknown): RivuletError {
  return new RivuletError('RIVULET_KEY_FILE', message, { cause })
}
