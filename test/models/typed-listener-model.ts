/**
 * The model of a listener of typed streams: who can read and is read is connected, in order and once; the others are refused.
 *
 * The listener goes and comes back; clients of several versions come and go, connect again, and strangers disturb.
 */
import { defineModel, stepsOf } from './model.js'
import {
  accept,
  type Client,
  disturb,
  type End,
  join,
  joinAgain,
  listen,
  type Reconnecting,
  type Setup,
  sayings,
  stopListening,
  type Version,
  type World,
} from './typed-listener-world.js'

const step = stepsOf<World & { stop: () => void }>()

const any = (random: { below(limit: number): number }): number => random.below(60)
const version = (random: { pick<T>(list: readonly T[]): T }) => random.pick<Version>(['same', 'same', 'later', 'other'])

/** All ends that are or were open. */
function endsOf({ clients, reconnecting, accepted }: World): End[] {
  return [...clients.flatMap(({ end }) => end ?? []), ...reconnecting.flatMap(({ ends }) => ends), ...accepted]
}

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)]
}

const steps = [
  step('join', 8, version, (world, version) => join(world, version)),
  step('joinAgain', 4, version, (world, version) => joinAgain(world, version)),
  step(
    'send',
    10,
    (random) => ({ end: any(random), count: random.pick([1, 2, 100]) }),
    (world, { end, count }) => pick(endsOf(world), end)?.send(count),
  ),
  step(
    'end',
    6,
    (random) => ({ end: any(random), how: random.pick(['complete', 'error', 'close', 'abandon'] as const) }),
    (world, { end, how }) => {
      const connection = pick(endsOf(world), end)?.connection
      if (how === 'complete') connection?.complete()
      else if (how === 'error') connection?.error(new Error('as it was told to'))
      else if (connection) world.lab.close(connection, how === 'close' ? {} : { drain: false })
    },
  ),
  step(
    'disturb',
    6,
    (random) => ({ saying: random.pick(sayings), noise: random.bytes(random.between(1, 60)).toString('hex') }),
    (world, { saying, noise }) => disturb(world, saying, noise),
  ),
  step(
    'leave',
    3,
    (random) => ({ stranger: any(random), how: random.pick(['end', 'destroy', 'resetAndDestroy'] as const) }),
    ({ strangers, lab }, { stranger, how }) => {
      const socket = pick(strangers, stranger)
      const isReset = how === 'resetAndDestroy' && (lab.transport === 'ipc' || socket?.connecting)
      if (socket?.writable) socket[isReset ? 'destroy' : how]()
    },
  ),
  step(
    'closeReconnecting',
    1,
    (random) => ({ one: any(random), options: random.pick([{}, { drain: false }]) }),
    ({ lab, reconnecting }, { one, options }) => {
      const found = pick(reconnecting, one)
      if (!found) return
      found.isClosing = true
      lab.close(found.stream, options)
    },
  ),
  step(
    'take',
    3,
    (random) => random.chance(0.7),
    (world, takes) => {
      world.stop()
      world.stop = takes ? accept(world) : () => {}
    },
  ),
  step(
    'restart',
    3,
    (random) => random.pick([{}, { drain: false }, { timeoutMs: 20 }]),
    async (world, options) => {
      stopListening(world, options)
      await world.lab.within(world.listener.whenClosed, 'the listener closes')
      await listen(world)
      world.stop = accept(world)
    },
  ),
  step('closeListener', 1, (random) => random.pick([{}, { drain: false }]), stopListening),
]

export const model = defineModel<Setup, World & { stop: () => void }>({
  name: 'typed-listener',
  draw: (random) => ({
    maxConnections: random.chance(0.3) ? random.pick([1, 3]) : undefined,
    takeTimeoutMs: random.chance(0.3) ? 50 : undefined,
    backoff: { initialMs: 1, maxMs: random.pick([1, 100]) },
  }),

  async open(lab, setup) {
    const bind = lab.transport === 'inproc' ? 'tcp://127.0.0.1:*' : lab.endpoint()
    const nothing = { clients: [], reconnecting: [], strangers: [], accepted: [], names: 0, isListening: false }
    const world = { lab, setup, endpoint: bind, way: '', stop: () => {}, listener: undefined as never, ...nothing }
    await listen(world)
    world.way = await lab.way(world.endpoint)
    world.stop = accept(world)
    return world
  },

  steps,

  always(world) {
    const { lab, listener, accepted, setup } = world
    for (const end of endsOf(world)) end.check()
    const { open } = listener.stats()
    // one that makes room for another is open until it has closed
    lab.expect(open >= 0 && open <= 2 * (setup.maxConnections ?? 1024), () => JSON.stringify(listener.stats()))
    lab.expect(listener.stats().accepted <= accepted.length, () => JSON.stringify(listener.stats()))
  },

  async end(world) {
    const { lab, strangers, clients, reconnecting } = world
    for (const stranger of strangers) stranger.destroy()
    if (!world.isListening) {
      await lab.within(world.listener.whenClosed, 'the listener closes')
      await listen(world)
    }
    world.stop()
    world.stop = accept(world)
    await lab.until(
      () => clients.every(({ connecting }) => connecting?.settled),
      'clients that are connected or refused',
    )
    for (const { end } of clients) end?.connection.complete()
    for (const one of reconnecting.slice(world.setup.maxConnections === undefined ? 8 : 1)) closeOne(world, one)
    await reconnected(world)
    await lab.until(() => clients.every((client) => isDone(client)), 'clients that have completed end')
    for (const one of reconnecting) closeOne(world, one)
    stopListening(world, {})
    await lab.settled()
    for (const end of endsOf(world)) {
      end.check()
      const { incoming, outgoing } = end.connection.stats()
      lab.expect(incoming.pending === 0 && outgoing.pending === 0, () => `${end.name}: something is pending`)
      lab.expect(end.connection.closed, () => `${end.name} is open`)
    }
    const { open, bufferedBytes } = world.listener.stats()
    lab.expect(open === 0 && bufferedBytes === 0, () => `the listener holds ${JSON.stringify(world.listener.stats())}`)
  },
})

function isDone({ end }: Client): boolean {
  return end === undefined || end.connection.closed
}

function closeOne({ lab }: World, one: Reconnecting): void {
  if (one.isClosing) return
  one.isClosing = true
  lab.close(one.stream, {})
}

/** Each client that connects again and can be read is connected, and hears of its listener. */
async function reconnected(world: World): Promise<void> {
  const { lab, reconnecting } = world
  for (const { version, stream, isClosing, ends } of reconnecting) {
    if (isClosing || version === 'other') continue
    await lab.until(
      () => stream.current?.status === 'open',
      () => `a client that is connected again: ${JSON.stringify(stream.stats())}`,
    )
    const end = ends.at(-1) as End
    lab.expect(end.connection === stream.current, 'the current connection is the last')
    lab.expect(stream.stats().opened === ends.length, () => `opened: ${JSON.stringify(stream.stats())}, ${ends.length}`)
  }
}
