/**
 * The model of an RPC client: each call has one outcome, the one that its handler earned; a call without harm ends well.
 *
 * Servers answer, fail, close, restart; calls are cancelled, late, or last for ever.
 */
import { defineModel } from './model.js'
import { sometimes } from './push-world.js'
import { comingAndGoing } from './rpc-coming-and-going.js'
import { endpointsStep } from './rpc-endpoints.js'
import { isolateStep } from './rpc-failover.js'
import { behaviours } from './rpc-handlers.js'
import { checkCounts, endWorld } from './rpc-promises.js'
import { burstStep, callStep, openWorld, type Setup, type World } from './rpc-world.js'

export const model = defineModel<Setup, World>({
  name: 'rpc-client',
  draw: (random) => ({
    servers: random.between(1, 2),
    isApart: random.chance(0.15),
    follows: random.chance(0.5),
    server: {},
    client: {
      ...sometimes(random, 'timeoutMs', [5, 1000, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER]),
      ...sometimes(random, 'failoverMs', [0, 50, Number.POSITIVE_INFINITY]),
      ...sometimes(random, 'retentionMs', [0, 100]),
      ...sometimes(random, 'outboxBytes', [1, 1000]),
    },
  }),
  open: openWorld,
  steps: [callStep(10, behaviours), burstStep, isolateStep, endpointsStep, ...comingAndGoing],
  always: checkCounts,
  end: endWorld,
})
