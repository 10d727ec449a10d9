/** Endpoints in a file, which is followed: who changes the file decides where its readers connect. */
import type { Observable } from 'rxjs'
import { type Clock, systemClock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { checkedPath, FollowedFile } from '../security/index.js'
import type { EndpointInput } from './endpoints.js'

/**
 * Follows a list of endpoints in a file, for the option `connect`.
 *
 * The file is JSON: a list of texts and of `{ address, serverKey }`. Emits the list when it is read, and again within a second
 * of each change; `[]` is a list. What holds no list, is missing, or can be changed by group or others, is reported as
 * RIVULET_DISCOVERY_FAILED in `errors` of the resource, and the last good list holds. An endpoint that cannot be used is
 * reported, too, and the others are used.
 *
 * Lifetime: cold; each subscriber reads the file until it unsubscribes. It never completes, never fails, and does not keep the
 * process alive.
 *
 * @param path - The file, at most 16 MiB; a relative path is one of the working directory.
 * @throws RIVULET_INVALID_OPTION if the path is none.
 * @example
 * ```ts compile-only
 * import { createPush, defineSchema, fromFile } from 'rivulet'
 *
 * // workers.json: ["tcp://10.0.0.1:7000", { "address": "tcp://10.0.0.2:7000" }]
 * const schema = defineSchema({ type: 'string' })
 * await using push = await createPush({ schema, connect: fromFile('workers.json') })
 * ```
 */
export function fromFile(path: string): Observable<readonly EndpointInput[]> {
  return new EndpointFile(checkedPath('fromFile', path))
}

/** The observable of a file, with what goes wrong. */
export class EndpointFile extends FollowedFile<readonly EndpointInput[]> {
  constructor(path: string, clock: Clock = systemClock) {
    super(path, { subject: 'fromFile', code: 'RIVULET_DISCOVERY_FAILED', former: 'the last good list', check }, clock)
  }
}

/** Each endpoint is checked by who connects to it. */
function check(list: unknown, place: string): readonly EndpointInput[] {
  if (!Array.isArray(list)) throw new RivuletError('RIVULET_DISCOVERY_FAILED', `${place} must hold a list of endpoints`)
  return list
}
