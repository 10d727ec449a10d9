/**
 * A client over the links of another: a resource of its own, whose calls it ends by itself.
 */

import type { Observable } from 'rxjs'
import type { Service } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import type { CallClient, ClientCall, ClientMethod, ResolvedCallOptions } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import {
  abortedError,
  type CloseOptions,
  type CloseResult,
  deferred,
  LifeCycle,
  onAbort,
  type Status,
  type WaitOptions,
  waitFor,
} from '../../src/lifecycle/index.js'
import { defaults, type Resolved } from '../../src/options/index.js'
import type { LinkChange, Resource } from '../../src/socket/index.js'
import { type CallStarter, clientMethods } from './client-methods.js'
import type { RpcClientBase, RpcClientStats } from './method-types.js'
import type { sharedClientRules } from './options.js'

const ignore = () => {}

/** The client whose links are shared. */
export interface LinksOwner extends Resource<RpcClientStats> {
  /** The calls of all that share its links. */
  readonly callClient: CallClient
  readonly clock: Clock
}

/** A client that shares links. */
export class SharedClient<S extends Service> implements RpcClientBase<S>, CallStarter {
  readonly calls: RpcClientBase<S>['calls']
  readonly promises: RpcClientBase<S>['promises']
  readonly #owner: LinksOwner
  readonly #life: LifeCycle
  readonly #open = new Set<ClientCall>()
  #started = 0
  #failed = 0
  #drained = deferred()

  /** @throws RIVULET_ABORTED, RIVULET_CLOSED */
  constructor(service: S, owner: LinksOwner, options: Resolved<typeof sharedClientRules>) {
    const { signal } = options
    if (signal?.aborted) throw abortedError('createRpcClient', signal)
    if (owner.status !== 'open') throw new RivuletError('RIVULET_CLOSED', 'createRpcClient: the other client is closed')
    this.#owner = owner
    this.#life = new LifeCycle((closeOptions) => this.#close(closeOptions))
    const { calls, promises } = clientMethods(owner.callClient.bind(serviceOf(service)), this, options)
    this.calls = calls as unknown as RpcClientBase<S>['calls']
    this.promises = promises as unknown as RpcClientBase<S>['promises']
    this.#life.opened()
    const forget = onAbort(signal, () => void this.close({ drain: false }))
    void this.whenClosed.then(forget)
    void owner.whenClosed.then(() => this.close({ drain: false }))
  }

  get status(): Status {
    return this.#life.status
  }

  get closed(): boolean {
    return this.#life.status === 'closed'
  }

  get whenClosed(): Promise<void> {
    return this.#life.whenClosed
  }

  get endpoint(): string {
    return this.#owner.endpoint
  }

  get endpoints(): readonly string[] {
    return this.#owner.endpoints
  }

  get connected(): number {
    return this.#owner.connected
  }

  get refusedConnections(): number {
    return this.#owner.refusedConnections
  }

  get links(): Observable<LinkChange> {
    return this.#owner.links
  }

  get errors(): Observable<RivuletError> {
    return this.#owner.errors
  }

  stats(): RpcClientStats {
    const open = [...this.#open].filter(({ session }) => session !== undefined).length
    const waiting = this.#open.size - open
    const succeeded = this.#started - this.#failed - this.#open.size
    const { sessions } = this.#owner.stats()
    return Object.freeze({ started: this.#started, succeeded, failed: this.#failed, open, waiting, sessions })
  }

  whenConnected(options?: WaitOptions): Promise<void> {
    return this.#owner.whenConnected(options)
  }

  /** The links keep the process alive, and they are those of the other client. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  close(options?: CloseOptions): Promise<CloseResult> {
    return this.#life.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
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
    if (!this.#life.isOpen) {
      this.#failed += 1
      const closed = new RivuletError('RIVULET_CLOSED', `${method.label}: its client is closed`, { executed: 'no' })
      return callClient.refuse(closed, method, request, options, onError)
    }
    // the outcome may be there before the call is
    let call: ClientCall | undefined
    const finished = () => {
      if (call) this.#open.delete(call)
      if (this.#open.size === 0 && this.#life.status === 'closing') this.#drained.resolve()
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

  async #close({ drain = defaults.drain, timeoutMs = defaults.closeTimeoutMs }: CloseOptions): Promise<CloseResult> {
    if (drain && timeoutMs > 0 && this.#open.size > 0) {
      const { clock } = this.#owner
      await waitFor('close', this.#drained.promise, clock, { timeoutMs }).catch(ignore)
    }
    const undelivered = this.#open.size
    for (const call of [...this.#open]) call.stopWith('RIVULET_CLOSED', `${call.method.label}: its client was closed`)
    return { undelivered }
  }
}
