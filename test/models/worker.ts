/**
 * A process that runs sequences: it is told ranges of seeds, and tells which seeds begin, end and fail.
 *
 * A process of its own, since uncaught errors and the end of the process are outcomes here.
 */
import type { Transport } from '../support/transports.js'
import { catchUncaught, type FailedSeed, runMany } from './many-sequences.js'
import { loadModel } from './model.js'

/** What it is told. */
export interface Order {
  readonly model: string
  readonly from: number
  readonly count: number
  readonly atOnce: number
  readonly transport?: Transport | undefined
  readonly mostTicks?: number | undefined
}

/** What it tells: a seed that begins, one that ends, or the outcome of an order. */
export type Report =
  | { readonly begins: number }
  | { readonly ends: number }
  | { readonly failed: readonly FailedSeed[]; readonly cpuMs: number; readonly rssMiB: number }

catchUncaught()
const tell = (report: Report) => process.send?.(report)

async function obey({ model, ...range }: Order): Promise<void> {
  const cpu = process.cpuUsage()
  const onSeed = (seed: number, begins: boolean) => tell(begins ? { begins: seed } : { ends: seed })
  const failed = await runMany(await loadModel(model), { ...range, onSeed })
  const { user, system } = process.cpuUsage(cpu)
  tell({ failed, cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20 })
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
