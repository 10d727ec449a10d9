/** Attacks by peers that keep to the protocol, and to nothing else: sessions, and calls that are cancelled, without end. */
import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { createDirectory } from '../../../patterns/directory/index.js'
import { createPeer } from '../../../patterns/messaging/index.js'
import { createProducer } from '../../../patterns/queue/index.js'
import { createRpcClient } from '../../../patterns/rpc/index.js'
import { createRuntime, type Runtime } from '../../../src/runtime/index.js'
import { Job } from '../../support/job.js'
import type { Attack, AttackContext } from '../attack.js'
import { Keep } from '../keep.js'
import { linked, type PatternName } from '../patterns.js'
import { strangersQueue } from '../recording.js'

/** How a peer connects, with a key that the victim admits where it has security. */
export function connecting({ target: { endpoint, serverKey, keyPair } }: AttackContext) {
  return { connect: endpoint, ...(keyPair && serverKey ? { security: { keyPair, serverKey } } : {}) }
}

/** Opens a peer of a pattern with links. */
function openPeer(pattern: PatternName, options: ReturnType<typeof connecting> & { readonly runtime: Runtime }) {
  if (pattern === 'rpc') return createRpcClient(Keep, options)
  if (pattern === 'peer') return createPeer({ ...options, name: randomUUID() })
  if (pattern === 'directory') return createDirectory(options)
  return createProducer({ ...options, queue: strangersQueue, schema: Job })
}

/** More sessions than one key may have, at the same time. */
const sessionFlood: Attack = {
  name: 'session-flood',
  patterns: linked,
  counted: [],
  secured: 'too',
  async run(context) {
    const { scope, target, scale, did } = context
    const runtime = createRuntime({ maxSockets: 4096 })
    scope.teardown(() => runtime.close({ drain: false }))
    const options = { ...connecting(context), runtime }
    const opening = Array.from({ length: 80 * scale }, async () => {
      const peer = await openPeer(target.pattern, options)
      peer.errors.subscribe()
      did({ connections: 1 })
      await peer.whenConnected()
    })
    await Promise.all(opening)
  },
}

/** Calls that are cancelled as soon as the victim has them. */
const cancelFlood: Attack = {
  name: 'cancel-flood',
  patterns: ['rpc'],
  counted: [],
  secured: 'too',
  async run(context) {
    const { scope, scale, did } = context
    const client = await createRpcClient(Keep, connecting(context))
    scope.teardown(() => client.close({ drain: false }))
    client.errors.subscribe()
    did({ connections: 1 })
    await client.whenConnected()
    for (let round = 0; round < 20 * scale; round++) {
      const calls = Array.from({ length: 200 }, () => client.items({ bytes: 100 }).subscribe({ error: () => {} }))
      did({ messages: calls.length })
      await setImmediate()
      for (const call of calls) call.unsubscribe()
      await setImmediate()
    }
  },
}

/** The attacks. */
export const callerAttacks: readonly Attack[] = [sessionFlood, cancelFlood]
