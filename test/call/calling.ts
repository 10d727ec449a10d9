/** A client and a server of calls with fake sessions between them: what all tests of calls begin with. */
import { defineService } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import type { CallContext } from '../../src/call/call-context.js'
import { defaultCallOptions, defaultStreamOptions, type ResolvedCallOptions } from '../../src/call/call-options.js'
import type { CallStream } from '../../src/call/call-stream.js'
import { CallClient } from '../../src/call/client.js'
import type { ClientCall } from '../../src/call/client-call.js'
import type { ClientService } from '../../src/call/client-method.js'
import { CallHost } from '../../src/call/host.js'
import type { CallLimits, CallPolicy } from '../../src/call/index.js'
import type { CallHandler } from '../../src/call/served-service.js'
import type { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import { FakePair } from '../support/fake-pair.js'
import type { FakeSessionOptions } from '../support/fake-session.js'
import { VirtualClock } from '../support/virtual-clock.js'

const number = [{ name: 'n', type: 'long' }] as const

/** A service with a method of each shape. */
export const Numbers = defineService({
  protocol: 'Numbers',
  namespace: 'test',
  types: [
    { type: 'error', name: 'Odd', fields: [{ name: 'n', type: 'long' }] },
    { type: 'error', name: 'Other', fields: [{ name: 'why', type: 'string' }] },
  ],
  messages: {
    double: { request: number, response: 'long', errors: ['Odd'] },
    look: { request: number, response: 'long', 'x-idempotent': true },
    text: { request: [{ name: 'text', type: 'string' }], response: 'string' },
    count: { request: number, response: 'long', 'x-stream': 'server', errors: ['Odd'] },
    sum: { request: number, response: 'long', 'x-stream': 'client' },
    each: { request: number, response: 'long', 'x-stream': 'duplex' },
    note: { request: number, 'one-way': true },
    nothing: { request: [], response: 'null', 'x-stream': 'server' },
    empties: { request: [], response: 'long', 'x-stream': 'client' },
  },
})

/** How to set up. */
export interface CallingOptions extends FakeSessionOptions {
  readonly limits?: Partial<CallLimits>
  readonly policy?: CallPolicy
  /** Who the client is on every session. Default: nobody that is known. */
  readonly identity?: PeerIdentity
  /** Sessions between the two. Default: 1. */
  readonly sessions?: number
}

/** A client and a server. */
export class Calling {
  readonly clock = new VirtualClock()
  readonly client: CallClient
  readonly host: CallHost
  readonly service: ClientService
  readonly pairs: FakePair[] = []
  /** What each side reported. */
  readonly errors: RivuletError[] = []
  /** Handlers by method; those that are left out are not implemented. */
  readonly #options: CallingOptions

  constructor(handlers: Readonly<Record<string, CallHandler>>, options: CallingOptions = {}) {
    this.#options = options
    const ports = { clock: this.clock, name: () => 'client', report: (error: RivuletError) => this.errors.push(error) }
    this.client = new CallClient({ ...ports, failoverMs: defaults.failoverMs })
    this.service = this.client.bind(serviceOf(Numbers))
    const implementation = { codec: serviceOf(Numbers), handlers: new Map(Object.entries(handlers)) }
    this.host = new CallHost([implementation], { ...ports, policy: options.policy }, options.limits)
    for (let i = 0; i < (options.sessions ?? 1); i++) this.connect()
  }

  /** The first session. */
  get pair(): FakePair {
    return this.pairs[0] as FakePair
  }

  /** Adds a session, and lets the two agree unless the pair is not live. */
  connect(host = this.host, options: FakeSessionOptions = this.#options): FakePair {
    const pair = new FakePair({ ...options, now: () => this.clock.now() })
    this.pairs.push(pair)
    pair.acceptor.handler = host.accept(pair.acceptor, {
      id: this.pairs.length === 1 ? 'somebody' : `somebody ${this.pairs.length}`,
      identity: this.#options.identity,
      dialed: undefined,
    })
    pair.dialer.handler = this.client.accept(pair.dialer)
    this.pump()
    return pair
  }

  /** Starts a call with one response. */
  call(method: string, n: unknown = 1, options: Partial<ResolvedCallOptions> = {}): Promise<unknown> {
    const found = this.service.methods.get(method)
    if (!found) throw new Error(`no method ${method}`)
    const request = found.streamsRequests ? n : typeof n === 'object' ? n : { n }
    return this.client.call(found, request, { ...defaultCallOptions, ...options })
  }

  /** Starts a call, with its object and what became of it. */
  start(method: string, n: unknown = 1, options: Partial<ResolvedCallOptions> = {}): Started {
    const found = this.service.methods.get(method)
    if (!found) throw new Error(`no method ${method}`)
    const outcomes: unknown[] = []
    const request = found.streamsRequests || typeof n === 'object' ? n : { n }
    const base = found.streamsResponses ? defaultStreamOptions : defaultCallOptions
    const call = this.client.start(
      found,
      request,
      { ...base, ...options },
      (value) => outcomes.push(value),
      (error) => outcomes.push(error),
    )
    return { call, outcomes, responses: call.responses as CallStream<number> }
  }

  /** Moves items on all sessions until nothing moves. */
  pump(): void {
    while (this.pairs.map((pair) => pair.pump()).some((moved) => moved > 0)) {}
  }

  /** Moves items and lets promises run, until nothing moves any more. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 10; ) {
      const moved = this.pairs.map((pair) => pair.pump()).reduce((sum, count) => sum + count, 0)
      quiet = moved === 0 ? quiet + 1 : 0
      await new Promise(setImmediate)
    }
  }

  /** What is left anywhere when everything should be over: nothing. */
  get leftovers(): Record<string, number> {
    const { open, waiting } = this.client.stats()
    const { open: served, running } = this.host.stats()
    const live = this.pairs.filter(({ dialer }) => dialer.status !== 'ended')
    const states = live.reduce((sum, { dialer, acceptor }) => sum + dialer.states + acceptor.states, 0)
    return Object.fromEntries(
      Object.entries({ open, waiting, served, running, states }).filter(([, count]) => count > 0),
    )
  }
}

/** A call that was started. */
export interface Started {
  readonly call: ClientCall
  /** What it came to: one, when it is over. */
  readonly outcomes: unknown[]
  readonly responses: CallStream<number>
}

/** Another server for the client of a test. */
export const serverOf = (calling: Calling, handlers: Readonly<Record<string, CallHandler>>): CallHost =>
  new CallHost([{ codec: serviceOf(Numbers), handlers: new Map(Object.entries(handlers)) }], {
    clock: calling.clock,
    report: (error) => calling.errors.push(error),
  })

/** A handler of a method that takes a number. */
export const numbered =
  (handle: (n: number, context: CallContext) => unknown): CallHandler =>
  (request, context) =>
    handle((request as { n: number }).n, context)

/** The values of a stream, and how it ended. */
export function collect<T>(stream: CallStream<T>): { values: T[]; end: unknown } {
  const seen: { values: T[]; end: unknown } = { values: [], end: undefined }
  stream.subscribe({
    next: (value) => seen.values.push(value),
    error: (error: unknown) => {
      seen.end = error
    },
    complete: () => {
      seen.end = 'complete'
    },
  })
  return seen
}
