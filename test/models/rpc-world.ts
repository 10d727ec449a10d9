/** Servers and clients of one service, as the models of RPC see them: which calls were made, which ran, how each ended. */
import { BehaviorSubject, Observable } from 'rxjs'
import {
  createRpcClient,
  createRpcServer,
  implement,
  type RpcClientOptions,
  type RpcServer,
  type RpcServerOptions,
} from '../../patterns/rpc/index.js'
import { isDeclared } from '../../src/avro/declared-error.js'
import type { ErrorCode } from '../../src/errors/index.js'
import { type LabClient, Lab as Service } from '../rpc/lab.js'
import type { Random } from '../simulation/random.js'
import type { Lab } from './lab.js'
import { stepsOf } from './model.js'
import type { Outcome } from './outcomes.js'
import { answering, type Behaviour, handlersOf } from './rpc-handlers.js'
import { requestKinds, requestsOf } from './rpc-requests.js'

/** Options of the first of each. */
export interface Setup {
  readonly servers: number
  /** Whether one more is in a process of its own, over tcp: then it is killed. */
  readonly isApart: boolean
  /** Whether clients follow an observable of endpoints. */
  readonly follows?: boolean
  readonly server: Omit<Partial<RpcServerOptions>, 'services'>
  readonly client: Partial<RpcClientOptions>
}

/** A call that was made. */
interface Made {
  readonly id: string
  readonly method: string
  readonly outcome: Outcome<unknown>
  readonly does: Behaviour
  readonly isPlain: boolean
  readonly client: LabClient
  /** What time was let pass before it was made, and before it had its outcome. */
  readonly madeAt: number
  endedAt: number
}

/** A server, and where it is. */
export interface Served {
  server: RpcServer
  readonly address: string
  readonly way: string
  /** Handlers that wait for its end: until when they do. */
  readonly waiting: Set<{ readonly draining: AbortSignal; readonly signal: AbortSignal }>
}

/** The servers, the clients, and their calls. */
export interface World {
  readonly lab: Lab
  readonly setup: Setup
  readonly servers: Served[]
  /** Where clients connect. */
  readonly ways: string[]
  /** Those of them that clients have now, where they follow an observable. */
  readonly lists: BehaviorSubject<readonly string[]>
  readonly clients: LabClient[]
  readonly made: Made[]
  readonly runs: Map<string, number>
  /** Whether nothing happened that may end a call which is not its own doing. */
  calm: boolean
  /** Whether clients had no endpoint at a time: calls waited then, and time may have passed. */
  hadNoEndpoint: boolean
  /** Whether a server took so long to close, on a busy machine, that its last words may have come too late. */
  isSlow: boolean
}

/** Codes of calls whose link or side ended. */
const disturbed: readonly ErrorCode[] = [
  'RIVULET_CLOSED',
  'RIVULET_SERVER_CLOSING',
  'RIVULET_UNAVAILABLE',
  'RIVULET_UNKNOWN_OUTCOME',
  'RIVULET_DEADLINE_EXCEEDED',
  'RIVULET_OVERLOADED',
]

/** Codes of calls that fail for what their handler or their caller does. */
const ownFailures: readonly ErrorCode[] = [
  'RIVULET_INTERNAL',
  'RIVULET_ABORTED',
  'RIVULET_CANCELLED',
  'RIVULET_SOURCE_FAILED',
  'RIVULET_INVALID_MESSAGE',
  'RIVULET_INVALID_REQUEST',
  'RIVULET_OUTBOX_FULL',
]

const step = stepsOf<World>()

/** Opens a server, at an address that is free again after it. */
export async function openServer(world: World, waiting: Served['waiting'], bind: string): Promise<RpcServer> {
  const { lab, setup } = world
  const handlers = handlersOf({
    runs: (call) => ran(world, call),
    waits: (draining, signal) => waiting.add({ draining, signal }),
  })
  const services = [implement(Service, handlers)]
  return lab.watch(await createRpcServer({ runtime: lab.runtime, ...setup.server, bind, services }))
}

function ran({ runs }: World, call: string): void {
  runs.set(call, (runs.get(call) ?? 0) + 1)
}

/** Opens a world. */
export async function openWorld(lab: Lab, setup: Setup): Promise<World> {
  const lists = new BehaviorSubject<readonly string[]>([])
  const world: World = {
    lab,
    setup,
    servers: [],
    ways: [],
    lists,
    clients: [],
    made: [],
    runs: new Map(),
    calm: true,
    hadNoEndpoint: false,
    isSlow: false,
  }
  for (let count = 0; count < setup.servers; count++) {
    const waiting: Served['waiting'] = new Set()
    const server = await openServer(world, waiting, lab.endpoint())
    const way = await lab.way(server.endpoint)
    world.servers.push({ server, waiting, address: server.endpoint, way })
    world.ways.push(way)
  }
  if (setup.isApart && lab.transport === 'tcp') {
    const role = { role: 'rpc-server', options: setup.server } as const
    const { endpoint } = await lab.child(role, (call) => ran(world, call))
    world.ways.push(await lab.way(endpoint))
  }
  lists.next([...world.ways])
  await openClient(world)
  return world
}

export async function openClient(world: World): Promise<void> {
  const { lab, setup } = world
  const connect = setup.follows ? world.lists : world.ways
  world.clients.push(lab.watch(await createRpcClient(Service, { runtime: lab.runtime, connect, ...setup.client })))
}

const deadlines = [undefined, undefined, 0, 5, 1000, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER] as const

/** Draws how a call is made. */
function drawCall(random: Random, behaviours: readonly Behaviour[]) {
  return {
    client: random.below(4),
    method: random.pick(['get', 'get', 'peek', 'echo', 'list', 'total', 'relay', 'note'] as const),
    does: random.pick(behaviours),
    count: random.pick([0, 1, 5, 300]),
    requests: random.pick(requestKinds),
    timeout: random.below(deadlines.length),
    cancel: random.pick(['', '', '', 'now', 'turn', 'tick'] as const),
    bytes: random.pick([0, 10, 200_000]),
  }
}

/** Makes a call. */
export function call(world: World, drawn: ReturnType<typeof drawCall>): void {
  const { lab, clients, made } = world
  const client = clients[drawn.client % clients.length] as LabClient
  const { method, does, count, cancel } = drawn
  const timeoutMs = deadlines[drawn.timeout]
  const id = String(made.length)
  const abort = new AbortController()
  const options = {
    headers: { call: id, does },
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(cancel === '' ? {} : { signal: abort.signal }),
  }
  const answers = (answering as readonly string[]).includes(does)
  const takesRequests = method === 'total' || method === 'relay'
  const isStream = takesRequests || method === 'list'
  const { timeoutMs: usualMs = Number.POSITIVE_INFINITY, outboxBytes } = world.setup.client
  const isPlain =
    answers &&
    cancel === '' &&
    (timeoutMs ?? usualMs) > 1e6 &&
    outboxBytes === undefined &&
    (!isStream || does === 'value' || does === 'later') &&
    (!takesRequests || drawn.requests === 'some' || drawn.requests === 'none')
  // how a plain call ended is looked at when it is known whether something disturbed it
  const rejects: ErrorCode[] = isPlain ? [...disturbed] : [...disturbed, ...ownFailures]
  const requests = requestsOf(drawn.requests, count)
  const start = {
    get: () => client.promises.get({ id: 7 }, options),
    peek: () => client.promises.peek({ id: 7 }, options),
    echo: () => client.promises.echo({ data: Buffer.alloc(drawn.bytes) }, options),
    note: () => client.promises.note({ id: 7 }, options),
    total: () => client.promises.total(requests, options),
  }
  const label = `${method} (${does})`
  let outcome: Outcome<unknown>
  if (method === 'list' || method === 'relay') {
    const source = method === 'list' ? client.calls.list({ count }, options) : client.calls.relay(requests, options)
    const undeclared = new Observable<{ readonly id: number }>((subscriber) =>
      source.subscribe({
        next: (value) => subscriber.next(value),
        complete: () => subscriber.complete(),
        error: (error: unknown) => (isDeclared(error) ? subscriber.complete() : subscriber.error(error)),
      }),
    )
    const watched = lab.observe(label, undeclared, { rejects })
    outcome = watched
    if (cancel === 'tick') {
      void turnThen(() => watched.unsubscribe())
    }
  } else {
    const undeclared = () =>
      (start[method]() as Promise<unknown>).catch((error: unknown) => {
        if (!isDeclared(error)) throw error
      })
    outcome = lab.call(label, undeclared, { rejects })
  }
  const madeAt = lab.clock.passed
  const one: Made = { id, method, outcome, does, isPlain, client, madeAt, endedAt: Number.NaN }
  made.push(one)
  lab.whenSettled(outcome, () => {
    one.endedAt = lab.clock.passed
  })
  if (cancel === 'now') abort.abort()
  else if (cancel !== '') void turnThen(() => abort.abort())
}

async function turnThen(act: () => void): Promise<void> {
  await new Promise(setImmediate)
  act()
}

/** Steps of calls with these behaviours. */
export function callStep(weight: number, behaviours: readonly Behaviour[]) {
  return step('call', weight, (random) => drawCall(random, behaviours), call)
}

/** Several plain calls in one turn. */
export const burstStep = step(
  'burst',
  3,
  (random) => ({ client: random.below(4), count: random.pick([2, 20]) }),
  (world, { client, count }) => {
    const plain = { client, does: 'value', count: 3, requests: 'some', timeout: 0, cancel: '', bytes: 10 } as const
    const methods = ['get', 'peek', 'list', 'total', 'note'] as const
    for (let at = 0; at < count; at++) call(world, { ...plain, method: methods[at % methods.length] as 'get' })
  },
)
