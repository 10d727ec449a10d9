/**
 * What a stream has delivered, so that each message can tell the cursor behind it, also when later ones were delivered.
 *
 * A frame costs one entry; a cursor is made only when somebody reads it. Entries are gathered in chunks of bounded size, each on
 * top of what was known when it began, so that a message that is kept holds one chunk.
 */
import { type Cursor, type CursorSource, type CursorSources, type CursorTopic, writeCursor } from './cursor.js'

/** Entries of a chunk at least; as many as the publishers and topics that it begins with, if there are more. */
const minEntries = 256

/** So many topics of a publisher are named in any case: then what is missing behind a cursor is known exactly. */
export const fewTopics = 64

/** Publishers that a cursor names: those that have sent last. A follower remembers as many. */
const maxSources = 1024

/** Topics of a publisher that a cursor names: those that have come last. A follower remembers as many. */
const maxTopics = 65_536

/** What was delivered: of a topic up to a number, or of a publisher up to a position. */
interface Entry {
  readonly source: string
  readonly topic: string | undefined
  readonly sequence: number
  readonly position: number
  readonly isWhole: boolean
}

interface Chunk {
  readonly base: CursorSources
  readonly entries: Entry[]
  readonly limit: number
}

/** A moment. */
export interface CursorMark {
  readonly chunk: Chunk
  /** Entries of the chunk before it. */
  readonly entries: number
}

/** The deliveries of one stream. */
export class CursorJournal {
  #chunk: Chunk = chunkOn(new Map())

  /** This moment. */
  mark(): CursorMark {
    const { entries } = this.#chunk
    return { chunk: this.#chunk, entries: entries.length }
  }

  /** Everything of a publisher up to a position was delivered or reported. */
  done(source: string, position: number, isWhole: boolean): void {
    this.#add({ source, topic: undefined, sequence: 0, position, isWhole })
  }

  /** Everything of a topic up to a number was delivered or reported. */
  moved(source: string, topic: string, sequence: number, position: number): void {
    this.#add({ source, topic, sequence, position, isWhole: false })
  }

  #add(entry: Entry): void {
    const { entries, limit } = this.#chunk
    if (entries.length >= limit) this.#chunk = chunkOn(deliveredAt(this.mark()))
    this.#chunk.entries.push(entry)
  }
}

/** The cursor behind a message that was delivered at a moment, and how many topics of its publisher it names. */
export function cursorBehind(
  mark: CursorMark,
  source: string,
  topic: string,
  last: CursorTopic,
): { readonly cursor: Cursor; readonly topics: number } {
  const sources = deliveredAt(mark, { source, topic, ...last, isWhole: false })
  return { cursor: writeCursor(sources), topics: sources.get(source)?.topics.size ?? 0 }
}

/** The cursor at a moment. */
export function cursorAt(mark: CursorMark): Cursor {
  return writeCursor(deliveredAt(mark))
}

function chunkOn(base: CursorSources): Chunk {
  let size = base.size
  for (const source of base.values()) size += source.topics.size
  return { base, entries: [], limit: Math.max(minEntries, size) }
}

function deliveredAt({ chunk, entries }: CursorMark, last?: Entry): CursorSources {
  const sources = new Map<string, Delivered>()
  for (const [id, { topics, ...rest }] of chunk.base) sources.set(id, { ...rest, topics: new Map(topics) })
  for (let at = 0; at < entries; at++) enter(sources, chunk.entries[at] as Entry)
  if (last) enter(sources, last)
  for (const id of sources.keys()) {
    if (sources.size <= maxSources) break
    sources.delete(id)
  }
  for (const source of sources.values()) shorten(source)
  return sources
}

interface Delivered extends CursorSource {
  position: number
  isWhole: boolean
  readonly topics: Map<string, CursorTopic>
}

function enter(sources: Map<string, Delivered>, { source: id, topic, sequence, position, isWhole }: Entry): void {
  let source = sources.get(id)
  source ??= { position: 0, isWhole: true, topics: new Map() }
  // in the order in which they have sent last
  sources.delete(id)
  sources.set(id, source)
  if (topic !== undefined) {
    // in the order in which they have come last
    source.topics.delete(topic)
    source.topics.set(topic, { sequence, position })
  } else {
    source.position = Math.max(source.position, position)
    source.isWhole &&= isWhole
  }
}

/** Of many topics, leaves those out that the position covers. */
function shorten(source: Delivered): void {
  const { position, topics } = source
  if (topics.size <= fewTopics) return
  for (const [name, last] of topics) if (last.position <= position && topics.delete(name)) source.isWhole = false
  for (const name of topics.keys()) {
    if (topics.size <= maxTopics) return
    topics.delete(name)
    source.isWhole = false
  }
}
