/**
 * The calling side of RPC: a service's methods, over a link to each endpoint or over the links of another client.
 */

import type { Service } from '../../src/avro/index.js'
import { isService } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { CallClient } from '../../src/call/index.js'
import type { CloseOptions, CloseResult } from '../../src/lifecycle/index.js'
import { LinkSet } from '../../src/link/index.js'
import { invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import { checkSides } from '../../src/socket/index.js'
import { facadeOf } from './client-facade.js'
import { clientMethods } from './client-methods.js'
import type { RpcClient, RpcClientBase, RpcClientStats } from './method-types.js'
import { clientRules, type RpcClientOptions, sharedClientRules } from './options.js'
import { type LinksOwner, SharedClient } from './shared-client.js'

/**
 * Opens a client of a service.
 *
 * Resolves when its sockets are open, whether or not a server is there: calls wait for one, as long as their deadline
 * allows. With several endpoints each has a link of its own, and a call goes to the server with the fewest calls.
 *
 * Lifetime: a client `over` another shares its links, is closed with it, and closing it ends its own calls alone.
 *
 * @param service - What `defineService` returned: the same service as the server has, or another version of it.
 * @param options - `connect`, or `over`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `runtime`, or the client that it is `over`, is closed
 * @example
 * ```ts compile-only
 * import { defineService } from 'rivulet/avro'
 * import { createRpcClient } from 'rivulet/rpc'
 *
 * const Quotes = defineService({
 *   protocol: 'Quotes',
 *   messages: { price: { request: [{ name: 'symbol', type: 'string' }], response: 'double' } },
 * })
 *
 * await using quotes = await createRpcClient(Quotes, { connect: 'tcp://127.0.0.1:7002' })
 * console.log(await quotes.promises.price({ symbol: 'ACME' }, { timeoutMs: 1000 }))
 * quotes.price({ symbol: 'ACME' }).subscribe((price) => console.log(price)) // called when subscribed to
 * ```
 */
export async function createRpcClient<S extends Service>(service: S, options: RpcClientOptions): Promise<RpcClient<S>> {
  const subject = 'createRpcClient'
  if (!isService(service)) throw invalidOption(subject, 'service', 'a service of defineService', service)
  const { over, ...rest } = options ?? {}
  if (over === undefined) {
    const client = await RpcClientResource.create(service, resolveOptions(subject, rest, clientRules))
    return shown<S>(client, client)
  }
  const owner = owners.get(over)
  if (!owner) throw invalidOption(subject, 'over', 'a client of createRpcClient', over)
  const foreign = Object.keys(rest).find((name) => name in clientRules && !(name in sharedClientRules))
  if (foreign !== undefined)
    throw invalidOption(subject, foreign, 'left out: the links are those of `over`', rest[foreign as keyof typeof rest])
  const client = await SharedClient.create(service, owner, resolveOptions(subject, rest, sharedClientRules))
  return shown<S>(client, owner)
}

/** What users get of a client, which can share the links that it has. */
function shown<S extends Service>(client: RpcClientBase<S>, owner: LinksOwner): RpcClient<S> {
  const facade = facadeOf(client)
  owners.set(facade, owner)
  return facade
}

type ResolvedClientOptions = Resolved<typeof clientRules>

/** The clients that have the links of what a user holds: those that can be shared. */
const owners = new WeakMap<object, LinksOwner>()

/** A client with links of its own. */
export class RpcClientResource<S extends Service> extends ResourceBase<RpcClientStats> implements RpcClientBase<S> {
  protected readonly isSender = true
  /** The calls of all that share its links. */
  readonly callClient: CallClient
  readonly calls: RpcClientBase<S>['calls']
  readonly promises: RpcClientBase<S>['promises']

  static create<S extends Service>(service: S, options: ResolvedClientOptions): Promise<RpcClientResource<S>> {
    return new RpcClientResource(service, options).open()
  }

  private constructor(service: S, options: ResolvedClientOptions) {
    checkSides('createRpcClient', options, 'connect')
    super('createRpcClient', options)
    const { clock } = this.runtime
    this.callClient = new CallClient({ ...this.scope, clock, failoverMs: options.failoverMs })
    this.transport = new LinkSet(this.scope, options, [this.callClient])
    const { calls, promises } = clientMethods(this.callClient.bind(serviceOf(service)), this.callClient, options)
    this.calls = calls as unknown as RpcClientBase<S>['calls']
    this.promises = promises as unknown as RpcClientBase<S>['promises']
  }

  stats(): RpcClientStats {
    return Object.freeze(this.callClient.stats())
  }

  override close(options?: CloseOptions): Promise<CloseResult> {
    void this.callClient.drain() // no call is taken from now on
    return super.close(options)
  }
}
