/**
 * An announcement as a user holds it, and how a resource becomes what is announced of it.
 */

import { randomBytes } from 'node:crypto'
import type { Endpoint } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { Closable } from '../../src/lifecycle/index.js'
import { parseEndpoint } from '../../src/net/index.js'
import { invalidOption } from '../../src/options/index.js'
import { entriesOf, placeOf } from './announced-lists.js'
import { placesFault } from './announcement-check.js'
import type { Announcing } from './own-announcements.js'
import type { Place } from './wire.js'

/** What can be announced: any resource with endpoints. */
export interface Announceable extends Pick<Closable, 'status' | 'whenClosed'> {
  /** Where it is bound. */
  readonly endpoints: readonly string[]
  /** The key by which clients know it, if it has security. */
  readonly publicKey?: string | undefined
}

/** A resource that is announced in a directory. */
export interface Announcement {
  /** The name under which it is announced. */
  readonly name: string
  /** Tells this announcement from all others; random. */
  readonly instance: string
  /** Where clients connect. */
  readonly endpoints: readonly Endpoint[]
  /** What clients see of it. */
  readonly metadata: Readonly<Record<string, string>>
  /** Whether it has been withdrawn, or has ended with its directory. */
  readonly closed: boolean
  /**
   * Withdraws it.
   *
   * Resolves when the connected hosts have confirmed that; a host that is not connected learns of it when it is. The
   * resource stays open. Further calls return the same. Never rejects.
   */
  close(): Promise<void>
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Where clients of a resource connect.
 *
 * @param given - What the caller says instead; empty for the endpoints of the resource.
 * @throws RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT
 */
export function placesOf(subject: string, resource: Announceable, given: readonly Endpoint[]): readonly Place[] {
  const keys = resource.publicKey === undefined ? [] : [resource.publicKey]
  const withKey = ({ address, serverKey = keys }: Endpoint) => placeOf({ address, serverKey })
  const places =
    given.length > 0 ? given.map(withKey) : reachable(subject, resource).map((address) => withKey({ address }))
  for (const { address } of places) parseEndpoint(address, 'connect')
  const fault = placesFault(places)
  if (fault !== undefined) throw new RivuletError('RIVULET_INVALID_OPTION', `${subject}: endpoints ${fault}`)
  return places
}

/** @throws RIVULET_INVALID_OPTION if a value is no resource; RIVULET_CLOSED if it is closed. */
export function checkAnnounceable(subject: string, resource: unknown): asserts resource is Announceable {
  const { endpoints, whenClosed } = (resource ?? {}) as Partial<Announceable>
  if (!Array.isArray(endpoints) || !(whenClosed instanceof Promise)) {
    throw invalidOption(subject, 'resource', 'a resource that is bound: a server, host, publisher, pull, …', resource)
  }
  const { status } = resource as Announceable
  if (status !== 'open') throw new RivuletError('RIVULET_CLOSED', `${subject}: the resource is ${status}`)
}

/** An announcement of one client. */
export class HeldAnnouncement implements Announcement {
  /** What hosts get. */
  readonly announcing: Announcing
  readonly endpoints: readonly Endpoint[]
  readonly metadata: Readonly<Record<string, string>>
  readonly #withdraw: (instance: string) => Promise<void>
  readonly #holds: () => boolean
  #closing: Promise<void> | undefined

  constructor(
    name: string,
    places: readonly Place[],
    metadata: Readonly<Record<string, string>>,
    withdraw: (instance: string) => Promise<void>,
    holds: () => boolean,
  ) {
    const instance = randomBytes(16).toString('hex')
    this.announcing = { instance, role: 'SERVICE', name, epoch: 0, places: [...places], metadata }
    this.endpoints = Object.freeze(entriesOf([{ ...this.announcing, revision: 1 }]).map(({ endpoint }) => endpoint))
    this.metadata = metadata
    this.#withdraw = withdraw
    this.#holds = holds
  }

  get name(): string {
    return this.announcing.name
  }

  get instance(): string {
    return this.announcing.instance
  }

  get closed(): boolean {
    return this.#closing !== undefined || !this.#holds()
  }

  close(): Promise<void> {
    this.#closing ??= this.#withdraw(this.instance)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The endpoints of a resource that other processes reach. */
function reachable(subject: string, { endpoints }: Announceable): readonly string[] {
  if (endpoints.length === 0) {
    throw missing(subject, 'the resource is bound nowhere')
  }
  const wildcard = endpoints.find((endpoint) => /^tcp:\/\/(?:0\.0\.0\.0|\[::\]|\*):/.test(endpoint))
  if (wildcard !== undefined) {
    throw missing(subject, `the resource is bound to all addresses of this machine (${wildcard}), and clients need one`)
  }
  const others = endpoints.filter((endpoint) => !endpoint.startsWith('inproc:'))
  if (others.length === 0) throw missing(subject, 'no other process reaches inproc endpoints')
  return others
}

function missing(subject: string, why: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', `${subject}: endpoints must be given: ${why}`)
}
