/**
 * The publishers that one subscription follows: so many are remembered.
 */
import type { FollowedFrame } from './followed-frame.js'
import { FollowedSource, leastKnown } from './followed-source.js'
import type { HistoryFetch } from './history-fetch.js'

/** Publishers that are remembered. */
const maxSources = 1024

/** Publishers by their identities. */
export class FollowedSources<Frame extends FollowedFrame> implements Iterable<FollowedSource<Frame>> {
  readonly #sources = new Map<string, FollowedSource<Frame>>()
  readonly #leave: (source: FollowedSource<Frame>) => void

  /** @param leave - One is forgotten, since there are too many. */
  constructor(leave: (source: FollowedSource<Frame>) => void) {
    this.#leave = leave
  }

  /** The one of an identity, if it is known. */
  known(id: string): FollowedSource<Frame> | undefined {
    return this.#sources.get(id)
  }

  /** The one of an identity. */
  source(id: string): FollowedSource<Frame> {
    const known = this.#sources.get(id)
    if (known) return known
    if (this.#sources.size >= maxSources) {
      const forgotten = leastKnown([...this.#sources.values()])
      this.#leave(forgotten)
      this.#sources.delete(forgotten.id)
    }
    const source = new FollowedSource<Frame>(id)
    this.#sources.set(id, source)
    return source
  }

  /** The one that was asked, if it still wants to know. */
  asking(fetch: HistoryFetch): FollowedSource<Frame> | undefined {
    const source = this.#sources.get(fetch.source)
    return source?.fetches.has(fetch) ? source : undefined
  }

  [Symbol.iterator](): Iterator<FollowedSource<Frame>> {
    return this.#sources.values()
  }
}
