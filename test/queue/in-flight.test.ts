/** What is on its way to one worker stays within `inFlightLimit`, and is what is lost when that worker is cut. */
import t from 'tap'
import { createPull, createPush } from '../../patterns/queue/index.js'
import { linkState, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { whenStill } from '../support/stillness.js'
import { eachTransport } from '../support/transports.js'

const settings = {
  'small buffers, a frame for each message': { socketBufferBytes: 4096, maxBatchMessages: 1 },
  'small buffers, ten messages to a frame': { socketBufferBytes: 4096, maxBatchMessages: 10 },
  'the defaults': {},
}

for (const [name, options] of Object.entries(settings)) {
  eachTransport(t, `a worker that takes nothing, ${name}`, async (t, { runtime, bind }) => {
    const push = await createPush({ schema: Job, bind, runtime, outboxBytes: 1, ...options })
    const { frames, messages } = push.stats().inFlightLimit
    const { socketBufferBytes = 65_536 } = options as { socketBufferBytes?: number }
    const hung = await createPull({ schema: Job, connect: push.endpoint, runtime, socketBufferBytes })
    await push.whenConnected()
    // one message a turn where the size of frames decides: the smallest frames, so the most of them
    const small = !('maxBatchMessages' in options)
    let next = 0
    let stop = false
    const producing = (async () => {
      while (!stop) {
        await push.send({ id: next++ })
        if (small) await new Promise(setImmediate)
      }
    })()
    await whenStill(runtime, () => push.stats().sent)
    const lost = push.stats().sent
    t.ok(lost <= messages, `${lost} of at most ${messages} messages`)
    t.ok(lost >= frames - 3, 'and not only those that were just sent')
    t.equal(hung.stats().received, 0)

    const cut = linkState(push, 'disconnected')
    await hung.close({ drain: false })
    await cut
    const worker = await createPull({ schema: Job, connect: push.endpoint, runtime, socketBufferBytes })
    const seen: number[] = []
    worker.messages.subscribe(({ id }) => seen.push(id))
    // the last message must not be one that went to the worker which has gone
    await until(() => seen.length > 0)
    stop = true
    await producing
    await until(() => seen.at(-1) === next - 1)
    // a frame that the library had begun to hand over belongs to nobody else any more
    t.ok(next - seen.length <= messages, `${next - seen.length} messages were lost`)
    t.strictSame(
      seen,
      jobs(seen.length, next - seen.length).map(({ id }) => id),
      'the rest arrives, without a gap',
    )
  })
}
