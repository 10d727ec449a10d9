/**
 * Opens resources, links them and closes them, again and again, until it has had so many signals; then says what failed.
 *
 * Its argument is the number of signals.
 */
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import type { Resource } from '../../src/resource/index.js'
import { Job } from '../support/job.js'

/** What it says to its parent: first that it hears signals, at the end the rest. */
export interface Interrupted {
  readonly opened: number
  readonly failures: readonly string[]
}

const wanted = Number(process.argv[2])
const failures: string[] = []
let signals = 0
let opened = 0

/** Opens a resource and its peer, and closes both. */
async function pair(bound: () => Promise<Resource>, peer: () => Promise<Resource>): Promise<void> {
  const resources: Resource[] = []
  try {
    for (const open of [bound, peer]) {
      const resource = await open()
      resources.push(resource)
      resource.errors.subscribe((error) => failures.push(`reported: ${error}`))
      opened += 1
    }
  } catch (error) {
    failures.push(`not opened: ${error}`)
  }
  for (const resource of resources) await resource.close().catch((error) => failures.push(`not closed: ${error}`))
}

process.on('SIGUSR2', () => {
  signals += 1
})
process.send?.('ready')
for (let round = 0; signals < wanted; round++) {
  const jobs = `inproc://jobs-${round}`
  await pair(
    () => createPull({ schema: Job, bind: jobs }),
    () => createPush({ schema: Job, connect: jobs }),
  )
  let endpoint = ''
  await pair(
    async () => {
      const publisher = await createPublisher({ bind: 'tcp://127.0.0.1:*' })
      endpoint = publisher.endpoint
      return publisher
    },
    () => createSubscriber({ connect: endpoint }),
  )
}
const outcome: Interrupted = { opened, failures }
process.send?.(outcome, () => process.exit())
