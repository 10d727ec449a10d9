/**
 * Subscribers with links, opened until there is no socket left for another, over and over with other limits, in a process of its
 * own: a monitor that is made in part stops the process for good.
 *
 * With `maxSockets` as arguments one limit after the other is tried, without any the limit of the process on files. It says for
 * each what went wrong, or how many subscribers were open and the code that refused another.
 */
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { createRuntime, type RuntimeOptions } from '../../src/runtime/index.js'
import { turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** As long as a monitor is left unread, in milliseconds. */
const pollMs = 100

async function round(options: RuntimeOptions): Promise<string> {
  const clock = new VirtualClock()
  const runtime = createRuntime({ ...options, clock })
  // within the process, since the files of connections are a matter of those who accept them
  const publisher = await createPublisher({ bind: 'inproc://jobs', history: { maxMessages: 10 }, runtime })
  const jobs = publisher.topic('jobs', Job)
  publisher.unref()
  const ids = new Map<Awaited<ReturnType<typeof createSubscriber>>, number>()
  const open = async () => {
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    ids.set(subscriber, -1)
    subscriber.errors.subscribe(() => {}) // some have no socket for their links
    subscriber.topic('jobs', Job, { since: 'all' }).subscribe(({ id }) => ids.set(subscriber, id))
    subscriber.unref()
  }
  const fill = async () => {
    for (;;) {
      await open()
      await turn()
    }
  }
  const { code } = (await fill().catch((error) => error)) as RivuletError
  const opened = ids.size
  const pass = async (polls: number) => {
    for (let poll = 0; poll < polls; poll++) {
      clock.advance(pollMs)
      for (let turns = 0; turns < 5; turns++) await turn()
    }
  }
  await pass(10)
  for (let id = 0; [...ids.values()].some((seen) => seen < 0); id++) {
    await jobs.send({ id, note: '' })
    await pass(1)
  }
  const [one] = ids.keys()
  if (!one) return 'none was opened'
  ids.delete(one)
  await one.close({ drain: false })
  // the library closes the sockets a moment later
  while (ids.size < opened) {
    await pass(1)
    await open().catch(() => {})
  }
  const others = [...ids.keys()].filter(({ closed }) => closed).length
  await Promise.all([runtime.close({ drain: false }), until(() => runtime.size === 0)])
  return others > 0 ? `${others} closed` : `${opened} ${code}`
}

const limits = process.argv.slice(2).map(Number)
for (const maxSockets of limits) console.log(maxSockets, await round({ maxSockets }))
if (limits.length === 0) console.log(await round({}))
process.exit(0)
