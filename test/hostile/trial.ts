/** One attack on one pattern, measured: the rate of its honest peers before and during it, delays, memory, and counts. */
import { limitReached } from './attack.js'
import { attacks } from './attacks/index.js'
import type { HonestLoad } from './honest-load.js'
import { type Codes, countedOf, type Deeds, type PatternReport, type VictimReport } from './orders.js'
import type { PatternName, TransportName } from './patterns.js'
import { waitedMs } from './self-watch.js'
import { Siege, siegeKeys } from './siege.js'

/** What is tried. */
export interface TrialOptions {
  readonly attack: string
  readonly pattern: PatternName
  readonly transport: TransportName
  readonly seed: number
  /** How long the honest peers are measured without an attack, and then with it, in milliseconds. */
  readonly lastingMs: number
  readonly scale: number
  /** Whether the victim has security. */
  readonly isSecured: boolean
  /** What Node is given to run the victim and the attacker. */
  readonly programs: { readonly victim: readonly string[]; readonly attacker: readonly string[] }
}

/** What honest peers did in a time. */
export interface Rate {
  /** Units of work a second. */
  readonly perSecond: number
  /** The same for the time in which neither the victim nor the honest peers waited for a CPU. */
  readonly ownPerSecond: number
  /** Units that ended in that time, those included that the victim dealt to other peers. */
  readonly endedPerSecond: number
  /** The time that 99 of 100 units took at most, in milliseconds; 0 where that is not known. */
  readonly p99Ms: number
}

/** What came of it. */
export interface Trial extends Pick<TrialOptions, 'attack' | 'pattern' | 'transport' | 'seed'> {
  readonly before: Rate
  readonly during: Rate
  /** The part of the undisturbed rate that was kept, by `ownPerSecond`. */
  readonly kept: number
  readonly delayMs: number
  readonly ownDelayMs: number
  /** The same without an attack, which is what this machine does to a timer now. */
  readonly usualDelayMs: number
  /** The part of the attack in which the victim's event loop waited for a CPU, 0 to 1. */
  readonly waited: number
  readonly grownMiB: number
  readonly deeds: Deeds
  /** What the victim has counted, and the errors that it has reported. */
  readonly counted: number
  readonly codes: Codes
  /** What is wrong; nothing if the bounds are held. */
  readonly complaints: readonly string[]
  /** Why libzmq does not let it hold, if that explains every complaint. */
  readonly known?: string
}

/** What is held. */
export const bounds = Object.freeze({
  /** The part of their undisturbed rate that honest peers keep. */
  kept: 0.5,
  /** How many times as long 99 of 100 units may take, and what they may take in any case, in milliseconds. */
  p99Factor: 10,
  p99Ms: 50,
  /** The longest delay of a timer, in milliseconds. */
  delayMs: 50,
  /** What the memory of the victim grows by, in MiB. */
  grownMiB: 256,
  /** Errors that are reported of one attack. */
  reports: 200,
})

/** What the handlers of the victim do wrong is reported each. */
const ofHandlers = ['RIVULET_INTERNAL', 'RIVULET_HANDLER_FAILED']

/** Work that honest peers begin every so often, in milliseconds, unless more is pending. */
const tickMs = 10
const unitsPerTick = 20
/**
 * More may be pending where the victim does not wait for the honest peer, since a delay would be measured as a lower rate:
 * a publisher that is flooded with subscriptions sends every 10 to 250 ms (docs/reference/pubsub.md), and that a push has dealt a job
 * to somebody else is known when the honest worker has one of the jobs behind it.
 */
const mostPending = (pattern: PatternName) => (pattern === 'publisher' || pattern === 'push' ? 1000 : 200)

const warmUpMs = 700

/** A connection that is refused beside a live link is known after 2 s. */
const settlingMs = 10_000
const nothing: Deeds = { connections: 0, refused: 0, messages: 0 }

/** Runs one trial. */
export async function tryOut(options: TrialOptions): Promise<Trial> {
  const { attack: name, pattern, transport, seed, lastingMs, scale, isSecured, programs } = options
  const { descriptors, loses: missing = [] } = attacks.find((attack) => attack.name === name) ?? {}
  const siege = await Siege.start({
    honest: { [pattern]: transport },
    missing,
    keys: isSecured ? siegeKeys() : undefined,
    program: programs.victim,
    attackerProgram: programs.attacker,
    ...(descriptors === undefined ? {} : { descriptors }),
  })
  const same = { attack: name, pattern, transport, seed }
  let stop = () => {}
  try {
    const load = siege.loads.get(pattern) as HonestLoad
    stop = pace(load, mostPending(pattern))
    await measured(siege, load, pass(warmUpMs))
    const before = await measured(siege, load, pass(lastingMs))
    let deeds = nothing
    const during = await measured(siege, load, async () => {
      deeds = (await siege.attack({ name, transports: [transport], seed, scale, lastingMs }))[pattern] ?? nothing
    })
    stop()
    const hasWorked = await Promise.race([
      siege.work(unitsPerTick).then(() => true),
      pass(settlingMs)().then(() => false),
    ])
    const wanted = (before.report ? countedOf(before.report.patterns[pattern] as PatternReport) : 0) + deeds.refused
    const after = await settled(siege, pattern, wanted)
    const complaints = siege.faults(after)
    if (!hasWorked) complaints.push(`work ended no more: ${load.issued - load.seen} units are missing`)
    return judged({ ...same, before, during, deeds, complaints, after })
  } catch (error) {
    const none = { rate: { perSecond: 0, ownPerSecond: 0, endedPerSecond: 0, p99Ms: 0 }, report: undefined }
    return judged({
      ...same,
      before: none,
      during: none,
      deeds: nothing,
      complaints: [String(error)],
      after: undefined,
    })
  } finally {
    stop()
    await siege.end()
  }
}

/** The report when the victim has counted so much; as it is if that takes too long. */
async function settled(siege: Siege, pattern: PatternName, counted: number): Promise<VictimReport> {
  const end = performance.now() + settlingMs
  for (;;) {
    const report = await siege.victim.report()
    if (countedOf(report.patterns[pattern] as PatternReport) >= counted || performance.now() > end) return report
    await pass(tickMs)()
  }
}

interface Measured {
  readonly rate: Rate
  readonly report: VictimReport | undefined
}

/** Measures the honest peers while something goes on. */
async function measured(siege: Siege, load: HonestLoad, action: () => Promise<void>): Promise<Measured> {
  siege.victim.tell({ measure: true })
  await siege.victim.report()
  const [seen, ended] = [load.seen, load.issued - load.pending]
  load.delays.length = 0
  const [begun, waited] = [performance.now(), waitedMs()]
  await action()
  const seconds = (performance.now() - begun) / 1000
  const units = load.seen - seen
  const own = (waitedMs() - waited) / 1000 / seconds
  const report = await siege.victim.report()
  const free = Math.max(0.05, 1 - Math.max(own, report.waited))
  const endedPerSecond = (load.issued - load.pending - ended) / seconds / free
  const p99Ms = highest(load.delays) * free
  return { rate: { perSecond: units / seconds, ownPerSecond: units / seconds / free, endedPerSecond, p99Ms }, report }
}

/** The delay that 99 of 100 do not exceed. */
function highest(delays: readonly number[]): number {
  return [...delays].sort((a, b) => a - b)[Math.floor(0.99 * delays.length)] ?? 0
}

/** Lets honest peers work at a steady pace; returns how to stop that. */
function pace(load: HonestLoad, most: number): () => void {
  const timer = setInterval(() => {
    if (load.pending < most) load.issue(unitsPerTick)
  }, tickMs)
  return () => clearInterval(timer)
}

function pass(milliseconds: number): () => Promise<void> {
  return () => new Promise((resolve) => setTimeout(resolve, milliseconds))
}

interface Figures extends Pick<Trial, 'attack' | 'pattern' | 'transport' | 'seed' | 'deeds' | 'complaints'> {
  readonly before: Measured
  readonly during: Measured
  readonly after: VictimReport | undefined
}

function judged({ before, during, after, complaints, ...same }: Figures): Trial {
  const { pattern } = same
  const of = (report: VictimReport | undefined) => report?.patterns[pattern]
  const attacked = during.report
  const delayMs = attacked?.delayMs ?? 0
  const ownDelayMs = attacked?.ownDelayMs ?? 0
  const grownMiB = (attacked?.peakRssMiB ?? 0) - (before.report?.rssMiB ?? 0)
  const kept = during.rate.ownPerSecond / Math.max(1, before.rate.ownPerSecond)
  const codes = difference(of(before.report), of(after))
  const reports = Object.entries(codes).reduce(
    (sum, [code, count]) => (ofHandlers.includes(code) ? sum : sum + count),
    0,
  )
  const [countedBefore, countedAfter] = [of(before.report), of(after)].map((one) => (one ? countedOf(one) : 0))
  const all = [...complaints]
  if (all.length === 0) {
    if (kept < bounds.kept) all.push(`honest peers kept ${kept.toFixed(2)} of their rate`)
    const ended = during.rate.endedPerSecond / Math.max(1, before.rate.endedPerSecond)
    if (ended < bounds.kept) all.push(`work ended at ${ended.toFixed(2)} of its rate, for whichever peer`)
    const slow = Math.max(bounds.p99Ms, bounds.p99Factor * before.rate.p99Ms)
    if (during.rate.p99Ms > slow) {
      all.push(`99 of 100 took up to ${during.rate.p99Ms.toFixed(0)} ms, ${before.rate.p99Ms.toFixed(0)} before`)
    }
    if (ownDelayMs > bounds.delayMs) all.push(`a timer was ${ownDelayMs.toFixed(0)} ms late`)
    if (grownMiB > bounds.grownMiB) all.push(`memory grew by ${grownMiB.toFixed(0)} MiB`)
    const counted = (countedAfter ?? 0) - (countedBefore ?? 0)
    if (counted < same.deeds.refused) all.push(`${counted} of ${same.deeds.refused} refused connections are counted`)
    if (reports > bounds.reports) all.push(`${reports} errors were reported`)
  }
  const known = limitReached(attacks.find(({ name }) => name === same.attack)?.known, same, all)
  return {
    ...same,
    ...(known === undefined ? {} : { known }),
    before: before.rate,
    during: during.rate,
    kept,
    delayMs,
    ownDelayMs,
    usualDelayMs: before.report?.ownDelayMs ?? 0,
    waited: attacked?.waited ?? 0,
    grownMiB,
    counted: (countedAfter ?? 0) - (countedBefore ?? 0),
    codes,
    complaints: all,
  }
}

function difference(before: PatternReport | undefined, after: PatternReport | undefined): Codes {
  const entries = Object.entries(after?.codes ?? {}).map(
    ([code, count]) => [code, count - (before?.codes[code] ?? 0)] as const,
  )
  return Object.fromEntries(entries.filter(([, count]) => count > 0))
}
