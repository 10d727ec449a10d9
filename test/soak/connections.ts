/**
 * `npm run soak -- connections [--count N] [--json]`: opens, uses and closes 10,000 byte streams over TCP, Unix domain and TLS each.
 *
 * Held: no file descriptor and no resource stays, and the heap does not grow with the connections.
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createRuntime } from '../../src/index.js'
import { descriptors, openAndClose, streamKinds } from '../socket-tls/many-connections.js'
import { total } from '../support/events.js'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, json: { type: 'boolean', default: false } },
})
const count = Number(values.count)
/** What the heap may grow by, in MB: 200 bytes for each of 10,000 connections. */
const growthLimitMb = 2
/** Connections after which everything that is made once has been made. */
const warmUp = 500

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heapMb = () => {
  collect()
  return process.memoryUsage().heapUsed / 1e6
}

const runtime = createRuntime()
const faults: string[] = []
for (const kind of streamKinds) {
  await (await openAndClose(runtime, kind, warmUp)).close()
  const before = { descriptors: descriptors(), heapMb: heapMb(), resources: runtime.size }
  const begun = performance.now()
  const listener = await openAndClose(runtime, kind, count)
  const perSecond = (count * 1000) / (performance.now() - begun)
  const { accepted, refused } = listener.stats()
  await listener.close()
  // the system takes back descriptors a moment after `close`, and no event tells of it
  await new Promise((resolve) => setTimeout(resolve, 100))
  const after = { descriptors: descriptors(), heapMb: heapMb(), resources: runtime.size }
  // with TLS 1.3 a client may have left before the listener has agreed
  const counted = accepted + total(refused)
  if (counted !== count) faults.push(`${kind}: ${counted} of ${count} are counted`)
  if (after.descriptors > before.descriptors)
    faults.push(`${kind}: ${after.descriptors - before.descriptors} descriptors`)
  if (after.resources > before.resources) faults.push(`${kind}: ${after.resources - before.resources} resources`)
  if (after.heapMb - before.heapMb > growthLimitMb) faults.push(`${kind}: the heap grows`)
  if (values.json) console.log(JSON.stringify({ kind, count, perSecond, before, after }))
  else {
    const heap = `heap ${before.heapMb.toFixed(1)} → ${after.heapMb.toFixed(1)} MB`
    const open = `${before.descriptors} → ${after.descriptors} descriptors`
    console.log(`${kind}: ${count} connections, ${perSecond.toFixed(0)}/s, ${open}, ${heap}`)
  }
}
await runtime.close()
console.log(faults.length > 0 ? `FAILED: ${faults.join('; ')}` : 'ok')
if (faults.length > 0) process.exitCode = 1
