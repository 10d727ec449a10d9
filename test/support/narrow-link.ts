/** One large reply over a narrow network with small calls beside it: how long each takes. */
import { createRpcClient } from '../../patterns/rpc/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import { ChaosProxy } from './chaos-proxy.js'
import { Plant } from './plant.js'

/** How long things took, in milliseconds. */
export interface NarrowFigures {
  readonly largeMs: number
  readonly smallCalls: number
  readonly medianMs: number
  readonly slowestMs: number
}

/** Calls a server for a large reply over a proxy that passes so much a second, and makes small calls until it is there. */
export async function measureNarrow(
  endpoint: string,
  runtime: Runtime,
  { bytes, bytesPerSecond }: { readonly bytes: number; readonly bytesPerSecond: number },
): Promise<NarrowFigures> {
  const proxy = await ChaosProxy.open(endpoint)
  proxy.set({ bytesPerSecond })
  const client = await createRpcClient(Plant, { connect: proxy.endpoint, runtime })
  try {
    await client.promises.quick({ id: 0 })
    const started = performance.now()
    let largeMs: number | undefined
    const large = client.promises.large({ bytes }, { timeoutMs: 60_000 }).then((reply) => {
      largeMs = performance.now() - started
      if (reply.length !== bytes) throw new Error(`the reply has ${reply.length} bytes`)
    })
    const times: number[] = []
    while (largeMs === undefined) {
      const begun = performance.now()
      await client.promises.quick({ id: times.length })
      times.push(performance.now() - begun)
    }
    await large
    times.sort((a, b) => a - b)
    return {
      largeMs,
      smallCalls: times.length,
      medianMs: times[times.length >> 1] as number,
      slowestMs: times.at(-1) as number,
    }
  } finally {
    await client.close({ drain: false })
    await proxy.close()
  }
}

/** The same, in words. */
export function narrowLine({ largeMs, smallCalls, medianMs, slowestMs }: NarrowFigures): string {
  const small = `${smallCalls} small calls beside it, median ${medianMs.toFixed(0)} ms, slowest ${slowestMs.toFixed(0)} ms`
  return `the large reply took ${(largeMs / 1000).toFixed(2)} s, ${small}`
}
