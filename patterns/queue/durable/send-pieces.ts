/**
 * Batches for the engine: one of very many messages with options of their own goes in pieces.
 *
 * Each of these messages is handled separately, which takes some microseconds; a write of the engine takes as many pieces as
 * leave others their turns of the event loop. The producer gets one outcome.
 */
import type { MessageBlock, QueueEngine, SendOutcome } from '../../../src/engine/index.js'

/** The messages of a piece, if some of its batch have something of their own. */
export const pieceMessages = 2048

/** Sends a block of a producer, in pieces if it must; calls back once. */
export function sendInPieces(
  engine: QueueEngine,
  queue: string,
  producer: string,
  sequence: number,
  block: MessageBlock,
  schema: string | undefined,
  done: (outcome: SendOutcome) => void,
): void {
  if (block.count <= pieceMessages || block.extras.length === 0) {
    engine.send(queue, producer, sequence, block, schema, done)
    return
  }
  const pieces = piecesOf(block)
  const outcomes: SendOutcome[] = []
  let from = 0
  for (const piece of pieces) {
    engine.send(queue, producer, sequence + from, piece, schema, (outcome) => {
      outcomes.push(outcome)
      if (outcomes.length === pieces.length) done(wholeOf(outcomes))
    })
    from += piece.count
  }
}

/** Cuts a block. */
function piecesOf({ count, schemaId, lengths, checks, bodies, extras, sender }: MessageBlock): MessageBlock[] {
  const pieces: MessageBlock[] = []
  let bodyAt = 0
  let extrasAt = 0
  for (let from = 0; from < count; from += pieceMessages) {
    const to = Math.min(count, from + pieceMessages)
    const own = lengths.slice(from, to)
    const bodyEnd = own.reduce((end, length) => end + length, bodyAt)
    const mine: MessageBlock['extras'][number][] = []
    for (; (extras[extrasAt]?.index ?? count) < to; extrasAt++) {
      const extra = extras[extrasAt] as MessageBlock['extras'][number]
      mine.push({ ...extra, index: extra.index - from })
    }
    pieces.push({
      count: to - from,
      schemaId,
      lengths: own,
      checks: checks.subarray(4 * from, 4 * to),
      bodies: bodies.subarray(bodyAt, bodyEnd),
      extras: mine,
      sender,
    })
    bodyAt = bodyEnd
  }
  return pieces
}

/** What became of a block, of the outcomes of its pieces: behind one that was refused, all are. */
function wholeOf(outcomes: readonly SendOutcome[]): SendOutcome {
  let whole = outcomes[0] as SendOutcome
  const duplicates = [...whole.duplicates]
  for (let at = 1; at < outcomes.length && whole.kind === 'stored'; at++) {
    const next = outcomes[at] as SendOutcome
    for (const { index, position } of next.duplicates) duplicates.push({ index: index + at * pieceMessages, position })
    const repeated = whole.repeated + next.repeated
    whole = { ...next, repeated, position: whole.position || next.position }
  }
  return { ...whole, duplicates }
}
