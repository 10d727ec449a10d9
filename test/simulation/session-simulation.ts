/**
 * One run: some dialers and acceptors, things that happen to them, an end of all trouble, and rest.
 *
 * Everything is drawn from the seed, so that a run can be had again exactly.
 */
import { frameKind } from '../../src/wire/prelude.js'
import { AcceptorProcess } from './acceptor-process.js'
import { DialerProcess } from './dialer-process.js'
import { ImpostorProcess } from './impostor-process.js'
import { Network } from './network.js'
import { Random } from './random.js'
import { Scheduler } from './scheduler.js'
import { BrokenPromise, SessionOracle } from './session-oracle.js'
import { planOf, type SessionPlan } from './session-plan.js'
import { kindOf, type SessionWorld } from './session-process.js'
import { SimulatedSecurity } from './session-security.js'
import { Trace } from './trace.js'

/** How a run ended. */
export interface Outcome {
  readonly seed: number
  /** Two runs with the same hash went the same way. */
  readonly hash: string
  readonly steps: number
  readonly delivered: number
  readonly sessions: number
  /** The promise that was broken, if one was. */
  readonly violation: string | undefined
}

/** How a run may differ from the plain one of its seed. */
export interface RunOptions {
  readonly log?: (line: string) => void
  readonly tamper?: SessionWorld['tamper']
}

/** A stop, so that machines that never come to rest are found out. */
const maxSteps = 200_000

/** Runs a seed. */
export function simulateSessions(seed: number, options: RunOptions = {}): Outcome {
  const run = new SessionRun(seed, options)
  const { stackTraceLimit } = Error
  // a full outbox is an error each time; a run that is looked at has the traces
  if (!options.log) Error.stackTraceLimit = 0
  let violation: string | undefined
  try {
    run.play()
    // a machine may have taken it for an error of its peer
    if (run.oracle.broken) throw run.oracle.broken
  } catch (error) {
    const cause = run.oracle.broken ?? error
    violation = cause instanceof BrokenPromise ? cause.message : ((cause as Error).stack ?? String(cause))
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  const { steps } = run.scheduler
  const { delivered, sides } = run.oracle
  return { seed, hash: run.trace.hash, steps, delivered, sessions: sides.length, violation }
}

class SessionRun {
  readonly scheduler = new Scheduler()
  readonly trace: Trace
  readonly oracle: SessionOracle
  readonly #random: Random
  readonly #plan: SessionPlan
  readonly #network: Network
  readonly #acceptors: AcceptorProcess[] = []
  readonly #dialers: DialerProcess[] = []
  readonly #impostor: ImpostorProcess | undefined

  constructor(seed: number, { log, tamper }: RunOptions) {
    const random = new Random(seed)
    const plan = planOf(random, seed)
    this.#random = random
    this.#plan = plan
    this.trace = new Trace(log)
    log?.(JSON.stringify(plan))
    this.oracle = new SessionOracle(() => this.scheduler.now, plan.dialerSettings.retentionMs)
    this.#network = new Network(
      this.scheduler,
      random.fork(),
      plan.weather,
      (frame) => kindOf(frame) === frameKind.hello,
    )
    const { scheduler, trace, oracle } = this
    const { habits, turnEnds, dialers, dialerSettings } = plan
    const names = Array.from({ length: dialers }, (_, index) => `dial${index}`)
    const security = plan.secured ? new SimulatedSecurity(names, 2.5 * dialerSettings.handshakeMs, oracle) : undefined
    const world = { scheduler, random, trace, oracle, network: this.#network, habits, turnEnds, tamper, security }
    this.#impostor = security && new ImpostorProcess(seed, world, security, dialerSettings)
    for (let index = 0; index < plan.acceptors; index++) {
      this.#acceptors.push(new AcceptorProcess(`acc${index}`, world, plan.acceptorSettings))
    }
    for (const name of names) {
      this.#dialers.push(new DialerProcess(name, world, dialerSettings, random.pick(this.#acceptors)))
    }
  }

  play(): void {
    for (let count = 0; count < this.#plan.happenings; count++) {
      this.scheduler.run(this.#random.below(this.#plan.pauseMs + 1))
      if (this.#random.below(100) < this.#plan.trouble) this.#trouble()
      else this.#work()
      for (const acceptor of this.#acceptors) this.#impostor?.attack(acceptor)
    }
    this.#rest()
    this.oracle.checkRest()
    this.#end()
    this.oracle.checkGoodbyes()
  }

  /** Somebody uses a session. */
  #work(): void {
    const users = [...this.#dialers, ...this.#acceptors].flatMap((process) =>
      [...process.users].map((user) => ({ process, user })),
    )
    if (users.length === 0) return
    const { process, user } = this.#random.pick(users)
    process.enqueue(() => {
      if (process.users.has(user)) user.act()
    })
  }

  /** Something goes wrong. */
  #trouble(): void {
    const random = this.#random
    const { open } = this.#network
    const process = random.pick([...this.#dialers, ...this.#acceptors])
    const { heartbeatMs } = process.settings
    const what = random.below(14)
    this.trace.note(this.scheduler.now, process.name, 'trouble', what)
    if (what < 5) {
      if (open.length > 0) random.pick(open).cut()
    } else if (what < 7) {
      if (open.length > 0) random.pick(open).hold(random.below(3 * heartbeatMs))
    } else if (what < 9) {
      process.stall(random.below(random.pick([1, 5, 15]) * heartbeatMs))
    } else if (what < 10) {
      this.#setApart(random.pick(this.#dialers), random.below(random.pick([2, 40]) * heartbeatMs))
    } else if (what < 13) this.#restart(process, random.chance(0.3))
    else for (const connection of open) connection.cut()
  }

  #setApart(dialer: DialerProcess, ms: number): void {
    this.#network.setApart(dialer.name, ms)
    dialer.connection?.cut()
  }

  /** Ends a process, with or without a goodbye, and starts it again. */
  #restart(process: DialerProcess | AcceptorProcess, orderly: boolean): void {
    if (!process.isAlive) return
    const again = () => {
      if (process.isAlive) process.crash()
      this.scheduler.after(this.#random.below(300), () => process.isAlive || process.boot())
    }
    if (orderly && this.#random.chance(0.5)) process.announceDrain()
    else if (orderly) process.close()
    // with something on its way
    for (const user of process.users) process.enqueue(() => process.users.has(user) && user.act())
    this.scheduler.after(this.#random.below(orderly ? 100 : 20), again)
  }

  /** Ends all trouble and lets everything come to its end. */
  #rest(): void {
    const { heartbeatMs, retentionMs, handshakeMs } = this.#plan.dialerSettings
    const { lateMs, delayMs, jitterMs } = this.#plan.weather
    this.trace.note(this.scheduler.now, 'network', 'heals')
    this.#network.heal()
    // where a round trip may take longer than a handshake, a dialer may have to try often
    const triesMs = 2 * (delayMs + jitterMs) > handshakeMs ? 100 * handshakeMs : 0
    const restMs = retentionMs + lateMs + 20 * heartbeatMs + triesMs
    for (let ms = 0; ms < restMs; ms += heartbeatMs) this.#step(heartbeatMs)
    // what is slow or large may still be on its way, as long as it gets on
    const { habits } = this.#plan
    let { frames } = this.oracle
    for (;;) {
      for (let ms = 0; ms < habits.slowMs + 10 * heartbeatMs; ms += heartbeatMs) this.#step(heartbeatMs)
      if (frames === this.oracle.frames) break
      frames = this.oracle.frames
    }
  }

  #step(ms: number): void {
    for (const process of [...this.#dialers, ...this.#acceptors]) {
      process.enqueue(() => {
        for (const user of process.users) user.finish()
      })
    }
    this.scheduler.run(ms)
    if (this.scheduler.steps > maxSteps) throw new BrokenPromise(`no rest after ${maxSteps} steps`)
  }

  /** Closes some of them: their peers hear of it at once. */
  #end(): void {
    const closing = this.#random.chance(0.5) ? this.#dialers : this.#acceptors
    for (const process of closing) process.close()
    this.scheduler.run(2 * this.#plan.weather.delayMs + 2 * this.#plan.weather.jitterMs + 200)
    if (closing !== this.#dialers) return
    const left = this.#acceptors.reduce((sum, { sessions }) => sum + sessions, 0)
    if (left > 0) throw new BrokenPromise(`${left} sessions are left after all dialers said goodbye`)
  }
}
