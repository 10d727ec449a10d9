/** What the processes have in common: a role, a keyring, the directory, and an end. */
import type { RivuletError } from 'rivulet'
import { type Announceable, createDirectory, type Directory } from 'rivulet/directory'
import type { Observable } from 'rxjs'
import { Keyring, type Role } from './keys.js'
import { directoryEndpoint } from './settings.js'

/** The role of this process. */
export const role = process.argv[2] as Role

export const keyring = await Keyring.load(role)

/** Resolves when this process should end: on SIGTERM, or when `start.ts` closes the channel or is gone. */
export const ending = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => resolve())
  process.once('disconnect', () => resolve())
  if (process.send !== undefined && !process.connected) resolve() // before this file was loaded
  // Ctrl-C reaches every process of a terminal; `start.ts` ends them in order
  if (process.connected) process.on('SIGINT', () => {})
})

/** The directory, as a client: what it says about a server includes the public key of that server. */
export async function joinDirectory(): Promise<Directory> {
  const security = { keyPair: keyring.keyPair, serverKey: keyring.of('directory') }
  return await createDirectory({ connect: directoryEndpoint, security })
}

/** Announces a server or a publisher; waits for the directory, but not for longer than this process should live. */
export async function announce(directory: Directory, name: string, resource: Announceable): Promise<void> {
  await Promise.race([directory.announce(name, resource), ending])
}

/** Prints what goes wrong in the background. */
export function printErrors(...resources: { readonly errors: Observable<RivuletError> }[]): void {
  for (const { errors } of resources) {
    errors.subscribe(({ code, message, cause }) =>
      console.error(`${role}: ${code} ${message}`, cause ? String(cause) : ''),
    )
  }
}

/** Tells `start.ts` that this process works. */
export function ready(details = ''): void {
  if (process.connected) process.send?.(details)
}

/** Lets this process exit, when everything is closed. */
export function leave(): void {
  if (process.connected) process.disconnect()
}
