/**
 * Peers in processes of their own that send each other messages while some of the processes are killed and started again.
 *
 * What became of each message and what each saw of the others is held against what it must be, by `kill-ledger.ts`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { loader, modulePath } from '../child-process.js'
import { AskedProcess } from '../support/asked-process.js'
import { seeded } from '../support/seeded.js'
import { KillLedger, type PeerOfRound, type RoundReport } from './kill-ledger.js'

/** What a process is given. */
export interface KilledSettings {
  readonly name: string
  readonly bind?: string | undefined
  readonly connect: readonly string[]
  /** The file in which it writes what it hands out. */
  readonly log: string
  /** The peers that it sends to. */
  readonly others: readonly string[]
}

/**
 * What a process is told: to say where it is bound and who it is (`open`), to see all others (`complete`), to send (`go`), to have
 * sent more (`progress`), to have seen others leave (`left`), to send nothing more and wait for every outcome (`pause`), and to
 * `report`.
 */
export interface KilledCommand {
  readonly kind: 'open' | 'complete' | 'go' | 'progress' | 'left' | 'pause' | 'report'
  /** Messages to each other peer. */
  readonly messages?: number
  readonly incarnations?: readonly string[]
}

/** What a process answers. */
export interface KilledAnswer {
  readonly endpoint?: string
  readonly incarnation?: string
  readonly report?: RoundReport
}

/** How many there are, and how often some are killed. */
export interface KillOptions {
  readonly rounds: number
  /** Processes that bind and dial each other, and those that dial all of these. */
  readonly binding: number
  readonly connecting: number
  readonly seed: number
  /** Messages of each pair, in each direction, before a kill and behind the return. */
  readonly between: number
  /** Within which everybody must have seen that a killed peer has left, in milliseconds. */
  readonly leftLimitMs: number
  /** The longest wait before the next process is started, in milliseconds. */
  readonly beforeStartMs: number
  /** What Node runs. Default: the program as it is here. */
  readonly program?: readonly string[]
  progress?(round: number, counts: KillCounts): void
}

/** What came of it; times in milliseconds. */
export interface KillCounts {
  confirmed: number
  unknown: number
  readonly kills: { binding: number; connecting: number }
  leftMs: number
  /** Peers that saw a killed one leave too late, since they had stalled themselves. */
  stalled: number
  /** From the start of the next process until all have sent it messages again. */
  backMs: number
  readonly faults: readonly string[]
}

/** The source of the program. */
export const killedProgram = 'test/messaging/killed-process.ts'

const asHere: readonly string[] = [...loader, modulePath(killedProgram)]

/** How long anything may take that must come, in milliseconds. */
const patienceMs = 60_000

/** The longest wait before a kill, in milliseconds. */
const beforeKillMs = 300

/** Runs the rounds; ends early when something is wrong. */
export async function killedPeers(options: KillOptions): Promise<KillCounts> {
  const run = new KillRun(options)
  try {
    await run.start()
    for (let round = 1; round <= options.rounds && run.counts.faults.length === 0; round++) await run.round(round)
    return run.counts
  } finally {
    await run.end()
  }
}

/** One process after the other under one name. */
interface Member {
  readonly name: string
  readonly isBinding: boolean
  readonly others: readonly string[]
  bind: string | undefined
  process: AskedProcess<KilledCommand, KilledAnswer>
  incarnation: string
  killed: PeerOfRound['killed']
}

class KillRun {
  readonly counts: KillCounts
  readonly #options: KillOptions
  readonly #random: () => number
  readonly #ledger: KillLedger
  readonly #members: Member[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'rivulet-kills-'))
  readonly #started: AskedProcess<KilledCommand, KilledAnswer>[] = []

  constructor(options: KillOptions) {
    this.#options = options
    this.#random = seeded(options.seed)
    this.#ledger = new KillLedger(options.leftLimitMs)
    const { faults } = this.#ledger
    this.counts = {
      confirmed: 0,
      unknown: 0,
      kills: { binding: 0, connecting: 0 },
      leftMs: 0,
      stalled: 0,
      backMs: 0,
      faults,
    }
  }

  async start(): Promise<void> {
    const { binding, connecting } = this.#options
    const binders = Array.from({ length: binding }, (_, at) => `binding-${at}`)
    const dialers = Array.from({ length: connecting }, (_, at) => `connecting-${at}`)
    for (const name of [...binders, ...dialers]) {
      const isBinding = binders.includes(name)
      const others = [...binders, ...(isBinding ? dialers : [])].filter((other) => other !== name)
      const bind = isBinding ? 'tcp://127.0.0.1:*' : undefined
      const member = { name, isBinding, others, bind, incarnation: '', killed: undefined } as unknown as Member
      await this.#open(member)
      this.#members.push(member)
    }
    await this.#each({ kind: 'complete' })
    await this.#each({ kind: 'report' }) // in which they have joined
  }

  async round(round: number): Promise<void> {
    const { between, progress } = this.#options
    await this.#each({ kind: 'go' })
    await this.#each({ kind: 'progress', messages: between })
    await delay(this.#random() * beforeKillMs)
    const victims = this.#choose(round)
    const others = this.#members.filter((member) => !victims.includes(member))
    await Promise.all(victims.map((victim) => this.#kill(victim)))
    await Promise.all([
      ...victims.map((victim) => this.#restart(victim)),
      ...others.map((member) => {
        const theirs = victims.filter(({ name }) => member.others.includes(name))
        const incarnations = theirs.map(({ killed }) => (killed as { incarnation: string }).incarnation)
        return this.#ask(member, { kind: 'left', incarnations })
      }),
    ])
    const startedAt = performance.now()
    await this.#each({ kind: 'complete' })
    await this.#each({ kind: 'progress', messages: between })
    this.counts.backMs = Math.max(this.counts.backMs, Math.round(performance.now() - startedAt))
    await this.#each({ kind: 'pause' })
    const reports = await this.#each({ kind: 'report' })
    this.#settle(reports.map(({ report }) => report as RoundReport))
    progress?.(round, this.counts)
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((process) => process.kill()))
    rmSync(this.#folder, { recursive: true })
  }

  /** By turns: one that binds, one that connects, and both at once, or two that bind. */
  #choose(round: number): readonly Member[] {
    const pick = (of: readonly Member[]) => of[Math.floor(this.#random() * of.length)] as Member
    const binders = this.#members.filter(({ isBinding }) => isBinding)
    const dialers = this.#members.filter(({ isBinding }) => !isBinding)
    const one = pick(binders)
    if (round % 4 === 1) return [one]
    if (round % 4 === 2) return [pick(dialers)]
    return [one, pick(round % 4 === 3 ? dialers : binders.filter((other) => other !== one))]
  }

  async #kill(member: Member): Promise<void> {
    const { incarnation, isBinding, process } = member
    this.counts.kills[isBinding ? 'binding' : 'connecting'] += 1
    await process.kill()
    const at = Date.now() // on a busy machine a process waits for a processor to end, too
    member.killed = { incarnation, at, received: readLog(this.#logOf(member.name)) }
  }

  async #restart(member: Member): Promise<void> {
    await delay(this.#random() * this.#options.beforeStartMs)
    await this.#open(member)
    await this.#ask(member, { kind: 'go' })
  }

  async #open(member: Member): Promise<void> {
    const { name, others, bind } = member
    const connect = this.#members.flatMap((other) =>
      other.name !== name && other.bind && this.#dials(member, other) ? [other.bind] : [],
    )
    const settings: KilledSettings = { name, others, connect, bind, log: this.#logOf(name) }
    member.process = new AskedProcess(settings, this.#options.program ?? asHere)
    this.#started.push(member.process)
    await member.process.loaded
    const { endpoint, incarnation } = await this.#ask(member, { kind: 'open' })
    if (member.isBinding) member.bind = endpoint
    member.incarnation = incarnation as string
  }

  /** Of two that bind, the later one dials the earlier one. */
  #dials(member: Member, other: Member): boolean {
    const at = this.#members.indexOf(member)
    return !member.isBinding || at < 0 || this.#members.indexOf(other) < at
  }

  #logOf(name: string): string {
    return join(this.#folder, name)
  }

  #settle(reports: readonly RoundReport[]): void {
    const peers = this.#members.map(({ name, incarnation, others, killed }, at) => {
      return { name, incarnation, others, killed, report: reports[at] as RoundReport }
    })
    const { confirmed, unknown, leftMs, stalled } = this.#ledger.settle(peers)
    this.counts.confirmed += confirmed
    this.counts.unknown += unknown
    this.counts.stalled += stalled
    this.counts.leftMs = Math.max(this.counts.leftMs, leftMs)
    for (const member of this.#members) member.killed = undefined
  }

  #each(command: KilledCommand): Promise<KilledAnswer[]> {
    return Promise.all(this.#members.map((member) => this.#ask(member, command)))
  }

  /** @error An error if no answer comes in time. */
  async #ask({ name, process }: Member, command: KilledCommand): Promise<KilledAnswer> {
    const late = new AbortController()
    const limit = delay(patienceMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${name} does not answer '${command.kind}' within ${patienceMs} ms`)
    })
    try {
      return await Promise.race([process.ask(command), limit])
    } finally {
      late.abort()
      limit.catch(() => {})
    }
  }
}

/** Reads what a killed process had handed out; its last line may be cut off. */
function readLog(path: string): Readonly<Record<string, readonly number[]>> {
  const received: Record<string, number[]> = {}
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const [incarnation = '', place] = line.split(' ')
    received[incarnation] ??= []
    received[incarnation].push(Number(place))
  }
  return received
}
