/**
 * A client over the links of another: a resource of its own, which ends its own calls.
 */
import type { Service } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import type { CallClient, ClientCall, ClientMethod, ResolvedCallOptions } from '../../src/call/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import type { Resolved } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import { type CallStarter, clientMethods } from './client-methods.js'
import type { RpcClientBase, RpcClientStats } from './method-types.js'
import type { sharedClientRules } from './options.js'

const ignore = () => {}

/** The client whose links are shared. */
export type LinksOwner = ResourceBase<RpcClientStats> & { readonly callClient: CallClient }
type Options = Resolved<typeof sharedClientRules>

/** A client that shares links. */
export class SharedClient<S extends Service>
  extends ResourceBase<RpcClientStats>
  implements RpcClientBase<S>, CallStarter
{
  protected readonly isSender = true
  readonly calls: RpcClientBase<S>['calls']
  readonly promises: RpcClientBase<S>['promises']
  readonly #owner: LinksOwner
  readonly #open = new Set<ClientCall>()
  #started = 0
  #failed = 0
  readonly #drained = deferred()

  /** @error RIVULET_ABORTED, RIVULET_CLOSED */
  static create<S extends Service>(service: S, owner: LinksOwner, options: Options): Promise<SharedClient<S>> {
    return new SharedClient(service, owner, options).open()
  }

  private constructor(service: S, owner: LinksOwner, options: Options) {
    super('createRpcClient', { signal: options.signal, over: owner })
    this.#owner = owner
    const { calls, promises } = clientMethods(owner.callClient.bind(serviceOf(service)), this, options)
    this.calls = calls as unknown as RpcClientBase<S>['calls']
    this.promises = promises as unknown as RpcClientBase<S>['promises']
  }

  stats(): RpcClientStats {
    const open = [...this.#open].filter(({ session }) => session !== undefined).length
    const waiting = this.#open.size - open
    const succeeded = this.#started - this.#failed - this.#open.size
    const { sessions } = this.#owner.stats()
    return Object.freeze({ started: this.#started, succeeded, failed: this.#failed, open, waiting, sessions })
  }

  report(error: RivuletError): void {
    this.#owner.callClient.report(error)
  }

  call(method: ClientMethod, request: unknown, options: ResolvedCallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => this.start(method, request, options, resolve, reject))
  }

  stream(method: ClientMethod, request: unknown, options: ResolvedCallOptions): ClientCall {
    return this.start(method, request, options, ignore, ignore)
  }

  start(
    method: ClientMethod,
    request: unknown,
    options: ResolvedCallOptions,
    onValue: (value: unknown) => void,
    onError: (error: Error) => void,
  ): ClientCall {
    this.#started += 1
    const { callClient } = this.#owner
    if (!this.life.isOpen) {
      this.#failed += 1
      const closed = new RivuletError('RIVULET_CLOSED', `${method.label}: its client is closed`, { executed: 'no' })
      return callClient.refuse(closed, method, request, options, onError)
    }
    // the outcome may be there before the call is
    let call: ClientCall | undefined
    const finished = () => {
      if (call) this.#open.delete(call)
      if (this.#open.size === 0 && this.life.status === 'closing') this.#drained.resolve()
    }
    call = callClient.start(
      method,
      request,
      options,
      (value) => {
        finished()
        onValue(value)
      },
      (error) => {
        this.#failed += 1
        finished()
        onError(error)
      },
    )
    if (!call.done) this.#open.add(call)
    return call
  }

  protected override async finish(deadline: number): Promise<number> {
    if (this.#open.size > 0) await this.waitUntil(deadline, this.#drained.promise)
    const undelivered = this.#open.size
    for (const call of [...this.#open]) call.stopWith('RIVULET_CLOSED', `${call.method.label}: its client was closed`)
    return undelivered
  }
}
