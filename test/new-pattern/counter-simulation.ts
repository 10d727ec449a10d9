/** One run of counters on the simulated network: additions, slow watchers, cuts of any length, and rest. */
import { Network } from '../simulation/network.js'
import { Random } from '../simulation/random.js'
import { Scheduler } from '../simulation/scheduler.js'
import type { SeedOutcome } from '../simulation/seeds.js'
import { Trace } from '../simulation/trace.js'
import { CounterClient, CounterHost, type CounterState } from './counter.js'
import { AcceptingProcess, DialingProcess, type LinkWorld } from './link-processes.js'

const heartbeatMs = 100
const retentionMs = 5 * heartbeatMs

/** What the run came to, and how much of it was trouble. */
export interface CounterOutcome extends SeedOutcome {
  readonly clients: number
  readonly sessions: number
  readonly skipped: number
}

/** Runs a seed; `host` may be a broken one. */
export function simulateCounter(seed: number, host: CounterHost = new CounterHost()): CounterOutcome {
  const random = new Random(seed)
  const scheduler = new Scheduler()
  const trace = new Trace()
  const network = new Network(scheduler, random.fork(), weatherOf(random), () => false)
  const limits = { itemBytes: 65_536, windowBytes: 65_536, streamWindowBytes: random.pick([1, 30, 131_072]) }
  const settings = {
    limits: { ...limits, assemblyBytes: 262_144 },
    outboxBytes: random.pick([10_000, 1_000_000]),
    heartbeatMs,
    silenceMs: 10 * heartbeatMs,
    retentionMs,
    handshakeMs: 2 * heartbeatMs,
    maxSessions: 100,
  }
  const world: LinkWorld = { scheduler, random, trace, network, settings }
  const violations: string[] = []
  let sessions = 0
  let seen = 0
  const counted = {
    items: host.items,
    accept: (...parameters: Parameters<CounterHost['accept']>) => {
      sessions += 1
      return host.accept(...parameters)
    },
  }
  const to = new AcceptingProcess('host', world, [counted])
  const isSlow = random.chance(0.5)
  const clients = Array.from({ length: random.between(1, 4) }, (_, index) => {
    let version = -1
    const changed = (state: CounterState, done: () => void) => {
      seen += 1
      if (state.version < version) violations.push(`a watcher saw version ${state.version} behind ${version}`)
      version = state.version
      trace.note(scheduler.now, process.name, 'sees', state.value)
      if (isSlow) process.enqueueLater(random.below(50), done)
      else done()
    }
    const client = new CounterClient(`client ${index}`, changed)
    const process: DialingProcess = new DialingProcess(`dial${index}`, world, to, [client])
    return { client, process }
  })
  let sum = 0
  let additions = 0
  for (let step = random.between(20, 60); step > 0; step--) {
    scheduler.run(random.below(100))
    const { client, process } = random.pick(clients)
    const what = random.below(10)
    if (what < 6) {
      for (let count = random.between(1, 20); count > 0; count--) {
        const amount = random.between(-5, 20)
        sum += amount
        additions += 1
        process.enqueue(() => client.add(amount))
      }
    } else if (what < 8) process.connection?.cut()
    else if (what < 9) process.stall(random.below(10 * heartbeatMs))
    else {
      network.setApart(process.name, random.below(3 * retentionMs))
      process.connection?.cut()
    }
  }
  network.heal()
  // with little credit an addition takes a round trip: as long as it gets on, it may last
  for (let before = -1; before !== seen; ) {
    before = seen
    scheduler.run(2 * retentionMs + 60 * heartbeatMs)
  }
  if (host.state.value !== sum) violations.push(`the value is ${host.state.value}, and ${sum} was added`)
  for (const { client, process } of clients) {
    const { unfinished, state } = client
    if (unfinished > 0) violations.push(`${process.name} has ${unfinished} additions that are not confirmed`)
    if (state.value !== sum) violations.push(`${process.name} sees ${state.value} of ${sum}`)
  }
  const skipped = additions * clients.length - seen
  const violation = violations.length > 0 ? violations.join('; ') : undefined
  return { seed, hash: trace.hash, steps: scheduler.steps, violation, clients: clients.length, sessions, skipped }
}

function weatherOf(random: Random) {
  return {
    delayMs: random.pick([0, 1, 20]),
    jitterMs: random.pick([0, 2, 50]),
    flips: random.pick([0, 0, 0.01]),
    doubles: 0,
    leftovers: 0,
    late: random.pick([0, 0.5]),
    lateMs: heartbeatMs,
    halfOpen: random.pick([0, 0.3]),
    halfOpenMs: 8 * heartbeatMs,
  }
}
