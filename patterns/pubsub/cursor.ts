/**
 * Cursors: which messages a stream has delivered, as a short text that outlives the process.
 *
 * For each publisher there is a position, up to which everything that fits was delivered or reported as missing, and for
 * each topic its last number; of more than 64 topics, for those that have come further. `cursor-journal.ts` knows what a
 * stream has delivered.
 */
import { array, defineSchema, fixed, record } from '../../src/avro/index.js'

declare const cursorBrand: unique symbol

/**
 * Where a stream stands: a text to keep, and to give as `since` to the stream that continues.
 *
 * It is made of letters, digits, `.`, `-` and `_`.
 */
export type Cursor = string & {
  /** Distinguishes cursors from other texts, for the compiler alone. */
  readonly [cursorBrand]: true
}

/** The last message of a topic. */
export interface CursorTopic {
  readonly sequence: number
  readonly position: number
}

/** What was delivered of one publisher. */
export interface CursorSource {
  /** Everything up to here. */
  readonly position: number
  /** Whether each topic that is not named has not begun up to there. */
  readonly isWhole: boolean
  /** And of these topics, everything up to these messages. */
  readonly topics: ReadonlyMap<string, CursorTopic>
}

/** What was delivered, by publisher. */
export type CursorSources = ReadonlyMap<string, CursorSource>

/** What cursors begin with; another version of their content begins otherwise. */
const mark = 'c1.'

const CursorContent = defineSchema(
  array(
    record('CursorSource', {
      source: fixed('Source', 8),
      position: 'long',
      isWhole: 'boolean',
      topics: array(record('CursorTopic', { topic: 'string', sequence: 'long', position: 'long' })),
    }),
  ),
)

/** Writes a cursor. */
export function writeCursor(sources: CursorSources): Cursor {
  const content = [...sources].map(([source, { position, isWhole, topics }]) => ({
    source: Buffer.from(source, 'hex'),
    position,
    isWhole,
    topics: [...topics].map(([topic, last]) => ({ topic, ...last })),
  }))
  return `${mark}${CursorContent.encode(content).toString('base64url')}` as Cursor
}

/** Reads a cursor; `undefined` if the text is none. */
export function readCursor(text: string): CursorSources | undefined {
  if (!text.startsWith(mark) || !/^[\w-]*$/.test(text.slice(mark.length))) return undefined
  const sources = new Map<string, CursorSource>()
  try {
    for (const { source, position, isWhole, topics } of CursorContent.decode(
      Buffer.from(text.slice(mark.length), 'base64url'),
    )) {
      const last = new Map<string, CursorTopic>()
      for (const { topic, sequence, position: at } of topics) last.set(topic, { sequence, position: at })
      if ([position, ...topics.flatMap((one) => [one.sequence, one.position])].some((n) => n < 0)) return undefined
      sources.set(source.toString('hex'), { position, isWhole, topics: last })
    }
  } catch {
    return undefined
  }
  return sources
}
