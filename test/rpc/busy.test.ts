/** Servers and networks that are slow: a process that does not turn, and a connection that carries little. */
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { ChildPlant } from '../support/child-plant.js'
import { measureNarrow, narrowLine } from '../support/narrow-link.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'

/** One process serves all of these. */
const plant = await ChildPlant.start()
t.teardown(() => plant.kill())

t.test('a handler that blocks its process kills no session', async (t) => {
  const { runtime } = place(t, 'tcp')
  const client = await createRpcClient(Plant, { connect: plant.endpoint, runtime })
  const errors: string[] = []
  client.errors.subscribe(({ code }) => errors.push(code))
  await client.promises.quick({ id: 0 })
  const blocking = client.promises.block({ milliseconds: 700 })
  const beside = Array.from({ length: 100 }, (_, id) => client.promises.quick({ id }))
  t.equal(await blocking, 700)
  t.equal((await Promise.all(beside)).length, 100)
  t.strictSame(errors, [])
  const { sessions, strayFrames } = JSON.parse(await client.promises.stats())
  t.strictSame({ sessions, strayFrames }, { sessions: 1, strayFrames: 0 })
  t.equal(client.stats().sessions, 1)
})

t.test('a large reply over a narrow network, with small calls beside it', async (t) => {
  const { runtime } = place(t, 'tcp')
  const figures = await measureNarrow(plant.endpoint, runtime, { bytes: 2_097_152, bytesPerSecond: 4_000_000 })
  t.comment(narrowLine(figures))
  t.ok(figures.smallCalls >= 2, 'small calls were answered while the large one was on its way')
  t.ok(figures.slowestMs < figures.largeMs)
})
