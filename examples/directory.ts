/**
 * A directory: a queue and its clients find each other through two hosts, of which one is closed and opened again.
 *
 * All sides are in one process here; they need not be. Run it with `npx tsx examples/directory.ts`.
 */
import { createDirectory, createDirectoryHost, type DirectoryEntry } from 'rivulet/directory'
import { createQueueHost } from 'rivulet/queue'
import { filter, firstValueFrom, map } from 'rxjs'

const first = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
await using second = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
const connect = [first.endpoint, second.endpoint]

// two processes that serve, each with a directory of its own
const options = { bind: 'tcp://127.0.0.1:*', store: 'memory', queues: { jobs: {} } } as const
await using east = await createQueueHost(options)
await using west = await createQueueHost(options)
await using ofEast = await createDirectory({ connect })
await using ofWest = await createDirectory({ connect })
await ofEast.announce('jobs', east, { metadata: { zone: 'east' } })
const announced = await ofWest.announce('jobs', west, { metadata: { zone: 'west' } })

// a process that looks for them
await using directory = await createDirectory({ connect })
const zonesOf = (entries: readonly DirectoryEntry[]) => entries.map(({ metadata }) => metadata.zone).sort()
const sees = (count: number) =>
  firstValueFrom(
    directory.entries('jobs').pipe(
      filter(({ length }) => length === count),
      map(zonesOf),
    ),
  )
console.log('there are', await sees(2))

// a host goes and comes back, and the list stays
const { endpoint } = first
await first.close()
console.log('with one host', await sees(2))
await using again = await createDirectoryHost({ bind: endpoint })
await announced.close()
console.log('without the one that was withdrawn', await sees(1))
console.log(again.endpoint === endpoint ? 'the host is back at its endpoint' : 'the host has moved')
