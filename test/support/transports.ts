/** Runs a test over inproc, ipc and tcp, each time with endpoints that nobody else has, and cleans up after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/runtime/index.js'

/** The transports of every suite with sockets. */
export const transports = ['inproc', 'ipc', 'tcp'] as const

/** One of them. */
export type Transport = (typeof transports)[number]

/** Where a test takes place. */
export interface Place {
  readonly transport: Transport
  /** Closed when the test ends, and everything in it. */
  readonly runtime: Runtime
  /** An endpoint to bind; with tcp its port is a wildcard, so connect to what the resource says. */
  readonly bind: string
}

let count = 0

/** Makes a place for a test; it is gone when the test ends. */
export function place(t: Test, transport: Transport, options: RuntimeOptions = {}): Place {
  const runtime = createRuntime(options)
  const folder = transport === 'ipc' ? mkdtempSync(join(tmpdir(), 'rivulet-')) : undefined
  t.teardown(async () => {
    await runtime.close({ drain: false })
    if (folder) rmSync(folder, { recursive: true, force: true })
  })
  const binds = { inproc: `inproc://test-${++count}`, ipc: `ipc://${folder}/s`, tcp: 'tcp://127.0.0.1:*' }
  return { transport, runtime, bind: binds[transport] }
}

/** Declares one subtest for each transport. */
export function eachTransport(
  t: Test,
  name: string,
  test: (t: Test, place: Place) => Promise<void>,
  only: readonly Transport[] = transports,
): void {
  for (const transport of only) {
    t.test(`${name} (${transport})`, async (t) => test(t, place(t, transport)))
  }
}
