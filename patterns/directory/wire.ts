/**
 * The wire of the directory: a service of one duplex method, and what its requests and answers are called here.
 *
 * `docs/protocol/directory.avpr` is the same protocol. What one turn produces for one side is one item.
 */
import {
  array,
  defineService,
  enumeration,
  map,
  type RequestInputOf,
  type ResponseInputOf,
  record,
} from '../../src/avro/index.js'
import { Refusals } from '../../src/call/index.js'
import { items, optional } from '../../src/wire/index.js'

/** The service that a host of a directory serves. */
export const DirectoryService = defineService({
  protocol: 'Directory',
  namespace: 'rivulet.directory',
  types: [
    { ...record('DirectoryRefused', { code: 'string', message: 'string' }), type: 'error' },
    enumeration('Role', ['SERVICE', 'PEER']),
    record('Attendant', { client: 'string' }),
    record('Place', { address: 'string', serverKeys: items('string') }),
    record('Announced', {
      instance: 'string',
      revision: 'long',
      role: 'Role',
      name: 'string',
      epoch: { schema: 'long', default: 0 },
      places: array('Place'),
      metadata: { schema: map('string'), default: {} },
    }),
    record('Revision', { instance: 'string', revision: 'long' }),
    record('View', { role: 'Role', name: 'string' }),
    record('DirectoryOpened', { host: 'string', settled: 'boolean' }),
    record('RefusedAnnouncement', { instance: 'string', revision: 'long', code: 'string', message: 'string' }),
    record('ViewChange', {
      view: 'View',
      since: 'long',
      version: 'long',
      complete: 'boolean',
      present: items('Announced'),
      gone: items('string'),
    }),
    record('AttendAnswer', {
      opened: optional('DirectoryOpened'),
      settled: { schema: 'boolean', default: false },
      confirmed: items('Revision'),
      refused: items('RefusedAnnouncement'),
      changes: items('ViewChange'),
    }),
  ],
  messages: {
    attend: {
      request: [
        { name: 'open', type: ['null', 'Attendant'], default: null },
        { name: 'announced', type: { type: 'array', items: 'Announced' }, default: [] },
        { name: 'withdrawn', type: { type: 'array', items: 'Revision' }, default: [] },
        { name: 'complete', type: ['null', 'long'], default: null },
        { name: 'watched', type: { type: 'array', items: 'View' }, default: [] },
        { name: 'unwatched', type: { type: 'array', items: 'View' }, default: [] },
      ],
      response: 'AttendAnswer',
      errors: ['DirectoryRefused'],
      'x-stream': 'duplex',
    },
  },
})

type Service = typeof DirectoryService

/** What a client says. */
export type AttendRequest = RequestInputOf<Service, 'attend'>
/** What a host says. */
export type AttendAnswer = ResponseInputOf<Service, 'attend'>
/** One announced instance. */
export type Announced = NonNullable<AttendRequest['announced']>[number]
/** One of its endpoints, with the keys of the server that answers there. */
export type Place = Announced['places'][number]
/** What is watched: the instances of one service, or all peers, which have the empty name. */
export type View = NonNullable<AttendRequest['watched']>[number]
/** An announcement as it was at one time. */
export type Revision = NonNullable<AttendRequest['withdrawn']>[number]
/** A change of a view, or a part of one. */
export type ViewChange = NonNullable<AttendAnswer['changes']>[number]
/** An announcement that a host does not take. */
export type RefusedAnnouncement = NonNullable<AttendAnswer['refused']>[number]

/** The view of all peers. */
export const peersView: View = Object.freeze({ role: 'PEER', name: '' })

/** Returns a text that tells views apart. */
export function viewKey({ role, name }: View): string {
  return `${role} ${name}`
}

/** Returns the view that shows an announcement. */
export function viewOf({ role, name }: Announced): View {
  return role === 'PEER' ? peersView : { role, name }
}

/** What an announcement takes, in bytes, about. */
export function announcedBytes({ name, places, metadata }: Announced): number {
  let bytes = 128 + name.length
  for (const { address, serverKeys = [] } of places) bytes += 16 + address.length + 48 * serverKeys.length
  for (const [key, value] of Object.entries(metadata ?? {})) bytes += 16 + key.length + value.length
  return bytes
}

/** What it refuses. */
export const refusals = new Refusals<'attend'>(DirectoryService, 'DirectoryRefused')
