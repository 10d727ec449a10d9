/**
 * Codecs alone: what a message costs to encode and to decode, generated, and interpreted where code may not be generated.
 */
import { spawnSync } from 'node:child_process'
import type { CodecCost } from './codec-child.js'
import type { Options } from './options.js'
import { compiled } from './processes.js'
import { type Figure, figure, ratio } from './statistics.js'

const noCode = '--disallow-code-generation-from-strings'

/** One row of the table: nanoseconds of processor time a message. */
export interface CodecRow {
  readonly name: string
  readonly generated: Figure
  readonly interpreted: Figure
  readonly interpretedToGenerated: Figure
}

/** Measures each message both ways, in turn. */
export function measureCodecs({ runs, warmUpMs, forMs }: Options): CodecRow[] {
  const program = compiled('bench/codec-child.ts')
  const measure = (...flags: string[]): CodecCost[] => {
    const args = [...flags, program, String(warmUpMs / 4), String(forMs / 4)]
    const { status, stdout } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error(`the process of the codecs ended with ${status}`)
    return JSON.parse(stdout)
  }
  const pairs = Array.from({ length: runs }, () => [measure(), measure(noCode)] as const)
  const [first = []] = pairs[0] ?? []
  return first.flatMap(({ message }, index) =>
    (['encode', 'decode'] as const).map((action) => {
      const [generated = [], interpreted = []] = [0, 1].map((mode) =>
        pairs.map((pair) => pair[mode]?.[index]?.[action] as number),
      )
      return {
        name: `${action} ${message}`,
        generated: figure(generated),
        interpreted: figure(interpreted),
        interpretedToGenerated: ratio(interpreted, generated),
      }
    }),
  )
}
