/**
 * Counts the leaves of a TAP report: what passed, what failed, what was skipped.
 *
 * A leaf is an assertion. A test that failed without a failed assertion (it timed out, its process died) counts as one
 * failure, and so does a file in which nothing ran. It runs no tests: `test.ts` does.
 */
import { type FinalResults, Parser, type Result } from 'tap-parser'

/** What a report came to. */
export interface Tally {
  passed: number
  failed: number
  /** The reasons of what the tests marked as skipped or to do, one for each. */
  readonly skipped: string[]
  /** Failures that no assertion shows, in words. */
  readonly remarks: string[]
}

const emptyFile = 'no tests found'

/** Counts a whole report; one that is cut short or malformed has at least one failure. */
export function tally(report: string): Tally {
  const total: Tally = { passed: 0, failed: 0, skipped: [], remarks: [] }
  let results: FinalResults | undefined
  const parser = new Parser((final) => {
    results = final
  })
  watch(parser, total, '')
  parser.end(report)
  if (total.failed === 0 && (results?.ok !== true || results.count === 0)) {
    fail(total, 'the report is not that of a complete run')
  }
  return total
}

function watch(parser: Parser, total: Tally, path: string): void {
  let failedBefore: number | undefined
  parser.on('child', (child: Parser) => {
    failedBefore = total.failed
    watch(child, total, `${path}${child.name} > `)
  })
  parser.on('assert', (result: Result) => {
    const before = failedBefore
    failedBefore = undefined
    if (result.skip === emptyFile) fail(total, `${path}${result.name}: ${emptyFile}`)
    else if (before === undefined) countLeaf(result, total)
    else if (!result.ok && !result.todo && !result.skip && total.failed === before) {
      fail(total, `${path}${result.name}: failed outside of its assertions`)
    }
  })
}

function countLeaf(result: Result, total: Tally): void {
  const mark = result.skip || result.todo
  if (mark) total.skipped.push(mark === true ? 'no reason given' : mark)
  else if (result.ok) total.passed += 1
  else total.failed += 1
}

function fail(total: Tally, remark: string): void {
  total.failed += 1
  total.remarks.push(remark)
}
