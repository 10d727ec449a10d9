/**
 * What the calls of a run came to, as data and as text.
 */
import type { Totals } from './catalogue-service.js'
import { count, milliseconds, plural, printable } from './format.js'
import type { Finding, Visit } from './visit.js'

/** The calls of a run. */
export interface RpcSummary {
  /** Questions that were put, and how long the answers took, in milliseconds. */
  readonly queries: number
  readonly medianMs: number
  readonly longestMs: number
  /** The last answers. */
  readonly totals: Totals | null
  readonly finding: Finding | null
  /** The path that the declared error names. */
  readonly refused: string | null
  /** The stream of figures, as far as it was followed. */
  readonly stream: StreamSummary | null
}

/** A stream that was followed and given up. */
export interface StreamSummary {
  /** Figures that came, and how many were sent. */
  readonly figures: number
  readonly sent: number
  readonly last: Totals
  /** Why its handler was stopped, in its own words, and how long after the end. */
  readonly stoppedBy: string
  readonly stoppedAfterMs: number
}

/** Closes the books of the calls. */
export function summariseVisit(visit: Visit): RpcSummary {
  const { queries, latencies, totals, finding, refused, figures, figure, parting } = visit
  return {
    queries,
    medianMs: latencies.medianMs,
    longestMs: latencies.longestMs,
    totals: totals ?? null,
    finding: finding ?? null,
    refused: refused ?? null,
    stream:
      figure && parting
        ? {
            figures,
            sent: parting.figures,
            last: figure,
            stoppedBy: parting.reason,
            stoppedAfterMs: parting.afterMs,
          }
        : null,
  }
}

/** The same as lines. */
export function visitLines({ queries, medianMs, longestMs, totals, finding, refused, stream }: RpcSummary): string[] {
  const lines = [
    `${plural(queries, 'call')} to the catalogue, half of them within ${milliseconds(medianMs)}, the longest ${milliseconds(longestMs)}`,
  ]
  if (totals) lines.push(`  totals: ${plural(totals.files, 'file')}, ${count(totals.contents)} different contents`)
  if (finding) {
    lines.push(`  the hash of ${printable(finding.path)}: ${finding.sha256.slice(0, 16)}…`)
    lines.push(
      `  with that hash: ${plural(finding.copies.files, 'file')}, the first ${printable(finding.copies.paths[0] ?? '')}`,
    )
  }
  if (refused !== null) lines.push(`  the hash of ${refused}: UnknownFile, which the method declares`)
  if (stream) {
    lines.push(
      `  progress: ${plural(stream.figures, 'figure')}, given up at ${plural(stream.last.files, 'file')}; the handler was stopped ${milliseconds(stream.stoppedAfterMs)} later by ${stream.stoppedBy}`,
    )
  }
  return lines
}
