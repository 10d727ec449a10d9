/**
 * The views that somebody reads: each is watched while it has a reader, however many there are.
 */
import { Observable, Subject } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import type { DirectoryClient } from './directory-client.js'
import { type Announced, type View, viewKey } from './wire.js'

type Entries = ReadonlyMap<string, Announced>

interface Read {
  readonly view: View
  readonly entries: Subject<Entries>
  readers: number
}

/** The views of one client that are read. */
export class ViewReaders {
  readonly #client: Pick<DirectoryClient, 'watch' | 'unwatch' | 'entries'>
  readonly #reads = new Map<string, Read>()
  #isClosed = false

  constructor(client: Pick<DirectoryClient, 'watch' | 'unwatch' | 'entries'>) {
    this.#client = client
  }

  /** What a view has: now, if a host has said it, and then whenever it may have changed. */
  read(view: View): Observable<Entries> {
    return new Observable((subscriber) => {
      if (this.#isClosed) {
        subscriber.complete()
        return
      }
      const read = this.#reads.get(viewKey(view)) ?? this.#begin(view)
      if (read === undefined) {
        const text = `'${view.name}' is not watched: there are ${defaults.maxWatches} others, as many as there may be`
        subscriber.error(new RivuletError('RIVULET_DIRECTORY_FULL', text))
        return
      }
      read.readers += 1
      const subscription = read.entries.subscribe(subscriber)
      const now = this.#client.entries(read.view)
      if (now !== undefined) subscriber.next(now)
      return () => {
        subscription.unsubscribe()
        read.readers -= 1
        if (read.readers === 0) this.#end(read)
      }
    })
  }

  /** The entries of a view may have changed. */
  changed(view: View): void {
    const now = this.#client.entries(view)
    if (now !== undefined) this.#reads.get(viewKey(view))?.entries.next(now)
  }

  /** Completes everything that is read. */
  close(): void {
    this.#isClosed = true
    for (const { entries } of [...this.#reads.values()]) entries.complete()
  }

  #begin(view: View): Read | undefined {
    if (this.#reads.size >= defaults.maxWatches) return undefined
    const read: Read = { view, entries: new Subject(), readers: 0 }
    this.#reads.set(viewKey(view), read)
    this.#client.watch(view)
    return read
  }

  #end(read: Read): void {
    this.#reads.delete(viewKey(read.view))
    this.#client.unwatch(read.view)
  }
}
