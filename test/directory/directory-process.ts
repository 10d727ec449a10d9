/**
 * The program of the soak `directory-kills`: a host of a directory, or a process that announces, until it is killed.
 *
 * Arguments: the role and its options as JSON. It sends its parent `{ endpoint }` or `{ announced }` when it is ready, and on
 * `report` what its host counts.
 */
import { createDirectory, createDirectoryHost } from '../../patterns/directory/index.js'
import { createPull } from '../../patterns/queue/index.js'
import { Job } from '../support/job.js'

/** What a process is. */
export type DirectoryRole =
  | { readonly role: 'host'; readonly bind: string; readonly graceMs: number; readonly leaseMs: number }
  | { readonly role: 'announcer'; readonly connect: readonly string[]; readonly names: readonly string[] }

const role = JSON.parse(process.argv[2] ?? '') as DirectoryRole
process.on('disconnect', () => process.exit())

if (role.role === 'host') {
  const { bind, graceMs, leaseMs } = role
  const host = await createDirectoryHost({ bind, graceMs, leaseMs })
  host.errors.subscribe()
  process.on('message', () => process.send?.({ stats: host.stats() }))
  process.send?.({ endpoint: host.endpoint })
} else {
  const { connect, names } = role
  const directory = await createDirectory({ connect })
  directory.errors.subscribe()
  const pull = await createPull({ bind: 'tcp://127.0.0.1:*', schema: Job })
  await Promise.all(names.map((name) => directory.announce(name, pull)))
  process.send?.({ announced: names.length })
  // what comes and goes all the time: the load
  for (let round = 0; ; round++) {
    const passing = await directory.announce('passing', pull, { metadata: { round: `${round}` } })
    await passing.close()
  }
}
