/**
 * Measures rows in turn, several times, so that what slows the machine down for a while slows all of them down.
 *
 * Every second round goes backwards: nothing runs always after the same other.
 */

/** One row of a table, and how it is measured once. */
export interface Row<Result> {
  readonly name: string
  readonly measure: () => Promise<Result>
}

/** Returns the results of each row, one a round. */
export async function rounds<Result>(rows: readonly Row<Result>[], runs: number): Promise<Map<string, Result[]>> {
  const results = new Map<string, Result[]>(rows.map(({ name }) => [name, []]))
  for (let run = 0; run < runs; run++) {
    for (const { name, measure } of run % 2 === 0 ? rows : rows.toReversed()) {
      progress(`round ${run + 1} of ${runs}: ${name}`)
      results.get(name)?.push(await measure())
    }
  }
  progress('')
  return results
}

/** Shows the current step on a terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}
