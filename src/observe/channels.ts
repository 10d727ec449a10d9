/**
 * The diagnostics channels: where logging and metrics hook in, without any cost while nobody listens.
 *
 * Publishing only; the per-resource `errors` observable is in `error-reports.ts`.
 */
import { channel } from 'node:diagnostics_channel'

/** What `rivulet:error` carries. */
export interface ErrorMessage {
  /** The name of the resource, for example `push tcp://127.0.0.1:5555`. */
  readonly resource: string
  /** The error, with its stable code. */
  readonly error: unknown
}

/** What `rivulet:drop` carries. */
export interface DropMessage {
  /** The name of the resource. */
  readonly resource: string
  /** Why: the key in `stats().dropped`. */
  readonly reason: string
  /** How many messages. */
  readonly messages: number
}

/** What `rivulet:link` carries. */
export interface LinkMessage {
  /** The name of the resource. */
  readonly resource: string
  /** The change, as in `links`. */
  readonly link: unknown
}

/** What `rivulet:security` carries. */
export interface SecurityMessage {
  /** The name of the resource. */
  readonly resource: string
  /** The event, as in `securityEvents`. */
  readonly event: unknown
}

const errorChannel = channel('rivulet:error')
const dropChannel = channel('rivulet:drop')
const linkChannel = channel('rivulet:link')
const securityChannel = channel('rivulet:security')

/** Whether anybody listens on `rivulet:error`. */
export function isErrorLogged(): boolean {
  return errorChannel.hasSubscribers
}

/** Publishes an error on `rivulet:error`. */
export function publishError(resource: string, error: unknown): void {
  if (errorChannel.hasSubscribers) errorChannel.publish({ resource, error } satisfies ErrorMessage)
}

/** Publishes dropped messages on `rivulet:drop`. */
export function publishDrop(resource: string, reason: string, messages: number): void {
  if (dropChannel.hasSubscribers) dropChannel.publish({ resource, reason, messages } satisfies DropMessage)
}

/** Publishes a change of a link on `rivulet:link`. */
export function publishLink(resource: string, link: unknown): void {
  if (linkChannel.hasSubscribers) linkChannel.publish({ resource, link } satisfies LinkMessage)
}

/** Publishes an event of the security of a resource on `rivulet:security`. */
export function publishSecurity(resource: string, event: unknown): void {
  if (securityChannel.hasSubscribers) securityChannel.publish({ resource, event } satisfies SecurityMessage)
}
