/**
 * The Python peer of the interop tests: commands in, what it saw out, each as lines of JSON.
 *
 * `peer.py` is the other side. It is a test's only witness: it shares no code with Rivulet.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../tools/build.js'
import { complaint, run } from '../child-process.js'
import { python, withPackages } from '../support/system-packages.js'

/** The options of a test that talks to the peer. */
export const withPython = withPackages(['python3', 'python3-zmq', 'python3-avro'])

const timeoutMs = 60_000

/** What the peer saw of one frame. */
export interface SeenFrame {
  readonly topic: string
  readonly values: readonly unknown[]
  readonly header: {
    readonly kind: string
    readonly announced: boolean
    /** Whether it is the one that Python computes; `null` where there was no text to compute it from. */
    readonly fingerprint: boolean | null
    readonly source: Buffer
    readonly position: number
    readonly sequence: number
    readonly previous: number
    readonly time: Date
    readonly count: number
  }
}

/** What the peer saw of an answer, or says of itself. */
export interface SeenAnswer {
  readonly ready?: boolean
  readonly source: Buffer
  readonly position?: number
}

/** Runs commands in one Python process, one after the other; returns what it said. Rejects if it failed. */
export async function peer(...commands: readonly object[]): Promise<unknown[]> {
  const input = commands.map((command) => `${JSON.stringify(toJson(command))}\n`).join('')
  const ended = await run(python, ['-B', 'test/interop/peer.py'], { cwd: root, timeoutMs, input })
  const wrong = complaint(ended)
  if (wrong !== undefined) throw new Error(`${python} test/interop/peer.py ${wrong}`)
  return ended.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line, (_, value) => fromJson(value)))
}

/** The messages in frames that the peer saw. */
export function valuesOf(seen: readonly unknown[]): unknown[] {
  return framesOf(seen).flatMap(({ values }) => values)
}

/** The frames among what the peer saw. */
export function framesOf(seen: readonly unknown[]): SeenFrame[] {
  return seen.filter((line): line is SeenFrame => typeof line === 'object' && line !== null && 'values' in line)
}

/** The transports, each with a way to an endpoint to bind; and the end of what that made. */
export const transports: Readonly<Record<string, () => { bind: string; remove: () => void }>> = {
  tcp: () => ({ bind: 'tcp://127.0.0.1:*', remove: () => {} }),
  ipc: () => {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-'))
    return { bind: `ipc://${folder}/s`, remove: () => rmSync(folder, { recursive: true, force: true }) }
  },
}

/** Dates and bytes have no JSON: they travel marked. Buffer's own `toJSON` would come first in a replacer. */
function toJson(value: unknown): unknown {
  if (value instanceof Date) return { $time: value.getTime() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toJson(inner)]))
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('$time' in value) return new Date(value.$time as number)
  if ('$bytes' in value) return Buffer.from(value.$bytes as string, 'hex')
  return value
}
