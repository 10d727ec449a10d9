/** While peers flood a worker that binds, new producers are admitted a few at a time; those of other sockets do not wait. */
import t from 'tap'
import { createPublisher } from '../../patterns/pubsub/index.js'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { first, total, until } from '../support/events.js'
import { comesSlowly } from '../support/held-handshakes.js'
import { Job } from '../support/job.js'
import { rawPeer, zmtpFrame } from '../support/raw-zmtp.js'
import { block, dataFrame, ints } from '../support/stranger.js'
import { eachTransport } from '../support/transports.js'

const floods = {
  'malformed frames': () => Array<Buffer>(20_000).fill(zmtpFrame(Buffer.from('x'))),
  schemas: () =>
    Array.from({ length: 500 }, (_, index) =>
      zmtpFrame(dataFrame({ schema: `"int"${' '.repeat(index)}`, count: 1 }, block(ints(1)))),
    ),
}

for (const [name, frames] of Object.entries(floods)) {
  eachTransport(
    t,
    `new producers come a few at a time while one floods a worker with ${name}`,
    async (t, { runtime, bind }) => {
      const pull = await createPull({ schema: Job, bind, runtime })
      pull.errors.subscribe()
      const received = first(pull.messages)
      const other = await createPublisher({ bind: 'tcp://127.0.0.1:*', runtime })
      const flooder = await rawPeer(t, pull.endpoint, 'PUSH')
      flooder.write(Buffer.concat(frames()))
      await until(() => total(pull.stats().rejectedFrames) > 5000 || total(pull.stats().dropped) > 400)
      await comesSlowly(t, pull.endpoint, 'PUSH', other.endpoint)
      t.equal(pull.refusedConnections, 0)

      const push = await createPush({ schema: Job, connect: pull.endpoint, runtime })
      push.next({ id: 7, note: '' })
      t.match(await received, { id: 7 }, 'an honest producer is served')
    },
    ['ipc', 'tcp'],
  )
}
