/**
 * The contract between a resource and what its messages go over: sockets, links over sockets, connections.
 */
import type { Observable } from 'rxjs'
import type { RivuletError } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import type { SecurityEvent } from '../security/index.js'
import type { Links } from './links.js'

/** What a transport sees of its resource. */
export interface ResourceScope {
  /** The kind of the resource, for messages: `push`. */
  readonly kind: string
  /** What messages call the resource. */
  name(): string
  readonly runtime: Runtime
  /** Where a transport adds its endpoints. */
  readonly links: Links
  /** Takes failures that no caller waits for. */
  report(error: RivuletError): void
  /** Why no peer is connected, if one has refused this side; to be appended to a message. */
  unreachable(): string
  /** Waits for a promise until a time on the clock of the runtime; never rejects. */
  waitUntil(deadline: number, done: Promise<unknown>): Promise<void>
}

/** What the messages of a resource go over. */
export interface Transport {
  /** What messages call it: the first endpoint; the empty text if it has none. */
  readonly address: string
  /** Where it is bound, wildcards resolved. */
  readonly endpoints: readonly string[]
  /** The public key by which peers know what is bound here; `undefined` without security, and where nothing is bound. */
  readonly publicKey?: string | undefined
  /** What its security observes; of one that binds with security. */
  readonly securityEvents?: Observable<SecurityEvent> | undefined
  /** Opens it. Default: the resource does. */
  open?(): Promise<void>
  /** Finishes current work, until a time on the clock of the runtime; returns the number of undelivered messages. */
  finish?(deadline: number): Promise<number>
  /**
   * Closes it; further calls close what was opened since.
   *
   * @param lingerMs - How long what was handed over may still leave.
   * @returns Messages that were not handed over, and when its endpoints are free.
   */
  close(lingerMs: number): { readonly left: number; readonly released: Promise<unknown> }
  /** Keeps the process alive while it is open, which is the default. */
  ref(): void
  /** Lets the process exit although it is open. */
  unref(): void
  /** Whether it connects to one of these endpoints of another resource of this process. */
  isConnectedTo(endpoints: readonly string[], isSameRuntime: boolean): boolean
}
