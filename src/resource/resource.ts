/**
 * What every resource shows, whatever its messages go over.
 *
 * It is what users see; `resource-base.ts` is how it is done.
 */
import type { Observable } from 'rxjs'
import type { RivuletError } from '../errors/index.js'
import type { Closable, WaitOptions } from '../lifecycle/index.js'
import type { SecurityEvent } from '../security/index.js'
import type { LinkChange } from './link-change.js'

/** What every resource shows and can. */
export interface Resource<Stats = unknown> extends Closable {
  /** The first of `endpoints`; the empty text where nothing is bound. */
  readonly endpoint: string
  /** Where the resource is bound, with wildcards resolved. */
  readonly endpoints: readonly string[]
  /**
   * The public key by which peers know what is bound here: what they give as `serverKey`.
   *
   * `undefined` without security, and where nothing is bound.
   */
  readonly publicKey: string | undefined
  /** How many links are live. */
  readonly connected: number
  /**
   * How many connections ended before both sides agreed: no ZeroMQ peer, one of another kind, or one refused.
   *
   * Peers are refused while the process has few file descriptors left: less than a quarter of its limit.
   *
   * `errors` reports the first at once and further ones together, at most one report in 10 s.
   */
  readonly refusedConnections: number
  /** Current links first, then changes. Hot; completes when the resource is closed. */
  readonly links: Observable<LinkChange>
  /**
   * Failures of single messages and of connections of untrusted peers; they end no stream.
   *
   * Hot; completes when the resource is closed. What nobody observes is a process warning, at a bounded rate. Of what peers
   * cause with malformed frames, requests and schemas, 32 errors of each code are reported at once; those that follow
   * within 10 s are counted, in `stats()` and in the next report.
   */
  readonly errors: Observable<RivuletError>
  /**
   * Peers that were admitted or refused, keys that were revoked, limits that were hit, and what a policy denied.
   *
   * Hot; completes when the resource is closed. Of each kind and reason one event is emitted at once, and further ones once a
   * second, with their number. Only of a resource that binds with `security` or `tls`; any other emits nothing.
   */
  readonly securityEvents: Observable<SecurityEvent>
  /** A snapshot of the counts; the unit is messages. */
  stats(): Stats
  /**
   * Resolves when at least one link is live.
   *
   * @param options - How long to wait; without a limit, if it is left out.
   * @error RIVULET_TIMEOUT, RIVULET_ABORTED, RIVULET_CLOSED
   */
  whenConnected(options?: WaitOptions): Promise<void>
  /** Keeps the process alive while the resource is open, which is the default. */
  ref(): this
  /** Lets the process exit although the resource is open; takes effect within a second. */
  unref(): this
}
