/**
 * This machine's figures, from the system's own counters: `/proc` on Linux, `node:os` elsewhere.
 *
 * Counters only grow; what is shown is their growth between two readings.
 */
import { readFileSync } from 'node:fs'
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { Cpu, Load, Memory, Network } from './schemas.js'

/** Figures of one moment. */
export interface Figures {
  readonly cpus: readonly Cpu[]
  readonly memory: Memory
  readonly load: Load
  /** By the name of the interface; empty where the system tells only through programs of its own. */
  readonly networks: ReadonlyMap<string, Network>
}

interface CpuCounter {
  readonly busy: number
  readonly all: number
}

interface NetworkCounter {
  readonly received: number
  readonly sent: number
}

interface Reading {
  readonly atMs: number
  readonly cpus: readonly CpuCounter[]
  readonly networks: ReadonlyMap<string, NetworkCounter>
}

const linux = process.platform === 'linux'

/** Returns a function that tells the figures since it was called before. */
export function figuresSource(): () => Figures {
  let before = readCounters()
  return () => {
    const now = readCounters()
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
    const figures = {
      cpus: now.cpus.map((counter, core) => ({ busy: busyShare(before.cpus[core], counter) })),
      memory: memory(),
      load: load(),
      networks: new Map(
        [...now.networks].map(([name, counter]) => [name, flow(before.networks.get(name), counter, seconds)]),
      ),
    }
    before = now
    return figures
  }
}

function readCounters(): Reading {
  return { atMs: performance.now(), cpus: cpuCounters(), networks: networkCounters() }
}

function cpuCounters(): CpuCounter[] {
  if (!linux) {
    return cpus().map(({ times }) => {
      const all = Object.values(times).reduce((sum, time) => sum + time, 0)
      return { busy: all - times.idle, all }
    })
  }
  // proc(5): cpuN user nice system idle iowait irq softirq steal, in ticks
  const lines = readFileSync('/proc/stat', 'utf8').match(/^cpu\d+ .*$/gm) ?? []
  return lines.map((line) => {
    const ticks = line.split(/\s+/).slice(1, 9).map(Number)
    const all = ticks.reduce((sum, time) => sum + time, 0)
    return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all }
  })
}

function networkCounters(): Map<string, NetworkCounter> {
  const counters = new Map<string, NetworkCounter>()
  if (!linux) return counters
  // proc(5): the name, eight columns of what was received, eight of what was sent; the first of each are bytes
  for (const [, name, columns] of readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)) {
    const numbers = columns?.trim().split(/\s+/).map(Number) ?? []
    const counter = { received: numbers[0] ?? 0, sent: numbers[8] ?? 0 }
    if (name !== undefined && counter.received + counter.sent > 0) counters.set(name, counter)
  }
  return counters
}

function memory(): Memory {
  if (!linux) return { usedBytes: totalmem() - freemem(), totalBytes: totalmem() }
  const text = readFileSync('/proc/meminfo', 'utf8')
  const bytesOf = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  const totalBytes = bytesOf('MemTotal')
  return { usedBytes: totalBytes - bytesOf('MemAvailable'), totalBytes }
}

function load(): Load {
  const text = linux ? readFileSync('/proc/loadavg', 'utf8').split(' ').map(Number) : loadavg()
  const [one = 0, five = 0, fifteen = 0] = text
  return { one, five, fifteen }
}

function busyShare(before: CpuCounter | undefined, now: CpuCounter): number {
  const all = now.all - (before?.all ?? 0)
  if (all <= 0) return 0
  return Math.min(1, Math.max(0, (now.busy - (before?.busy ?? 0)) / all))
}

function flow(before: NetworkCounter | undefined, now: NetworkCounter, seconds: number): Network {
  if (before === undefined) return { receivedBytesPerSecond: 0, sentBytesPerSecond: 0 }
  return {
    receivedBytesPerSecond: Math.max(0, now.received - before.received) / seconds,
    sentBytesPerSecond: Math.max(0, now.sent - before.sent) / seconds,
  }
}
