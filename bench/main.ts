/**
 * `npm run bench`: Rivulet beside raw zeromq.js and C libzmq, in the same minutes on the same machine.
 *
 * The figures are ratios. It measures the build of the package, as its users get it.
 */
import { build } from '../tools/build.js'
import { writeFigures } from '../tools/figures.js'
import { Libzmq } from './libzmq.js'
import { type Options, readOptions, type Section, sections, usage } from './options.js'
import type { Results } from './report.js'
import { storeSection } from './store.js'

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
  const measures: { readonly [Name in Section]: () => Promise<Results[Name]> } = {
    throughput: () => measureThroughput(options, libzmq),
    topics: () => measureTopics(options),
    replay: () => measureReplay(options),
    latency: () => measureLatency(options, libzmq),
    calls: () => measureCalls(options),
    curve: () => measureCurve(options),
    memory: () => measureMemory(options),
    codecs: async () => measureCodecs(options),
    durable: () => measureDurable(options),
    depth: () => measureDepth(options),
    datagrams: () => measureDatagrams(options),
    messaging: () => measureMessaging(options),
    streams: () => measureStreams(options),
    matching: () => measureMatching(options),
  }
  let results: Results = { machine: describeMachine(libzmq), options, libzmqSkipped }
  for (const section of sections.filter((one) => options.sections.includes(one))) {
    results = { ...results, [section]: await measures[section]() }
    // one by one: what fails later loses nothing
    if (options.store) storeSection(results, section)
  }
  console.log(options.json ? JSON.stringify(results, undefined, 2) : report(results))
  if (options.store) writeFigures()
}

await main()
