/** Endpoints that come and go, as a step of the model of an RPC client: no call notices, so that the world stays calm. */
import { turn } from '../support/events.js'
import { stepsOf } from './model.js'
import { call, type World } from './rpc-world.js'

const step = stepsOf<World>()

/** Another list of endpoints: some of the present ones, in any order, some of them twice, or none. */
export const endpointsStep = step(
  'endpoints',
  4,
  (random) => ({
    picks: Array.from({ length: random.below(5) }, () => random.below(4)),
    calls: random.below(4),
    turns: random.below(4),
  }),
  async (world, { picks, calls, turns }) => {
    if (!world.setup.follows) return
    const plain = { client: 0, count: 300, requests: 'some', timeout: 0, cancel: '', bytes: 10 } as const
    const methods = ['get', 'list', 'total', 'relay', 'note'] as const
    for (let at = 0; at < calls; at++) {
      call(world, { ...plain, does: 'later', method: methods[(at + picks.length) % methods.length] as 'get' })
    }
    for (let at = 0; at < turns; at++) await turn()
    if (picks.length === 0) world.hadNoEndpoint = true
    world.lists.next(picks.map((pick) => world.ways[pick % world.ways.length] as string))
  },
)
