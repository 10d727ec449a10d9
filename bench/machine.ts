/** What the figures depend on: the machine and the versions. */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { version } from 'zeromq'
import type { Libzmq } from './libzmq.js'

/** The machine and the versions. */
export interface Machine {
  readonly node: string
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  /** The mean number of processes that wanted to run in the last minute before the benchmarks. */
  readonly load: number
  /** The library that zeromq.js brings, under Rivulet and the raw row alike. */
  readonly libzmq: string
  /** The library of the system, under the C programs. */
  readonly systemLibzmq: string | undefined
}

/** Describes this machine. */
export function describeMachine(libzmq: Libzmq | undefined): Machine {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    libzmq: version,
    systemLibzmq: libzmq?.version,
  }
}
