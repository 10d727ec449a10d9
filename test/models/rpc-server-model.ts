/**
 * The model of an RPC server: a handler that fails, in whatever way, ends its own call alone, and each call runs at most once.
 *
 * Clients join and leave, send invalid items, cancel, and some connections speak no protocol at all.
 */
import { defineModel } from './model.js'
import { sometimes } from './push-world.js'
import { comingAndGoing } from './rpc-coming-and-going.js'
import { behaviours } from './rpc-handlers.js'
import { checkCounts, endWorld } from './rpc-promises.js'
import { burstStep, callStep, openWorld, type Setup, type World } from './rpc-world.js'

export const model = defineModel<Setup, World>({
  name: 'rpc-server',
  draw: (random) => ({
    servers: 1,
    isApart: random.chance(0.15),
    server: {
      ...sometimes(random, 'retentionMs', [0, 100]),
      ...sometimes(random, 'maxMessageBytes', [1_000_000]),
    },
    client: {},
  }),
  open: openWorld,
  steps: [callStep(14, behaviours), burstStep, ...comingAndGoing],
  always: checkCounts,
  end: endWorld,
})
