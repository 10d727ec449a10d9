/**
 * Measures times of exchanges of several ways, which take turns of a few milliseconds.
 *
 * Where the system puts threads, and what the machine does besides, changes a time more than any code does.
 */
import type { Options } from './options.js'
import type { Player } from './processes.js'

/** What is measured in turn: a part of a run, in exchanges. */
const blockExchanges = 250

/** Takes times of exchanges, in microseconds. */
export type Exchange = (count: number) => Promise<readonly number[]>

/** Makes the exchange of a way from processes; those that it starts, it adds to the list. */
export type Begin = (way: string, players: Player[]) => Promise<Exchange>

/** One run: every way has its own processes. */
export async function alternate(
  ways: readonly string[],
  { warmUpExchanges, exchanges }: Options,
  begin: Begin,
): Promise<Map<string, number[]>> {
  const players: Player[] = []
  const times = new Map<string, number[]>()
  try {
    const rows = new Map<string, Exchange>()
    for (const way of ways) {
      const exchange = await begin(way, players)
      await exchange(warmUpExchanges)
      rows.set(way, exchange)
      times.set(way, [])
    }
    for (let done = 0; done < exchanges; done += blockExchanges) {
      for (const [way, exchange] of rows) times.get(way)?.push(...(await exchange(blockExchanges)))
    }
  } finally {
    await Promise.all(players.map((player) => player[Symbol.asyncDispose]()))
  }
  return times
}
