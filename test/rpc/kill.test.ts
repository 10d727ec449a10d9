/**
 * `kill -9` of a server under load: every call has an outcome that is true, and a new server is found.
 *
 * `npm run soak -- faults` holds how soon it is found.
 */
import t from 'tap'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { RivuletError } from '../../src/avro/index.js'
import { ChildPlant } from '../support/child-plant.js'
import { until } from '../support/events.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'

t.test('a server that is killed and comes again', async (t) => {
  const { runtime } = place(t, 'tcp')
  const first = await ChildPlant.start()
  t.teardown(() => first.kill())
  const client = await createRpcClient(Plant, { connect: first.endpoint, runtime })
  client.errors.subscribe()

  const outcomeOf = (call: Promise<number>) => call.catch((error: RivuletError) => error)
  const held = Array.from({ length: 100 }, (_, id) => outcomeOf(client.promises.hold({ id })))
  const safe = Array.from({ length: 100 }, (_, id) => client.promises.safe({ id }))
  const quick: Promise<number | RivuletError>[] = []
  let stop = false
  let answered = 0
  const load = async () => {
    while (!stop) {
      const outcome = outcomeOf(client.promises.quick({ id: quick.length }))
      quick.push(outcome)
      if (typeof (await outcome) === 'number') answered += 1
    }
  }
  const loads = Array.from({ length: 50 }, load)
  await until(() => answered > 2000)
  await first.kill()
  const before = answered

  const second = await ChildPlant.start({ bind: first.endpoint, answers: true })
  t.teardown(() => second.kill())
  const bound = performance.now()
  await until(() => answered > before + 100)
  const flowsAfterMs = performance.now() - bound
  stop = true
  await Promise.all(loads)

  const unknown = { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' }
  for (const outcome of await Promise.all(held)) t.match(outcome, unknown)
  t.strictSame(
    await Promise.all(safe),
    safe.map((_, id) => id),
    'what does no harm was sent again',
  )
  const failed = (await Promise.all(quick)).filter((outcome): outcome is RivuletError => typeof outcome !== 'number')
  for (const outcome of failed) t.match(outcome, unknown)
  t.ok(failed.length <= 50, `${failed.length} of ${quick.length} were under way`)
  t.comment(`calls flow ${flowsAfterMs.toFixed(0)} ms after the bind`)
  t.match(client.stats(), { open: 0, waiting: 0, sessions: 1 })
})

t.test('several endpoints: what was at a server that is killed, and what was not', async (t) => {
  const { runtime } = place(t, 'tcp')
  const [mortal, other] = await Promise.all([ChildPlant.start(), ChildPlant.start({ answers: true })])
  t.teardown(() => Promise.all([mortal.kill(), other.kill()]))
  const client = await createRpcClient(Plant, { connect: [mortal.endpoint, other.endpoint], runtime })
  client.errors.subscribe()
  await until(() => client.connected === 2)
  await client.promises.quick({ id: 1 })
  await mortal.kill()
  await until(() => client.connected === 1)
  const results = await Promise.all(Array.from({ length: 100 }, (_, id) => client.promises.quick({ id })))
  t.equal(results.length, 100, 'new calls go where there is a connection')
})
