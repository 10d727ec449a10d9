/**
 * The serving side of RPC: implementations of services behind a ROUTER socket, for any number of clients.
 */
import {
  CallHost,
  type CallPolicy,
  type CallServerStats,
  type Implementation as ImplementedCalls,
} from '../../src/call/index.js'
import { LinkSet } from '../../src/link/index.js'
import { invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { type Resource, ResourceBase } from '../../src/resource/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { checkSides } from '../../src/socket/index.js'
import type { Reasons } from '../../src/stream/index.js'
import { implementedBy } from './implement.js'
import { type RpcServerOptions, serverRules } from './options.js'

/** The counts of an {@link RpcServer}; the unit is calls, where nothing else is said. */
export interface RpcServerStats extends CallServerStats {
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
  /**
   * Frames of clients that were rejected, by reason: `bad-frame`, `corrupt-frame`, `decode-failed`, `protocol-violation`,
   * `too-many-sessions`, `transport-failed`. Stray ones are among them if they were malformed.
   */
  readonly rejectedFrames: Reasons
}

/** The serving side of RPC. */
export interface RpcServer extends Resource<RpcServerStats> {}

/**
 * Opens a server of services.
 *
 * Resolves when it is bound: from then on it serves.
 *
 * Lifetime: `close` takes no new calls, waits for open ones, sends their outcomes and says goodbye; calls that are
 * open after `timeoutMs` are stopped, and `undelivered` counts them. Without draining they are stopped at once.
 *
 * @param options - `bind` and `services`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineService } from 'rivulet/avro'
 * import { createRpcServer, implement } from 'rivulet/rpc'
 *
 * const Quotes = defineService({
 *   protocol: 'Quotes',
 *   messages: { price: { request: [{ name: 'symbol', type: 'string' }], response: 'double' } },
 * })
 *
 * await using server = await createRpcServer({
 *   bind: 'tcp://127.0.0.1:7002',
 *   services: [implement(Quotes, { price: async ({ symbol }) => symbol.length * 1.5 })],
 * })
 * ```
 */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  return RpcServerResource.create(resolveOptions('createRpcServer', options, serverRules))
}

type ResolvedServerOptions = Resolved<typeof serverRules>

class RpcServerResource extends ResourceBase<RpcServerStats> implements RpcServer {
  protected readonly isSender = false
  readonly #callHost: CallHost
  readonly #links: LinkSet

  static create(options: ResolvedServerOptions): Promise<RpcServerResource> {
    return new RpcServerResource(options).open()
  }

  private constructor(options: ResolvedServerOptions) {
    const { maxConcurrentCalls, maxCallsPerSecond, maxCancelsPerSecond, services } = options
    checkSides('createRpcServer', options, 'bind')
    super('createRpcServer', options)
    const names = services.map(({ name }) => name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) throw invalidOption('createRpcServer', 'services', 'different services', twice)
    const implementations = services.map(implementedBy) as unknown as readonly ImplementedCalls[]
    const ports = {
      ...this.scope,
      clock: this.runtime.clock,
      policy: this.#policyOf(options),
      limited: (reason: string, peer: PeerInfo) => this.#links.limited(reason, peer),
    }
    this.#callHost = new CallHost(implementations, ports, {
      maxConcurrentCalls,
      maxCallsPerSecond,
      maxCancelsPerSecond,
    })
    this.#links = new LinkSet(this.scope, options, [this.#callHost])
    this.transport = this.#links
  }

  /** The policy of its guard, which is there before the first call; without a policy nothing is asked for each call. */
  #policyOf({ security }: ResolvedServerOptions): CallPolicy | undefined {
    if (security?.policy === undefined) return undefined
    return {
      permits: ({ identity }, action, target) => this.#links.guard?.permits(identity, action, target) ?? false,
      allows: ({ identity }, action, target) => this.#links.guard?.allows(identity, action, target) ?? false,
    }
  }

  stats(): RpcServerStats {
    const { strayFrames, rejectedFrames } = this.#links
    return Object.freeze({ ...this.#callHost.stats(), strayFrames, rejectedFrames })
  }
}
