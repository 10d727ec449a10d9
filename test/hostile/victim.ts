/** Starts a victim in a process of its own, asks it how it is, and ends it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loader, modulePath } from '../child-process.js'
import { Authority } from '../support/certificates.js'
import type {
  Settled,
  SiegeCertificates,
  SiegeKeys,
  VictimNews,
  VictimOrder,
  VictimReport,
  VictimSetup,
} from './orders.js'
import type { Endpoints, PatternName } from './patterns.js'

/** The program. */
export const victimProgram = 'test/hostile/victim-process.ts'

/** How a victim is started. */
export interface VictimOptions {
  readonly patterns: readonly PatternName[]
  /** What Node is given to run it. Default: the source, as it is run here. */
  readonly program?: readonly string[]
  /** Descriptors that the process may have. Default: those of this process. */
  readonly descriptors?: number
  /** Gives it security, with these keys. Default: none. */
  readonly keys?: SiegeKeys | undefined
}

/** The end of what it said that is kept, in characters. */
const keptCharacters = 4000

/** One victim. */
export class Victim {
  /** Resolves with how it ended, and what it said last, when it has ended. */
  readonly ended: Promise<string>
  endpoints: Readonly<Partial<Record<PatternName, Endpoints>>> = {}
  /** Of a victim with a listener with TLS. */
  readonly certificates: SiegeCertificates | undefined
  readonly #child: ChildProcess
  readonly #folder = mkdtempSync(join(tmpdir(), 'rivulet-siege-'))
  readonly #onSeen = new Map<PatternName, (count: number) => void>()
  #reported: ((report: VictimReport) => void)[] = []
  #isStopped = false

  /** Starts one; resolves when all its patterns are bound. */
  static async start(options: VictimOptions): Promise<Victim> {
    const victim = new Victim(options)
    const bound = once(victim.#child, 'message').then(([news]) => news as VictimNews)
    const news = await Promise.race([bound, victim.ended])
    if (typeof news === 'string' || !('endpoints' in news)) throw new Error(`the victim did not start: ${news}`)
    victim.endpoints = news.endpoints
    victim.#child.on('message', (more: VictimNews) => victim.#hear(more))
    return victim
  }

  private constructor({
    patterns,
    descriptors,
    keys,
    program = [...loader, modulePath(victimProgram)],
  }: VictimOptions) {
    this.certificates = patterns.includes('tls') ? certify() : undefined
    const { certificates } = this
    const own = { ...(keys ? { keys } : {}), ...(certificates ? { certificates } : {}) }
    const setup: VictimSetup = { patterns, folder: this.#folder, ...own }
    const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors}; `
    const command = `${limit}exec env -u NODE_OPTIONS "$0" "$@"`
    const args = ['-c', command, process.execPath, ...program, JSON.stringify(setup)]
    this.#child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    let said = ''
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-keptCharacters)
      })
    }
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      rmSync(this.#folder, { recursive: true, force: true })
      if (this.#isStopped && code === 0) return 'stopped'
      return `ended with ${signal ?? `code ${code}`}: ${said}`
    })
  }

  /** Its process. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Tells it something. */
  tell(order: VictimOrder): void {
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  /** Calls back when it has received messages of honest peers. */
  onSeen(pattern: PatternName, callback: (count: number) => void): void {
    this.#onSeen.set(pattern, callback)
  }

  /** How it is now, or when each pattern is settled; rejects if it has ended. */
  async report(when?: Readonly<Partial<Record<PatternName, Settled>>>): Promise<VictimReport> {
    const report = new Promise<VictimReport>((resolve) => this.#reported.push(resolve))
    this.tell(when ? { when } : { report: true })
    return this.alive(report)
  }

  /** What a promise resolves with; rejects if the victim ends before. */
  async alive<T>(promise: Promise<T>): Promise<T> {
    const ended = this.ended.then((how) => {
      throw new Error(`the victim ${how}`)
    })
    return Promise.race([promise, ended])
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.tell({ stop: true })
    await this.ended
  }

  #hear(news: VictimNews): void {
    if ('seen' in news) this.#onSeen.get(news.seen)?.(news.count)
    else if ('report' in news) this.#reported.shift()?.(news.report)
  }
}

function certify(): SiegeCertificates {
  const authority = new Authority()
  const victim = authority.issue({ names: ['IP:127.0.0.1'] })
  return { victim, honest: authority.issue({ name: 'honest' }), ca: authority.ca }
}
