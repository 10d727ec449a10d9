/** Servers and clients that come and go, as steps of the models of RPC. */
import { turn } from '../support/events.js'
import { stepsOf } from './model.js'
import { call, openClient, openServer, type Served, type World } from './rpc-world.js'
import { tick } from './ticks.js'

const step = stepsOf<World>()

/** Turns of the event loop within which a handler hears that its server closes, also on a busy machine. */
const mostTurns = 20

/** How long a server waits at least until its clients have read its last words, in milliseconds. */
const farewellMs = 200

const closings = [{}, { timeoutMs: 0 }, { timeoutMs: 20 }, { drain: false }] as const

/** Closes a server: its handlers hear of it in the same turn, or soon where that turn has taken its time already. */
function closeServer(world: World, { server, waiting }: Served, options: (typeof closings)[number]): void {
  const { lab } = world
  const handlers = [...waiting]
  waiting.clear()
  const since = performance.now()
  lab.close(server, options)
  void server.whenClosed.then(() => {
    world.isSlow ||= performance.now() - since >= farewellMs
  })
  const unaware = () => handlers.filter(({ draining, signal }) => !draining.aborted && !signal.aborted).length
  const look = async () => {
    for (let turns = 0; turns < mostTurns && unaware() > 0; turns++) await turn()
    lab.expect(unaware() === 0, () => `${unaware()} handlers did not hear that their server closes`)
  }
  void look()
}

/** Steps of those who come and go. */
export const comingAndGoing = [
  step(
    'clientJoins',
    2,
    () => ({}),
    (world) => openClient(world),
  ),
  step(
    'clientLeaves',
    1,
    (random) => ({ client: random.below(4), options: random.pick(closings) }),
    (world, { client, options }) => {
      world.calm = false
      const leaving = world.clients[client % world.clients.length]
      if (leaving) world.lab.close(leaving, options)
    },
  ),
  step(
    'serverCloses',
    1,
    (random) => ({ server: random.below(2), options: random.pick(closings) }),
    (world, { server, options }) => {
      world.calm = false
      const leaving = world.servers[server % world.servers.length]
      if (leaving) closeServer(world, leaving, options)
    },
  ),
  step(
    'serverClosesInWork',
    2,
    (random) => ({ server: random.below(2), client: random.below(4), options: random.pick([{}, { timeoutMs: 500 }]) }),
    async (world, { server, client, options }) => {
      const entry = world.servers[server % world.servers.length]
      if (entry?.server.status !== 'open') return
      const lasting = { client, count: 3, requests: 'some', timeout: 0, cancel: '', bytes: 0 } as const
      for (const does of ['drains', 'never'] as const) call(world, { ...lasting, does, method: 'get' })
      for (let ticks = 0; ticks < 5; ticks++) await tick()
      world.calm = false
      closeServer(world, entry, options)
    },
  ),
  step(
    'serverRestarts',
    2,
    (random) => ({ server: random.below(2) }),
    async (world, { server }) => {
      const entry = world.servers[server % world.servers.length]
      if (!entry) return
      world.calm = false
      closeServer(world, entry, { timeoutMs: 20 })
      await world.lab.within(entry.server.whenClosed, 'a server closes')
      entry.server = await openServer(world, entry.waiting, entry.address)
    },
  ),
  step(
    'kill',
    2,
    () => undefined,
    async ({ lab, setup }) => {
      if (setup.isApart && lab.transport === 'tcp') await lab.kill()
    },
  ),
  step(
    'untrusted',
    1,
    (random) => ({ frames: random.between(1, 5) }),
    async ({ lab, servers }, { frames }) => {
      const [entry] = servers
      if (!entry || entry.server.closed) return
      const raw = lab.raw('dealer')
      raw.connect(entry.way)
      for (let at = 0; at < frames; at++) {
        const parts = Array.from({ length: lab.random.between(1, 3) }, () => lab.random.bytes(lab.random.below(60)))
        await raw.send(parts).catch(() => {})
      }
    },
  ),
  step(
    'ref',
    1,
    (random) => ({ on: random.chance(0.5), client: random.below(4) }),
    ({ clients }, { on, client }) => {
      const one = clients[client % clients.length]
      if (on) one?.ref()
      else one?.unref()
    },
  ),
]
