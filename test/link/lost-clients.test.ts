/** Closing after a client was killed: nothing waits for a connection that does not come back, whatever the time limit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { createDirectoryHost } from '../../patterns/directory/index.js'
import { createPeer } from '../../patterns/messaging/index.js'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { createQueueHost } from '../../patterns/queue/index.js'
import { createRpcServer, implement } from '../../patterns/rpc/index.js'
import { defaults } from '../../src/options/index.js'
import { loader, modulePath } from '../child-process.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { Plant } from '../support/plant.js'
import { place } from '../support/transports.js'
import type { LostClientEndpoints } from './lost-clients-process.js'

/** Far beyond the limit of a test. */
const timeoutMs = 3_600_000

const program = modulePath('test/link/lost-clients-process.ts')

const plant = () =>
  implement(Plant, {
    quick: ({ id }) => id,
    hold: () => new Promise<number>(() => {}),
    safe: ({ id }) => id,
    block: () => 0,
    large: () => Buffer.alloc(0),
    async *items({ count, padding }) {
      for (let item = 0; item < count; item++) yield Buffer.alloc(padding)
    },
    count: () => new Promise<number>(() => {}),
    peakMb: () => 0,
    stats: () => '',
  })

t.test('resources close after the process of their clients was killed', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const directory = await createDirectoryHost({ bind, runtime })
  const queue = await createQueueHost({ bind, runtime, store: 'memory', queues: { jobs: {} } })
  const idle = await createRpcServer({ bind, runtime, services: [plant()] })
  const streaming = await createRpcServer({ bind, runtime, services: [plant()] })
  const peer = await createPeer({ name: 'survivor', bind, runtime })
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const received = new Promise<void>((resolve) => peer.messages(Job).subscribe(() => resolve()))
  const kept = publisher.topic('kept', Job)
  for (let id = 1; id <= 20_000; id++) await kept.send({ id, note: 'x'.repeat(1000) })
  const resources = { directory, queue, idle, streaming, peer, publisher }
  for (const resource of Object.values(resources)) resource.errors.subscribe()
  const endpoints: LostClientEndpoints = {
    directory: directory.endpoint,
    queue: queue.endpoint,
    idle: idle.endpoint,
    streaming: streaming.endpoint,
    peer: peer.endpoint,
    publisher: publisher.endpoint,
  }
  const args = ['-u', 'NODE_OPTIONS', process.execPath, ...loader, program, JSON.stringify(endpoints)]
  const child = spawn('env', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [connect] = (await once(child, 'message')) as [string]
  await received
  const dialing = await createPeer({ name: 'dialing', connect, runtime })
  await dialing.send('bound', Job, { id: 1 })
  t.equal(publisher.stats().history.openReplays, 1)
  t.equal(streaming.stats().open, 1)
  const all = [...Object.values(resources), dialing]
  child.kill('SIGKILL')
  await until(() => all.every(({ connected }) => connected === 0))
  const lost = performance.now()
  await Promise.all(all.map((resource) => resource.close({ timeoutMs })))
  t.ok(performance.now() - lost < defaults.retentionMs - 3000, 'not when the sessions of the clients end')
  t.equal(streaming.stats().cancelled, 1)
})
