/** What the processes of a siege tell each other. */
import type { KeyPair } from '../../src/security/index.js'
import type { Certificate } from '../support/certificates.js'
import type { Endpoints, PatternName } from './patterns.js'

/** How a victim is started. */
export interface VictimSetup {
  readonly patterns: readonly PatternName[]
  /** A folder for the sockets of IPC. */
  readonly folder: string
  /** The keys of a victim with security, and of the peers that it admits. */
  readonly keys?: SiegeKeys
  /** The certificates of a listener with TLS, and of its honest peers. */
  readonly certificates?: SiegeCertificates
}

/** Certificates of a siege, and the authority that has signed them. */
export interface SiegeCertificates {
  readonly victim: Certificate
  readonly honest: Certificate
  readonly ca: string
}

/** The keys of a siege with security. */
export interface SiegeKeys {
  readonly victim: KeyPair
  readonly honest: KeyPair
  /** Of the attacker, where it is admitted: it is a peer like others for ZeroMQ. */
  readonly attacker: KeyPair
}

/** What a victim is told. */
export type VictimOrder =
  /** Send so many messages to honest peers. */
  | { readonly send: PatternName; readonly count: number }
  /** Answer with a report. */
  | { readonly report: true }
  /** Answer with a report as soon as so much is counted, and no more links are live than these. */
  | { readonly when: Readonly<Partial<Record<PatternName, Settled>>> }
  /** Begin to measure delays and memory again. */
  | { readonly measure: true }
  /** Close everything and end. */
  | { readonly stop: true }

/** When a pattern has dealt with what was done to it. */
export interface Settled {
  /** Everything that is hostile and was counted, at least: see `countedOf`. */
  readonly counted: number
  /** Live links, at most. */
  readonly connected: number
}

/** Messages by the code of the error that reported them. */
export type Codes = Readonly<Record<string, number>>

/** What became of one pattern. */
export interface PatternReport {
  readonly connected: number
  readonly refused: number
  readonly codes: Codes
  readonly stats: Readonly<Record<string, unknown>>
}

/** Members of `stats` that count what peers did wrong. */
const countedStats = ['rejectedFrames', 'dropped', 'strayFrames', 'invalidItems', 'refused', 'refusedStreams', 'failed']

/** What a pattern has counted of what peers did wrong: refused connections, and frames, items, calls and messages. */
export function countedOf({ refused, stats }: PatternReport): number {
  const counts = countedStats.map((name) => sumOf(stats[name]))
  return refused + counts.reduce((sum, count) => sum + count, 0)
}

function sumOf(counts: unknown): number {
  if (typeof counts === 'number') return counts
  if (typeof counts !== 'object' || counts === null) return 0
  return Object.values(counts).reduce((sum, count) => sum + Number(count), 0)
}

/** What a victim says of itself. */
export interface VictimReport {
  readonly patterns: Readonly<Partial<Record<PatternName, PatternReport>>>
  /** Work that honest peers must not lose, and that did not come as it should have, in words. */
  readonly faults: readonly string[]
  /** Warnings of the process. */
  readonly warnings: readonly string[]
  /** The longest delay of a timer of 10 ms since it measures, and without the time in which others had the CPU. */
  readonly delayMs: number
  readonly ownDelayMs: number
  /** The part of the time in which others had the CPU that its event loop wanted, 0 to 1. */
  readonly waited: number
  /** The resident memory now, and at most since it measures. */
  readonly rssMiB: number
  readonly peakRssMiB: number
  readonly cpuMs: number
}

/** What a victim says. */
export type VictimNews =
  | { readonly endpoints: Readonly<Partial<Record<PatternName, Endpoints>>> }
  /** So many more messages of an honest peer were received. */
  | { readonly seen: PatternName; readonly count: number }
  | { readonly report: VictimReport }

/** What is attacked. */
export interface Target {
  readonly pattern: PatternName
  readonly endpoint: string
  /** The same pattern over TCP, where good peers can be recorded. */
  readonly recorded: string
  /** The public key of a victim with security. */
  readonly serverKey?: string | undefined
  /** A key pair that it admits. */
  readonly keyPair?: KeyPair | undefined
  /** Which part of the attack is for this target, where one target need not have all of it. */
  readonly part: number
  readonly parts: number
}

/** What an attacker is told. */
export interface AttackOrder {
  readonly attack: string
  readonly targets: readonly Target[]
  readonly seed: number
  /** How much of it there is: 1 is little. */
  readonly scale: number
  /** Begins again until so much time has passed, in milliseconds; 0 for once. */
  readonly lastingMs: number
}

/** What an attack did to one target. */
export interface Deeds {
  /** Connections that were opened. */
  readonly connections: number
  /** Of these, the ones that must be refused: they cannot have agreed. */
  readonly refused: number
  /** Messages that were sent after an agreed handshake. */
  readonly messages: number
}

/** What an attacker says. */
export type AttackNews =
  | { readonly ready: true }
  /** For each target of the order, in its order. */
  | { readonly done: readonly Deeds[] }
  | { readonly failed: string }
