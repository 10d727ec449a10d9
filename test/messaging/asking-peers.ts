/** Two peers with a link between them, and two asks. */
import type { AskContext } from '../../patterns/messaging/answers.js'
import { defineAsk } from '../../patterns/messaging/define-ask.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { type TestPeer, World } from './asking.js'

export const Query = defineSchema(record('Query', { n: 'long' }))
export const Odd = defineSchema(record('Odd', { n: 'long' }))
export const double = defineAsk('double', Query, defineSchema('long'), { errors: [Odd] })
export const look = defineAsk('look', Query, defineSchema('long'), { idempotent: true })

/** Two peers on nodes of their own, with a link. */
export function pair() {
  const world = new World()
  const [planner, worker] = [world.peer('planner'), world.peer('worker')]
  const link = world.link(worker.node, planner.node)
  return { world, planner, worker, link }
}

/** An answer that waits to be given. */
export function held(peer: TestPeer, ask: typeof double | typeof look = double) {
  const queries: { n: number; context: AskContext; answer(value: number): void }[] = []
  const answering = peer.answer(ask, ({ n }, context) => {
    return new Promise<number>((answer) => queries.push({ n, context, answer }))
  })
  return { queries, answering }
}
