/**
 * An allow list in a file, which is followed: who changes the file admits and revokes.
 *
 * The file is looked at several times a second, which works on every file system, for links, and for files that are replaced by
 * others. What is no list is reported, and the last good list holds.
 */
import type { Observable } from 'rxjs'
import { type Clock, systemClock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { type AllowList, admittedKeys } from './allow-list.js'
import { FollowedFile } from './followed-file.js'
import { checkedPath } from './private-file.js'

/**
 * Follows an allow list in a file: JSON, the names with their key or keys.
 *
 * Emits the list when it is read, and again within a second of each change; the option `allow` of a resource takes it. What
 * holds no list, is missing, or can be changed by group or others, is reported in `errors` of the resource, and the last good
 * list holds: write `{}` to admit nobody. Several keys of one name are a list of texts.
 *
 * Lifetime: cold; each subscriber reads the file until it unsubscribes. It never completes, never fails, and does not keep the
 * process alive.
 *
 * @param path - The file, at most 16 MiB; a relative path is one of the working directory.
 * @throws RIVULET_INVALID_OPTION if the path is none.
 * @example
 * ```ts compile-only
 * import { allowListFile, loadKeyPair, type SecurityOptions } from 'rivulet/security'
 *
 * // allowed.json: { "alice": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" }
 * const allow = allowListFile('allowed.json')
 * const security: SecurityOptions = { keyPair: await loadKeyPair('server.key'), allow }
 * ```
 */
export function allowListFile(path: string): Observable<AllowList> {
  return new AllowListFile(checkedPath('allowListFile', path))
}

/** The observable of a file, with what goes wrong. */
export class AllowListFile extends FollowedFile<AllowList> {
  constructor(path: string, clock: Clock = systemClock) {
    super(path, { subject: 'allowListFile', code: 'RIVULET_KEY_FILE', former: 'the last good list', check }, clock)
  }
}

function check(list: unknown, place: string): AllowList {
  if (Array.isArray(list))
    throw new RivuletError('RIVULET_KEY_FILE', `${place} must hold names with their keys, not a list`)
  admittedKeys(place, list)
  return list as AllowList
}
