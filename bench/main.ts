/**
 * `npm run bench`: Rivulet beside raw zeromq.js and C libzmq, in the same minutes on the same machine.
 *
 * The figures are ratios. It measures the build of the package, as its users get it.
 */
import { build } from '../tools/build.js'
import { Libzmq } from './libzmq.js'
import { type Options, readOptions, usage } from './options.js'
import type { Results } from './report.js'
import { storeResults } from './store.js'

async function main(): Promise<void> {
  let options: Options | undefined
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exitCode = 2
    return
  }
  if (!options) {
    console.log(usage)
    return
  }
  await build()
  const compiled = Libzmq.compile()
  const libzmq = typeof compiled === 'string' ? undefined : compiled
  try {
    await measure(options, libzmq, typeof compiled === 'string' ? compiled : undefined)
  } finally {
    libzmq?.[Symbol.dispose]()
  }
}

async function measure(options: Options, libzmq: Libzmq | undefined, libzmqSkipped: string | undefined): Promise<void> {
  // these import the package, which has to be built first
  const { describeMachine } = await import('./machine.js')
  const { measureThroughput } = await import('./throughput.js')
  const { measureTopics } = await import('./topics.js')
  const { measureReplay } = await import('./replay.js')
  const { measureLatency } = await import('./latency.js')
  const { measureCalls } = await import('./calls.js')
  const { measureCurve } = await import('./curve.js')
  const { measureMemory } = await import('./memory.js')
  const { measureCodecs } = await import('./codecs.js')
  const { measureDurable } = await import('./durable.js')
  const { measureDepth } = await import('./depth.js')
  const { measureMessaging } = await import('./messaging.js')
  const { measureDatagrams } = await import('./datagrams.js')
  const { measureStreams } = await import('./streams.js')
  const { measureMatching } = await import('./matching.js')
  const { report } = await import('./report.js')
  const wants = new Set(options.sections)
  const results: Results = {
    machine: describeMachine(libzmq),
    options,
    libzmqSkipped,
    ...(wants.has('throughput') && { throughput: await measureThroughput(options, libzmq) }),
    ...(wants.has('topics') && { topics: await measureTopics(options) }),
    ...(wants.has('replay') && { replay: await measureReplay(options) }),
    ...(wants.has('latency') && { latency: await measureLatency(options, libzmq) }),
    ...(wants.has('calls') && { calls: await measureCalls(options) }),
    ...(wants.has('curve') && { curve: await measureCurve(options) }),
    ...(wants.has('memory') && { memory: await measureMemory(options) }),
    ...(wants.has('codecs') && { codecs: measureCodecs(options) }),
    ...(wants.has('durable') && { durable: await measureDurable(options) }),
    ...(wants.has('depth') && { depth: await measureDepth(options) }),
    ...(wants.has('datagrams') && { datagrams: await measureDatagrams(options) }),
    ...(wants.has('messaging') && { messaging: await measureMessaging(options) }),
    ...(wants.has('streams') && { streams: await measureStreams(options) }),
    ...(wants.has('matching') && { matching: await measureMatching(options) }),
  }
  console.log(options.json ? JSON.stringify(results, undefined, 2) : report(results))
  if (options.store) storeResults(results)
}

await main()
