/**
 * `npm run soak -- faults [--resets N] [--holes N] [--flips N] [--items N] [--kills N] [--json]`: RPC over bad networks and dying servers.
 *
 * Held: under 200 calls and 20 streams no reset, black hole or flipped bit loses, doubles or fails anything; after
 * `kill -9` every call has a true outcome, and calls flow again within two seconds; a handler that blocks its process for
 * three seconds costs no session; small calls pass a large reply on a narrow network; a stream far ahead of its consumer
 * takes bounded memory at both ends.
 */
import { parseArgs } from 'node:util'
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { ChildPlant } from '../support/child-plant.js'
import { until } from '../support/events.js'
import { FaultLoad, LoadServer } from '../support/fault-load.js'
import { measureNarrow, narrowLine } from '../support/narrow-link.js'
import { Plant } from '../support/plant.js'

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const

const { values } = parseArgs({
  options: {
    resets: count('100'),
    holes: count('5'),
    flips: count('50'),
    kills: count('5'),
    items: count('1000000'),
    json: { type: 'boolean' },
  },
})

const holeMs = 500
const blockMs = 3000
const flowsAgainMs = 2000
const largeBytes = 8_388_608
const bytesPerSecond = 4_000_000
const smallCallMs = 200
/** What either end of a stream may grow by, in MB. */
const growthLimitMb = 150

const runtime = createRuntime()
const rows: { readonly name: string; readonly figures: string; readonly faults: readonly string[] }[] = []

await row('faults under load', () => network(Number(values.resets), Number(values.holes), Number(values.flips)))
for (let round = 0; round < Number(values.kills); round++) await row(`kill -9, round ${round + 1}`, killed)
await row('a handler that blocks', blocked)
await row('a large reply over a narrow network', narrow)
await row('a slow consumer', () => slowConsumer(Number(values.items)))
await runtime.close({ drain: false })
if (values.json) console.log(JSON.stringify(rows))
if (rows.some(({ faults }) => faults.length > 0)) process.exitCode = 1

type Outcome = { readonly figures: string; readonly faults: readonly string[] }

async function row(name: string, run: () => Promise<Outcome>): Promise<void> {
  const started = performance.now()
  const { figures, faults } = await run()
  rows.push({ name, figures, faults })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const verdict = faults.length > 0 ? `FAILED: ${faults.slice(0, 5).join('; ')}` : 'ok'
  if (!values.json) console.log(`${name} | ${figures} | ${seconds} s | ${verdict}`)
}

async function network(resets: number, holes: number, flips: number): Promise<Outcome> {
  const server = await LoadServer.open('tcp://127.0.0.1:*', runtime)
  const proxy = await ChaosProxy.open(server.server.endpoint)
  const load = await FaultLoad.open(proxy.endpoint, server, runtime)
  const codes = new Map<string, number>()
  for (const { errors } of [load.client, server.server]) {
    errors.subscribe(({ code }) => codes.set(code, (codes.get(code) ?? 0) + 1))
  }
  load.start({ calls: 200, streams: 20 })
  await load.progress(200)
  for (let reset = 0; reset < resets; reset++) {
    proxy.cut(reset % 4 === 3 ? 'end' : 'reset')
    await load.progress(200)
  }
  for (let hole = 0; hole < holes; hole++) {
    proxy.set({ blackHole: 'both' })
    await new Promise((resolve) => setTimeout(resolve, holeMs))
    proxy.calm()
    await load.progress(200)
  }
  const { accepted } = proxy
  proxy.set({ flipChance: 0.01 })
  await until(() => proxy.accepted >= accepted + flips)
  proxy.calm()
  await load.progress(200)
  const { calls, items, faults } = await load.stop()
  const { sessions } = server.server.stats()
  await load.client.close()
  await server.server.close()
  await proxy.close()
  const told = [...codes].map(([code, times]) => `${code} ${times}`).join(', ')
  const connections = `${resets} resets, ${holes} holes, ${proxy.accepted} connections, ${flips} of them garbled`
  return {
    figures: `${calls} calls, ${items} items, ${connections}; reported: ${told}`,
    faults: sessions === 1 ? faults : [...faults, `${sessions} sessions`],
  }
}

async function killed(): Promise<Outcome> {
  const faults: string[] = []
  const first = await ChildPlant.start()
  const client = await createRpcClient(Plant, { connect: first.endpoint, runtime })
  client.errors.subscribe()
  const outcomeOf = (call: Promise<number>) => call.catch((error: RivuletError) => error)
  const held = Array.from({ length: 100 }, (_, id) => outcomeOf(client.promises.hold({ id })))
  const safe = Array.from({ length: 100 }, (_, id) => outcomeOf(client.promises.safe({ id })))
  let [answered, unknown, stop] = [0, 0, false]
  const loads = Array.from({ length: 200 }, async () => {
    while (!stop) {
      const outcome = await outcomeOf(client.promises.quick({ id: 1 }))
      if (typeof outcome === 'number') answered += 1
      else if (outcome.code === 'RIVULET_UNKNOWN_OUTCOME' && outcome.executed === 'maybe') unknown += 1
      else faults.push(`a call ended with ${outcome.code}`)
    }
  })
  await until(() => answered > 10_000)
  await first.kill()
  const second = await ChildPlant.start({ bind: first.endpoint, answers: true })
  const bound = performance.now()
  const before = answered
  await until(() => answered > before)
  const flowsAfterMs = performance.now() - bound
  stop = true
  await Promise.all(loads)
  for (const outcome of await Promise.all(held)) {
    if (typeof outcome === 'number' || outcome.executed !== 'maybe')
      faults.push('a call that was held has no true outcome')
  }
  for (const outcome of await Promise.all(safe))
    if (typeof outcome !== 'number') faults.push(`${outcome.code}: not repeated`)
  if (flowsAfterMs > flowsAgainMs) faults.push('calls flow again too late')
  await client.close({ drain: false })
  await second.kill()
  return { figures: `${unknown} of 200 unknown, calls flow ${flowsAfterMs.toFixed(0)} ms after the bind`, faults }
}

async function blocked(): Promise<Outcome> {
  const plant = await ChildPlant.start()
  const client = await createRpcClient(Plant, { connect: plant.endpoint, runtime })
  const faults: string[] = []
  client.errors.subscribe(({ code }) => faults.push(code))
  await client.promises.quick({ id: 1 })
  const blocking = client.promises.block({ milliseconds: blockMs })
  await Promise.all(Array.from({ length: 1000 }, (_, id) => client.promises.quick({ id })))
  await blocking
  const { sessions, strayFrames } = JSON.parse(await client.promises.stats())
  if (sessions !== 1 || strayFrames > 0 || client.stats().failed > 0) faults.push('the session did not last')
  await client.close()
  await plant.kill()
  return { figures: `${blockMs} ms, 1,000 calls beside it`, faults }
}

async function narrow(): Promise<Outcome> {
  const plant = await ChildPlant.start()
  const figures = await measureNarrow(plant.endpoint, runtime, { bytes: largeBytes, bytesPerSecond })
  await plant.kill()
  return {
    figures: narrowLine(figures),
    faults: figures.slowestMs < smallCallMs ? [] : ['a small call waited too long'],
  }
}

async function slowConsumer(items: number): Promise<Outcome> {
  const plant = await ChildPlant.start()
  const client = await createRpcClient(Plant, { connect: plant.endpoint, runtime })
  const residentMb = () => process.memoryUsage().rss / 1_048_576
  const [ownMb, theirMb] = [residentMb(), await client.promises.peakMb()]
  const faults: string[] = []
  let [next, peakMb] = [0, ownMb]
  for await (const item of client.items({ count: items, padding: 100 })) {
    if (item.readInt32BE(0) !== next++) faults.push(`${item.readInt32BE(0)} came where ${next - 1} is due`)
    if (next <= 1000) await new Promise((resolve) => setTimeout(resolve, 1))
    if (next % 10_000 === 0) peakMb = Math.max(peakMb, residentMb())
  }
  if (next !== items) faults.push(`${items - next} items are missing`)
  const [client_, server] = [peakMb - ownMb, (await client.promises.peakMb()) - theirMb]
  if (Math.max(client_, server) > growthLimitMb) faults.push('memory grows')
  await client.close()
  await plant.kill()
  return { figures: `${items} items; client +${client_.toFixed(0)} MB, server +${server.toFixed(0)} MB`, faults }
}
