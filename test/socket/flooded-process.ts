/**
 * A process with one resource that binds, whose event loop stops on demand: what floods it waits in the library then.
 *
 * It says its endpoint, reads a line, stops for a while, says `half` in the middle of that and `awake` at its end, reads what
 * waits, says `alive` when all peers have gone, and exits.
 */
import { writeSync } from 'node:fs'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { createPull } from '../../patterns/queue/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { openServer } from '../rpc/lab.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'

/** Half of the time that the loop stands still, in milliseconds: longer than a heartbeat of 1 s. */
const halfMs = 1200

const bind = 'tcp://127.0.0.1:*'

const open = {
  pull: async () => {
    const pull = await createPull({ schema: Job, bind })
    pull.messages.subscribe()
    return pull
  },
  publisher: () => createPublisher({ bind }),
  subscriber: async () => {
    const subscriber = await createSubscriber({ bind })
    subscriber.topic('a', Job).subscribe()
    return subscriber
  },
  server: () => openServer({ bind, runtime: createRuntime() }),
}

const say = (text: string) => writeSync(1, `${text}\n`)
const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, halfMs)

const resource = await open[process.argv[2] as keyof typeof open]()
resource.errors.subscribe()
say(resource.endpoint)
process.stdin.once('data', async () => {
  standStill()
  say('half')
  standStill()
  say('awake')
  await until(() => resource.connected === 0)
  say('alive')
  process.exit()
})
